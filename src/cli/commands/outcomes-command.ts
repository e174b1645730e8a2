import type { Command } from 'commander';
import { systemClock } from '../../services/platform/clock.js';
import { errors } from '../../services/platform/errors.js';
import { createRecordOutcomes } from '../../services/prediction-api/record-outcomes.js';
import type { OutcomeToRecord } from '../../services/prediction-api/record-outcomes.js';
import { foreignInstant, foreignScalar } from '../foreign-values.js';
import { newestManifest } from '../load-version.js';
import { configOf } from '../global-options.js';
import { print, note } from '../print.js';
import { startProgress } from '../progress.js';
import { withAppender } from '../workspace.js';

interface OutcomeOptions {
  readonly model?: string;
  readonly predictionId?: string;
  readonly key?: string;
  readonly truth: string;
  readonly observedAt?: string;
  readonly quiet?: boolean;
}

/** `hindcast outcomes import`: ground truth from a file, by prediction id or by the caller's own key. */
export function outcomesCommand(program: Command): void {
  program
    .command('outcomes')
    .description('ground truth')
    .command('import')
    .argument('<file>', 'CSV, JSON lines or Parquet')
    .option('--model <name>', 'model; may be left out when there is one')
    .option('--prediction-id <column>', 'column with prediction ids')
    .option('--key <column>', 'column with your own keys')
    .option('--truth <column>', 'column with the truth', 'truth')
    .option('--observed-at <column>', 'column with the instant at which the truth became known')
    .option('--quiet', 'no progress')
    .description('take in ground truth from a file; predictions may come later')
    .action(async (file: string, options: OutcomeOptions, command: Command) => {
      if ((options.predictionId === undefined) === (options.key === undefined)) {
        throw errors.USAGE_INVALID({
          problem: 'Name exactly one of --prediction-id <column> and --key <column>.',
        });
      }
      await withAppender(configOf(command), async ({ appender, registry }) => {
        const known = Object.keys(registry.models);
        const model = options.model ?? (known.length === 1 ? known[0] : undefined);
        if (model === undefined) throw errors.MODEL_NAME_NEEDED({ known });
        const record = createRecordOutcomes({
          log: appender,
          clock: systemClock,
          origin: 'imported',
          source: file,
          manifestOf: (name) => newestManifest(registry, name),
          known: async (references) => references.map(() => false),
        });
        const progress = startProgress({
          what: 'importing',
          unit: 'outcomes',
          quiet: options.quiet === true,
        });
        try {
          const { recorded, withoutTruth } = await importOutcomes(
            file,
            model,
            options,
            record,
            progress.update,
          );
          progress.stop();
          print(`imported ${recorded} outcomes`);
          if (withoutTruth > 0) note(`skipped ${withoutTruth} rows without a truth`);
        } finally {
          progress.stop();
        }
      });
    });
}

async function importOutcomes(
  file: string,
  model: string,
  options: OutcomeOptions,
  record: (outcomes: readonly OutcomeToRecord[]) => Promise<unknown>,
  onProgress: (done: number, total: number) => void,
): Promise<{ recorded: number; withoutTruth: number }> {
  const { openForeignTable } = await import('../../projections/duckdb/read-foreign-table.js');
  const table = await openForeignTable(file);
  try {
    const names = table.columns.map((column) => column.name);
    const index = (column: string): number => {
      const found = names.indexOf(column);
      if (found < 0)
        throw errors.IMPORT_FILE_INVALID({
          path: file,
          problem: `it has no column "${column}"; its columns are ${names.join(', ')}`,
        });
      return found;
    };
    const named = index(options.predictionId ?? options.key ?? '');
    const truth = index(options.truth);
    const observedAt = options.observedAt === undefined ? undefined : index(options.observedAt);
    let [recorded, withoutTruth, done] = [0, 0, 0];
    for await (const rows of table.rows()) {
      const outcomes = rows.flatMap((row): OutcomeToRecord[] => {
        const value = foreignScalar(row[truth]);
        if (value === null) return [];
        const name = String(row[named] ?? '');
        return [
          {
            model,
            ...(options.predictionId === undefined ? { key: name } : { predictionId: name }),
            truth: value,
            observedAt: observedAt === undefined ? undefined : foreignInstant(row[observedAt]),
          },
        ];
      });
      if (outcomes.length > 0) await record(outcomes);
      recorded += outcomes.length;
      withoutTruth += rows.length - outcomes.length;
      done += rows.length;
      onProgress(done, table.rowCount);
    }
    return { recorded, withoutTruth };
  } finally {
    await table.close();
  }
}
