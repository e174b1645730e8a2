// npm run check: types, lint, format, dead code, tests. Every step runs; the first failure decides the exit code.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureReady, root } from './ready.mjs';

ensureReady();
const bin = (name) => join(root, 'node_modules', '.bin', name);
const steps = [
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings']],
  ['format', bin('oxfmt'), ['--check', '.']],
  ['dead code', bin('knip'), []],
  ...(process.argv.includes('--without-tests') ? [] : [['tests', process.execPath, ['scripts/test.mjs']]]),
];
let failed = 0;
for (const [name, command, args] of steps) {
  console.log(`\n── ${name}`);
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) {
    console.log(`✗ ${name} failed`);
    failed ||= result.status ?? 70;
  }
}
console.log(failed === 0 ? '\nall checks passed' : '\nchecks failed');
process.exit(failed);
