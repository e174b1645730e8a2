import { Option } from 'commander';
import type { Command } from 'commander';
import type { SqlValue } from '../../projections/duckdb/open-duckdb.js';
import { configOf } from '../global-options.js';
import { note, print } from '../print.js';
import { textTable } from '../text-table.js';
import { withWorkspace } from '../workspace.js';

const rowsShownMax = 200;

/** `hindcast sql "<query>"`: DuckDB over the datasets and the log's tail; sees every acknowledged event. */
export function sqlCommand(program: Command): void {
  program
    .command('sql')
    .argument(
      '<query>',
      'a SELECT over the views: one for each model, predictions, outcomes, rejections, models, replays',
    )
    .addOption(
      new Option('--format <format>', 'how to print').choices(['table', 'csv', 'json']).default('table'),
    )
    .description('analytical SQL over predictions, inputs, outputs and ground truth')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast sql "select version, count(*), avg(truth) from flights group by 1"',
    )
    .action(async (query: string, options: { format: 'table' | 'csv' | 'json' }, command: Command) => {
      await withWorkspace(configOf(command), async (workspace) => {
        const analytics = await workspace.analytics();
        const result = await analytics.query(query);
        const names = result.columns.map((column) => column.name);
        if (options.format === 'table') await printTable(names, result.rows);
        else if (options.format === 'csv') await printCsv(names, result.rows);
        else await printJson(names, result.rows);
      });
    });
}

async function printTable(names: readonly string[], rows: AsyncIterable<readonly SqlValue[]>): Promise<void> {
  const shown: string[][] = [];
  let count = 0;
  for await (const row of rows) {
    count += 1;
    if (shown.length < rowsShownMax) shown.push(row.map((cell) => text(cell) ?? 'NULL'));
  }
  print(textTable(names, shown));
  if (count > rowsShownMax) note(`${rowsShownMax} of ${count} rows shown; --format csv or json prints all`);
}

async function printCsv(names: readonly string[], rows: AsyncIterable<readonly SqlValue[]>): Promise<void> {
  const cell = (value: string): string =>
    /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  print(names.map(cell).join(','));
  for await (const row of rows) print(row.map((value) => cell(text(value) ?? '')).join(','));
}

/** One JSON object a line. Integers beyond 2^53 are strings, so that no digit is lost. */
async function printJson(names: readonly string[], rows: AsyncIterable<readonly SqlValue[]>): Promise<void> {
  for await (const row of rows)
    print(JSON.stringify(Object.fromEntries(names.map((name, index) => [name, plain(row[index])]))));
}

/** Integers beyond 2^53 as text, so that no digit is lost. */
function plain(value: SqlValue | undefined): Exclude<SqlValue, bigint> {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return value ?? null;
}

function text(value: SqlValue | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}
