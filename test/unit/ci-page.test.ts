import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hindcastProgram } from '../../src/cli/hindcast-program.js';
import { replayProgram } from '../../src/cli/replay-program.js';
import { reportFormats } from '../../src/replay/report/render-report.js';
import { exitCodes } from '../../src/services/platform/errors.js';
import { root } from '../support/run-command.js';

const page = readFileSync(join(root, 'docs', 'ci.md'), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
// In fences, and in the text of the page.
const commands = [...page.matchAll(/(?:npx |`)((?:replay|hindcast) [^`\n]+)/g)].map(
  (match) => match[1] ?? '',
);

/** Every text in a YAML document. */
function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(texts);
}

/** The command that words name, and the words that are left. */
function resolved(words: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  let command = words[0] === 'replay' ? replayProgram() : hindcastProgram();
  let rest = words.slice(1);
  for (;;) {
    const found = command.commands.find((child) => child.name() === rest[0]);
    if (found === undefined) return { command, rest };
    command = found;
    rest = rest.slice(1);
  }
}

describe('docs/ci.md', () => {
  it('has a job for GitHub and one for GitLab, each YAML that parses without a warning', () => {
    expect(blocks).toHaveLength(2);
    const [github, gitlab] = blocks.map((block) => parse(block, { strict: true, uniqueKeys: true }));
    expect(github).toMatchObject({
      on: { pull_request: {} },
      jobs: { replay: { steps: expect.any(Array) } },
    });
    expect(gitlab).toMatchObject({ replay: { script: expect.any(Array) } });
  });

  it('runs a replay with Markdown and JUnit in each job, and posts and keeps what that writes', () => {
    for (const block of blocks) {
      const all = texts(parse(block));
      expect(all.filter((text) => /^npx replay .*--report md,junit/.test(text))).toHaveLength(1);
      const out = /--out (\S+)/.exec(all.join('\n'))?.[1];
      expect(all.join('\n')).toContain(`${out}/report.md`);
      expect(all).toContain(out);
    }
    expect(texts(parse(blocks[1] ?? ''))).toContain('replay-report/junit.xml');
  });

  it('names no command and no flag that does not exist', () => {
    expect(commands.length).toBeGreaterThan(6);
    for (const text of commands) {
      const words = text.split(' ');
      const { command, rest } = resolved(words);
      if (words[0] === 'hindcast') expect(command.commands, text).toEqual([]);
      const known = command.options.map(({ long }) => long);
      for (const word of rest.filter((each) => each.startsWith('--'))) expect(known, text).toContain(word);
      const formats = rest[rest.indexOf('--report') + 1] ?? '';
      if (rest.includes('--report'))
        for (const format of formats.split(',')) expect(reportFormats, text).toContain(format);
    }
  });

  it('gives the exit codes that commands end with', () => {
    const rows = [...page.matchAll(/^\| ([\d, ]+) \| (\w+) \|/gm)].map(([, code, verdict]) => [
      code,
      verdict,
    ]);
    expect(rows).toEqual([
      [String(exitCodes.ok), 'PASS'],
      [String(exitCodes.fail), 'FAIL'],
      [String(exitCodes.inconclusive), 'INCONCLUSIVE'],
      [String(exitCodes.invalid), 'INVALID'],
      [`${exitCodes.usage}, ${exitCodes.internal}`, 'none'],
    ]);
  });
});
