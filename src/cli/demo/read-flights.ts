import type { SqlValue } from '../../projections/duckdb/open-duckdb.js';
import type { ForeignTable } from '../../projections/duckdb/read-foreign-table.js';
import { openForeignTable } from '../../projections/duckdb/read-foreign-table.js';
import { errors } from '../../services/platform/errors.js';
import type { Flight } from './flights-calendar.js';
import { weekMicros, weeksToMove } from './flights-calendar.js';

export interface FlightsTraffic {
  /** How far the calendar was moved. */
  readonly weeks: number;
  /** Instant of the first flight, microseconds UTC on the moved calendar. */
  readonly firstAt: number;
  /** Flights scheduled at or before `now`. */
  readonly flightsUntilNow: number;
  /** All flights, ascending by schedule; read from the file as they are taken. */
  readonly flights: AsyncIterable<Flight>;
  close(): Promise<void>;
}

const notInputs = new Set(['key', 'scheduled_at', 'late', 'arrived_at']);

/** Opens the example traffic, its calendar moved so that it ends at or after `now`. */
export async function readFlights(path: string, now: number): Promise<FlightsTraffic> {
  const table = await openForeignTable(path);
  try {
    const [first, last] = await table.aggregate('min(scheduled_at), max(scheduled_at)');
    const weeks = weeksToMove(Number(last), now);
    const shift = weeks * weekMicros;
    const [flightsUntilNow] = await table.aggregate(
      `count(*) FILTER (epoch_us(scheduled_at) <= ${now - shift})`,
    );
    return {
      weeks,
      firstAt: Number(first) + shift,
      flightsUntilNow: Number(flightsUntilNow),
      flights: movedFlights(table, path, shift),
      close: () => table.close(),
    };
  } catch (error) {
    await table.close();
    throw error;
  }
}

async function* movedFlights(table: ForeignTable, path: string, shift: number): AsyncGenerator<Flight> {
  const names = table.columns.map((column) => column.name);
  const column = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw errors.IMPORT_FILE_INVALID({ path, problem: `it has no column ${name}` });
    return index;
  };
  const [key, scheduledAt, late, arrivedAt] = [
    column('key'),
    column('scheduled_at'),
    column('late'),
    column('arrived_at'),
  ];
  const features = table.columns.flatMap(({ name, type }, index) =>
    notInputs.has(name) ? [] : [{ name, index, read: type === 'FLOAT' ? shortestDecimals() : plain }],
  );
  for await (const rows of table.rows()) {
    for (const row of rows) {
      const inputs: { [feature: string]: string | number | boolean | null } = {};
      for (const { name, index, read } of features) inputs[name] = read(row[index]);
      yield {
        key: String(row[key]),
        scheduledAt: Number(row[scheduledAt]) + shift,
        inputs,
        truth: truthOf(row[late], row[arrivedAt], shift),
      };
    }
  }
}

function truthOf(
  late: SqlValue | undefined,
  arrivedAt: SqlValue | undefined,
  shift: number,
): Flight['truth'] {
  if (late === null || late === undefined || arrivedAt === null || arrivedAt === undefined) return undefined;
  return { late: Number(late) === 1 ? 1 : 0, arrivedAt: Number(arrivedAt) + shift };
}

/** The file holds 32-bit floats; a caller would send 48.92, not 48.91999816894531, and the model gets the same. */
function shortestDecimals(): (value: SqlValue | undefined) => string | number | boolean | null {
  const known = new Map<number, number>();
  return (value) => {
    if (typeof value !== 'number' || Number.isInteger(value)) return plain(value);
    const found = known.get(value);
    if (found !== undefined) return found;
    const decimal =
      [6, 7, 8, 9]
        .map((digits) => Number(value.toPrecision(digits)))
        .find((candidate) => Math.fround(candidate) === value) ?? value;
    known.set(value, decimal);
    return decimal;
  };
}

function plain(value: SqlValue | undefined): string | number | boolean | null {
  return typeof value === 'bigint' ? Number(value) : (value ?? null);
}
