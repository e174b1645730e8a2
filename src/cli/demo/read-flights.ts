import type { SqlValue } from '../../projections/duckdb/open-duckdb.js';
import { openForeignTable } from '../../projections/duckdb/read-foreign-table.js';
import { errors } from '../../services/platform/errors.js';
import type { Flight } from './flights-calendar.js';
import { weekMicros, weeksToMove } from './flights-calendar.js';

export interface FlightsTraffic {
  readonly flights: readonly Flight[];
  /** How far the calendar was moved. */
  readonly weeks: number;
}

const notInputs = new Set(['key', 'scheduled_at', 'late', 'arrived_at']);

/** Reads the example traffic and moves its calendar so that it ends at or after `now`. */
export async function readFlights(path: string, now: number): Promise<FlightsTraffic> {
  const table = await openForeignTable(path);
  try {
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
    const features = names.flatMap((name, index) => (notInputs.has(name) ? [] : [{ name, index }]));
    const unmoved: Flight[] = [];
    for await (const rows of table.rows()) {
      for (const row of rows) {
        const inputs: { [feature: string]: string | number | boolean | null } = {};
        for (const { name, index } of features) inputs[name] = plain(row[index]);
        unmoved.push({
          key: String(row[key]),
          scheduledAt: micros(row[scheduledAt]),
          inputs,
          truth: truthOf(row[late], row[arrivedAt]),
        });
      }
    }
    const last = unmoved.reduce((latest, flight) => Math.max(latest, flight.scheduledAt), 0);
    const weeks = weeksToMove(last, now);
    const shift = weeks * weekMicros;
    const flights = unmoved.map((flight) => ({
      ...flight,
      scheduledAt: flight.scheduledAt + shift,
      truth:
        flight.truth === undefined
          ? undefined
          : { late: flight.truth.late, arrivedAt: flight.truth.arrivedAt + shift },
    }));
    return { flights, weeks };
  } finally {
    await table.close();
  }
}

function truthOf(late: SqlValue | undefined, arrivedAt: SqlValue | undefined): Flight['truth'] {
  if (late === null || late === undefined || arrivedAt === null || arrivedAt === undefined) return undefined;
  return { late: Number(late) === 1 ? 1 : 0, arrivedAt: micros(arrivedAt) };
}

function plain(value: SqlValue | undefined): string | number | boolean | null {
  return typeof value === 'bigint' ? Number(value) : (value ?? null);
}

function micros(value: SqlValue | undefined): number {
  return Number(value);
}
