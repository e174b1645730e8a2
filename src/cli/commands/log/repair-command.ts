import { join } from 'node:path';
import type { Command } from 'commander';
import { cutLog } from '../../../services/event-log/repair/cut-log.js';
import { type CutPlan, planCut } from '../../../services/event-log/repair/plan-cut.js';
import { replaceSegment } from '../../../services/event-log/repair/replace-segment.js';
import { surveyDamage } from '../../../services/event-log/repair/survey-damage.js';
import { openSegmentLogReader } from '../../../services/event-log/segment-log/segment-log-reader.js';
import { type Verification, verifyLog } from '../../../services/event-log/verify-log.js';
import { acquireWriterLock } from '../../../services/event-log/writer-lock.js';
import { systemClock } from '../../../services/platform/clock.js';
import { errors } from '../../../services/platform/errors.js';
import { confirmed } from '../../confirmed.js';
import { backupManifestName, readBackupManifest } from '../../backup/backup-manifest.js';
import { configOf } from '../../global-options.js';
import { paint } from '../../paint.js';
import { parsePosition } from '../../parse-position.js';
import { note, print } from '../../print.js';
import { startProgress } from '../../progress.js';
import { logFolder } from '../../workspace.js';
import { damageLines, verifiedLines } from './verification-lines.js';

interface RepairOptions {
  readonly fromBackup?: string;
  readonly cutAt?: number;
  readonly deep?: boolean;
  readonly yes?: boolean;
  readonly quiet?: boolean;
}

/** `hindcast log repair`: says what is damaged, and cuts only what it is told to. */
export function repairCommand(log: Command): void {
  log
    .command('repair')
    .description('say what is damaged; with --cut-at, cut the log there and keep what was cut aside')
    .option('--cut-at <position>', 'cut every event from this position on', parsePosition)
    .option(
      '--from-backup <folder>',
      "put a backup's copies of damaged segments in their place; loses nothing",
    )
    .option('--deep', 'also look for events that break their schema')
    .option('--yes', 'do not ask')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast log repair\n  hindcast log repair --from-backup /backups/hindcast\n  hindcast log repair --cut-at 81920\nWhat to do in which order: docs/operations.md.',
    )
    .action(async (options: RepairOptions, command: Command) => {
      const config = configOf(command);
      const { data } = config;
      const directory = logFolder(config);
      const { cutAt, fromBackup } = options;
      if (cutAt === undefined && fromBackup === undefined) return await diagnose(directory, options);
      if (cutAt !== undefined && fromBackup !== undefined)
        throw errors.USAGE_INVALID({ problem: 'Give --from-backup or --cut-at, not both.' });
      const lock = await acquireWriterLock(directory);
      try {
        if (cutAt !== undefined) await cutLogAt({ data, directory, position: cutAt, options });
        else if (fromBackup !== undefined) await repairFrom({ directory, backup: fromBackup, options });
      } finally {
        await lock.release();
      }
    });
}

/** Reads only. Ends with LOG_CORRUPT when there is something to repair. */
async function diagnose(directory: string, options: RepairOptions): Promise<void> {
  const found = await verify(directory, options);
  for (const line of verifiedLines(found)) print(line);
  if (found.damage === undefined) {
    print('whole; there is nothing to repair');
    return;
  }
  const { damage } = found;
  for (const line of damageLines(found, damage, await surveyDamage(directory, damage))) print(line);
  if (damage.segment.endsWith('.segment')) {
    print('\nWith a backup that has this segment whole, this loses nothing:');
    print('  hindcast log repair --from-backup <folder>');
    print(`Without one, this gives up every event from position ${damage.position} on:`);
    print(`  hindcast log repair --cut-at ${damage.position}`);
  } else if (damage.isMendedByOpening === true) {
    print('\nNo event is lost by that. What opens the log for writing mends it, for example:');
    print('  hindcast serve');
  }
  throw errors.LOG_CORRUPT({ ...damage, position: String(damage.position) });
}

