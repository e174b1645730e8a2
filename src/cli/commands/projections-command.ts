import type { Command } from 'commander';
import type { ProjectionResult, ProjectorOptions } from '../../projections/projector/project-available.js';
import { configOf } from '../global-options.js';
import { listenForInterruption } from '../interruption.js';
import { note, print } from '../print.js';
import { startProgress } from '../progress.js';
import { withWorkspace } from '../workspace.js';

/** `hindcast projections …`: datasets are made from the log, and can be made again. */
export function projectionsCommand(program: Command): void {
  const projections = program.command('projections').description('the datasets that are made from the log');
  for (const [name, description, load] of [
    ['run', 'bring the datasets up to the head of the log, once', loadProject],
    ['rebuild', 'delete the datasets and make them again from the log', loadRebuild],
  ] as const) {
    const made = projections.command(name).description(description).option('--quiet', 'no progress');
    if (name === 'rebuild')
      made.option(
        '--accept-loss',
        'give up rows that only damaged datasets have, since the log dropped them',
      );
    if (name === 'run') made.option('-f, --follow', 'go on as events come, until Ctrl-C');
    made.action(async (options: ProjectionFlags, command: Command) => {
      const signal = listenForInterruption();
      if (options.follow === true) return await follow(command, signal);
      const work = await load();
      await withWorkspace(configOf(command), async ({ directory, reader }) => {
        const progress = startProgress({
          what: 'projecting',
          unit: 'events',
          quiet: options.quiet === true,
        });
        try {
          const result = await work({
            dataDirectory: directory,
            reader,
            signal,
            acceptLoss: options.acceptLoss === true,
            onProgress: ({ done, total }) => progress.update(done, total),
          });
          progress.stop();
          if (result.kind === 'busy') note('another process is projecting; nothing was done');
          else {
            print(`datasets hold everything before position ${result.position}`);
            if (result.missingBefore !== undefined) {
              note(
                `but not all of what stood before position ${result.missingBefore}: retention had dropped it from the log when these datasets were made`,
              );
            }
          }
        } finally {
          progress.stop();
        }
      });
    });
  }
}

interface ProjectionFlags {
  readonly quiet?: boolean;
  readonly acceptLoss?: boolean;
  readonly follow?: boolean;
}

/** A projector in a process of its own, for a server that was started with --no-projector. */
async function follow(command: Command, signal: AbortSignal): Promise<void> {
  const { runProjector } = await import('../../projections/projector/run-projector.js');
  await withWorkspace(configOf(command), async ({ directory, reader }) => {
    note(`projecting into ${directory} as events come; Ctrl-C stops`);
    await runProjector({
      dataDirectory: directory,
      reader,
      signal,
      onNoRoom: (error) => note(`${error.message} The projector waits for room.`),
    });
  });
}

type Project = (options: ProjectorOptions & { readonly acceptLoss?: boolean }) => Promise<ProjectionResult>;

async function loadProject(): Promise<Project> {
  return (await import('../../projections/projector/project-available.js')).projectAvailable;
}

async function loadRebuild(): Promise<Project> {
  return (await import('../../projections/projector/rebuild-projections.js')).rebuildProjections;
}
