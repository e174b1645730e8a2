// npm run demo: installs and builds what is missing or stale, then runs `hindcast demo`. Arguments go to it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureReady, root } from './ready.mjs';

ensureReady();
const child = spawn(
  process.execPath,
  [join(root, 'dist', 'cli', 'hindcast-bin.js'), 'demo', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 70)));
