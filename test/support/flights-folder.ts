import { join } from 'node:path';
import { root, runCommand } from './run-command.js';
import type { CommandResult } from './run-command.js';
import { temporaryFolder } from './temporary-folder.js';

export const bundle = (version: 'v1' | 'v2' | 'v3'): string => join(root, 'examples', 'flights', version);

/** Runs a command that must succeed. */
export async function succeed(bin: 'hindcast' | 'replay', args: readonly string[]): Promise<CommandResult> {
  const result = await runCommand(bin, args);
  if (result.code !== 0)
    throw new Error(`${bin} ${args.join(' ')} ended with ${result.code}:\n${result.stderr}${result.stdout}`);
  return result;
}

/** A data folder with v1 registered and promoted, by the commands a user would type. */
export async function folderWithV1(): Promise<string> {
  const data = join(await temporaryFolder(), 'data');
  await succeed('hindcast', ['model', 'add', bundle('v1'), '--data', data, '--promote']);
  return data;
}

/** Twenty days of July 2013 in the demo's folder: made by the demo itself, with its clock fixed. */
export async function smallDemo(data: string, now = '2013-07-21T00:00:00Z'): Promise<CommandResult> {
  return runCommand('hindcast', ['demo', '--once', '--now', now, '--data', data]);
}
