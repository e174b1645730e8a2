import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Bin = 'hindcast' | 'replay';

/** Starts a built command in a process of its own. `nodeArgs` go to Node itself. */
export function startCommand(
  bin: Bin,
  args: readonly string[],
  options: { cwd?: string; nodeArgs?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  return spawn(
    process.execPath,
    [...(options.nodeArgs ?? []), join(root, 'dist', 'cli', `${bin}-bin.js`), ...args],
    {
      cwd: options.cwd ?? root,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
}

/** Runs a built command to its end. */
export async function runCommand(
  bin: Bin,
  args: readonly string[],
  options: Parameters<typeof startCommand>[2] = {},
): Promise<CommandResult> {
  const child = startCommand(bin, args, options);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: stdout(), stderr: stderr() };
}

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `hindcast serve` on a free port and resolves when it says where it listens. */
export async function startServerProcess(data: string, args: readonly string[] = []): Promise<ServerProcess> {
  const child = startCommand('hindcast', ['serve', '--data', data, '--port', '0', ...args], {
    env: { HINDCAST_LOG_LEVEL: 'error' },
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  let text = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
    void ended.then(([code]) => reject(new Error(`the server ended with ${code}: ${text}`)));
  });
  return {
    url,
    port: Number(new URL(url).port),
    child,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null) child.kill(signal);
      return (await ended)[0];
    },
  };
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
