import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventTypes } from '../../src/schemas/events.js';
import { catalogue } from '../../src/services/platform/errors.js';
import { root } from '../support/run-command.js';

function tracked(...patterns: readonly string[]): string[] {
  return execFileSync('git', ['ls-files', '-z', '--', ...patterns], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter(Boolean);
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const sources = tracked('src/*.ts', 'src/**/*.ts');

describe('the project keeps its own rules', () => {
  it('documents every error code, and docs/errors.md is what the catalogue says', () => {
    const page = read('docs/errors.md');
    expect(Object.keys(catalogue).filter((code) => !page.includes(`## ${code}\n`))).toEqual([]);
    expect(
      execFileSync(process.execPath, ['scripts/errors-page.mjs', '--check'], { cwd: root, encoding: 'utf8' }),
    ).toContain('is current');
  });

  it('documents every event type', () => {
    const page = read('docs/events.md');
    expect(eventTypes.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
  });

  it('keeps the pure folders pure: no node:, no package but zod and @stdlib, no clock, no chance', () => {
    const pure = sources.filter((path) =>
      /^src\/(schemas|stats|replay\/judging|replay\/attribution)\//.test(path),
    );
    expect(pure.length).toBeGreaterThan(20);
    const impure = pure.filter((path) => {
      const text = read(path);
      const packages = [...text.matchAll(/from '([^'.][^']*)'/g)].map((match) => match[1] ?? '');
      return (
        packages.some((name) => name !== 'zod' && !name.startsWith('@stdlib/')) ||
        /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\./.test(text)
      );
    });
    expect(impure).toEqual([]);
  });

  it('gives each vendor package one importing file, or for DuckDB one folder', () => {
    const importers = new Map<string, Set<string>>();
    for (const path of sources) {
      for (const match of read(path).matchAll(/from '((?:@[\w-]+\/)?[\w-]+)[^']*'/g)) {
        const name = match[1] ?? '';
        if (name === 'node' || name === 'zod') continue;
        const place = name === '@duckdb/node-api' ? path.split('/').slice(0, -1).join('/') : path;
        importers.set(name, (importers.get(name) ?? new Set()).add(place));
      }
    }
    const allowed = new Set(['fastify', 'commander']);
    const spread = [...importers].filter(
      ([name, places]) => places.size > 1 && !allowed.has(name) && !name.startsWith('@stdlib/'),
    );
    expect(spread.map(([name, places]) => `${name}: ${[...places].join(', ')}`)).toEqual([]);
  });

  it('has no barrels and no default exports', () => {
    expect(
      sources.filter((path) => path.endsWith('/index.ts') || /^export default /m.test(read(path))),
    ).toEqual([]);
  });

  it('says in one line why a test is skipped, and singles none out', () => {
    const tests = tracked('test/**/*.ts').filter(
      (path) => path !== relative(root, import.meta.filename) && !path.endsWith('support/optional.ts'),
    );
    const odd = tests.filter((path) => /\b(?:it|describe|test)\.(?:only|todo|skip)\(/.test(read(path)));
    expect(odd).toEqual([]);
  });

  it('swallows no error without saying beside it where the error is met', () => {
    const silent = sources.flatMap((path) => {
      const lines = read(path).split('\n');
      return lines.flatMap((line, index) =>
        /catch\s*(?:\([^)]*\))?\s*\{\s*\}|\.catch\(\(\)\s*=>\s*(?:undefined|\{\s*\})\)/.test(line) &&
        !/^\s*\/\//.test(lines[index - 1] ?? '')
          ? [`${path}:${index + 1}`]
          : [],
      );
    });
    expect(silent).toEqual([]);
  });
});