/** One damaged segment after the other, as long as the backup has a copy that the chain proves to be the same. */
async function repairFrom(work: {
  readonly directory: string;
  readonly backup: string;
  readonly options: RepairOptions;
}): Promise<void> {
  const { directory, backup, options } = work;
  if ((await readBackupManifest(backup)) === undefined)
    throw errors.BACKUP_DAMAGED({ path: backup, problem: `it has no ${backupManifestName}` });
  const replaced = new Set<string>();
  for (;;) {
    const found = await verify(directory, options);
    const { damage } = found;
    if (damage === undefined) {
      for (const line of verifiedLines(found)) print(line);
      print(
        replaced.size === 0
          ? 'whole; there is nothing to repair'
          : `${paint(process.stdout).good('whole')}; nothing is lost`,
      );
      return;
    }
    const isSegment = damage.segment.endsWith('.segment') && !replaced.has(damage.segment);
    const keptIn = !isSegment
      ? undefined
      : await replaceSegment({
          directory,
          segment: Number.parseInt(damage.segment, 10),
          source: join(backup, 'log'),
          clock: systemClock,
        });
    if (keptIn === undefined) {
      for (const line of damageLines(found, damage, await surveyDamage(directory, damage))) print(line);
      print(`the backup has no sound copy of ${damage.segment} that fits`);
      throw errors.LOG_CORRUPT({ ...damage, position: String(damage.position) });
    }
    replaced.add(damage.segment);
    print(`put the backup's copy of ${damage.segment} in place; the damaged one: log/${keptIn}`);
  }
}

async function cutLogAt(work: {
  readonly data: string;
  readonly directory: string;
  readonly position: number;
  readonly options: RepairOptions;
}): Promise<void> {
  const { data, directory, position, options } = work;
  const found = await verify(directory, options);
  const refused = (problem: string): Error => errors.LOG_CUT_REFUSED({ position: String(position), problem });
  const { damage } = found;
  if (damage === undefined) throw refused('it is whole, and whole events are never cut');
  if (!damage.segment.endsWith('.segment'))
    throw refused(`what is damaged is ${damage.segment}, and no event: ${damage.problem}`);
  if (damage.position < position) throw refused(`it is damaged before that, at position ${damage.position}`);
  const plan = await planCut(directory, position);
  for (const line of damageLines(found, damage, await surveyDamage(directory, damage))) print(line);
  for (const line of planLines(plan, damage.position)) print(line);
  if (!(await confirmed('Cut the log there?', { yes: options.yes === true }))) {
    note('nothing was changed');
    return;
  }
  // First the datasets: between the two they could hold rows of events that are cut, and of other events later.
  const aside = await setAside(data, directory, plan.end.nextPosition);
  if (aside !== undefined)
    print(`datasets reached beyond the cut and are made again from the log; as they were: ${aside}`);
  const keptIn = await cutLog(plan, { clock: systemClock });
  print(`cut; kept aside in log/${keptIn}`);
  const after = await verify(directory, options);
  for (const line of verifiedLines(after)) print(line);
  if (after.damage !== undefined)
    throw errors.LOG_CORRUPT({ ...after.damage, position: String(after.damage.position) });
  print(`${paint(process.stdout).good('whole')}; the next event gets position ${plan.end.nextPosition}`);
}

async function setAside(
  dataDirectory: string,
  directory: string,
  position: number,
): Promise<string | undefined> {
  // DuckDB is loaded only by who needs it.
  const { setDatasetsAside } = await import('../../../projections/projector/set-datasets-aside.js');
  const reader = await openSegmentLogReader({ directory });
  try {
    return await setDatasetsAside({ dataDirectory, reader, position, clock: systemClock });
  } finally {
    await reader.close();
  }
}

function planLines(plan: CutPlan, damagedAt: number): readonly string[] {
  const { end, headPosition, segments } = plan;
  const sound = damagedAt - end.nextPosition;
  return [
    `the cut takes positions ${end.nextPosition} to ${headPosition - 1} (${headPosition - end.nextPosition} events): ` +
      `${plan.tailBytes} bytes at the end of one segment and ${segments.length} whole segments (${plan.segmentBytes} bytes)`,
    ...(sound > 0 ? [`  ${sound} of them stand before the damage and are sound`] : []),
  ];
}

async function verify(directory: string, options: RepairOptions): Promise<Verification> {
  const progress = startProgress({ what: 'verifying', unit: 'bytes', quiet: options.quiet === true });
  return await verifyLog({
    directory,
    deep: options.deep === true,
    onProgress: ({ bytes, totalBytes }) => progress.update(bytes, totalBytes),
  }).finally(progress.stop);
}
