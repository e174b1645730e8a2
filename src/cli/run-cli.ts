import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { HindcastError, errors, exitCodes } from '../services/platform/errors.js';
import { hasNoRoom } from '../services/platform/no-room.js';
import { interruption } from './interruption.js';
import { paint } from './paint.js';

/**
 * Runs a program and ends the process: 0 or the command's own code; 64 for usage; 70 for a fault of ours; 130 when
 * interrupted. No crash ends with 1: that code means a verdict.
 */
export async function runCli(program: Command, argv: readonly string[]): Promise<void> {
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') crash(error);
    // Whoever read it (`| head`) has what was wanted. A replay goes on: its exit code is the verdict, whoever reads the words.
    if (program.name() !== 'replay') process.exit(exitCodes.ok);
  });
  try {
    await program.parseAsync([...argv]);
  } catch (thrown) {
    process.exitCode = explained(thrown);
  }
  if (interruption().aborted) process.exitCode = exitCodes.interrupted;
  // Native threads (DuckDB, ONNX) can keep a finished process alive; what was written to a pipe must leave first.
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit();
}

function explained(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (interruption().aborted) {
    process.stderr.write('interrupted\n');
    return exitCodes.interrupted;
  }
  const error = thrown instanceof HindcastError ? thrown : unexpected(thrown);
  const colours = paint(process.stderr);
  process.stderr.write(
    `${colours.bad('error')} ${colours.dim(error.code)} ${error.message}\n  ${error.action}\n`,
  );
  if (error.code === 'INTERNAL' && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack ?? ''}\n`);
  return error.exitCode;
}

function unexpected(thrown: unknown): HindcastError {
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return hasNoRoom(thrown) ? errors.DISK_FULL({ problem }, thrown) : errors.INTERNAL({ problem }, thrown);
}

function crash(thrown: unknown): never {
  const error = thrown instanceof HindcastError ? thrown : unexpected(thrown);
  process.stderr.write(`error ${error.code} ${error.message}\n  ${error.action}\n`);
  if (thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
  process.exit(exitCodes.internal);
}

async function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve());
  });
}
