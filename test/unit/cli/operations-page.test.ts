import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { hindcastProgram } from '../../../src/cli/hindcast-program.js';
import { root } from '../../support/run-command.js';

const page = readFileSync(join(root, 'docs', 'operations.md'), 'utf8');
const shown = [...page.matchAll(/(?:^\$ |^ {2}|`|: )(hindcast [a-z][^`\n]*)/gm)].map(
  (match) => match[1] ?? '',
);

/** The command that the first words name, and the words after it. */
function found(text: string): { command: Command; rest: readonly string[] } {
  const words = text.split(' ').slice(1);
  let command = hindcastProgram();
  for (const [index, word] of words.entries()) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) return { command, rest: words.slice(index) };
    command = next;
  }
  return { command, rest: [] };
}

describe('docs/operations.md', () => {
  it('shows only commands and options that there are', () => {
    expect(shown.length).toBeGreaterThan(15);
    const wrong = shown.filter((text) => {
      const { command, rest } = found(text);
      const known = new Set([...command.options.map((option) => option.long), '--data']);
      const options = rest.filter((word) => word.startsWith('--')).map((word) => word.replace(/[,.:]$/, ''));
      return command.commands.length > 0 || options.some((option) => !known.has(option));
    });
    expect(wrong).toEqual([]);
  });

  it('has a line for every command below `hindcast log`', () => {
    const log = hindcastProgram().commands.find((command) => command.name() === 'log');
    const names = log?.commands.map((command) => command.name()).filter((name) => name !== 'retain') ?? [];
    expect(names.length).toBeGreaterThan(6);
    expect(names.filter((name) => !shown.some((text) => text.startsWith(`hindcast log ${name}`)))).toEqual(
      [],
    );
  });

  it('explains every command below `hindcast log` with an example', () => {
    const log = hindcastProgram().commands.find((command) => command.name() === 'log');
    for (const command of log?.commands ?? []) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      if (command.name() !== 'retain') expect(help).toContain(`Example:\n  hindcast log ${command.name()}`);
    }
  });
});
