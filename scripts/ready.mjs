// Installs the locked dependencies and builds, each only when missing or stale. Needs Node and npm alone.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const lockStamp = join(root, 'node_modules', '.hindcast-lock');
const buildStamp = join(root, 'dist', '.hindcast-build');

/** Runs a command in the checkout, output shown; ends this process with its exit code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 70);
}

export function ensureInstalled() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const present = existsSync(lockStamp) ? readFileSync(lockStamp, 'utf8') : '';
  if (present === wanted) return;
  console.error('Installing the locked dependencies (npm ci) …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(lockStamp, wanted);
}

export function ensureBuilt() {
  const newest = newestMillis([
    join(root, 'src'),
    join(root, 'tsconfig.json'),
    join(root, 'tsconfig.build.json'),
  ]);
  if (existsSync(buildStamp) && Number(readFileSync(buildStamp, 'utf8')) >= newest) return;
  console.error('Building (tsc) …');
  run(process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  for (const bin of ['hindcast-bin.js', 'replay-bin.js']) chmodSync(join(root, 'dist', 'cli', bin), 0o755);
  mkdirSync(dirname(buildStamp), { recursive: true });
  writeFileSync(buildStamp, String(newest));
}

export function ensureReady() {
  ensureInstalled();
  ensureBuilt();
}

function newestMillis(paths) {
  let newest = 0;
  for (const path of paths) {
    const stat = statSync(path);
    if (stat.isDirectory())
      newest = Math.max(newest, newestMillis(readdirSync(path).map((name) => join(path, name))));
    else newest = Math.max(newest, stat.mtimeMs);
  }
  return newest;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureReady();
