// npm run bench [-- serve|replay|log|demo|verdict …]: builds, compiles the benchmarks, and prints their tables.
import { join } from 'node:path';
import { ensureReady, root, run } from './ready.mjs';

ensureReady();
run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'bench/tsconfig.json']);
run(process.execPath, [
  '--expose-gc',
  join(root, 'dist', 'bench', 'bench', 'main.js'),
  ...process.argv.slice(2),
]);
