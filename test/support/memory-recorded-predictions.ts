import { limits } from '../../src/services/platform/limits.js';
import type { Column } from '../../src/schemas/columns.js';
import type {
  RecordedBatch,
  RecordedPredictions,
  RecordedQuery,
} from '../../src/projections/datasets/recorded-predictions.js';

/** One recorded prediction, as a test writes it down. */
export interface MemoryRow {
  readonly occurredAt: number;
  readonly version: string;
  /** Null: imported. */
  readonly digest: string | null;
  readonly key?: string;
  /** A whole number, to be simple: its cell is the rest of a division. */
  readonly subject?: number;
  readonly inputs: { readonly [feature: string]: string | number | null };
  readonly outputs: { readonly [role: string]: string | number | null };
  readonly truth: string | number | null;
  readonly truthKnownAt?: number;
}

/**
 * The port over rows in memory, for tests that need records which no real model would leave (tampered outputs, rows that a
 * model fails on). Positions are the row numbers plus 1,000. `where` is not understood.
 */
export function memoryRecordedPredictions(rows: readonly MemoryRow[]): RecordedPredictions {
  const firstPosition = 1000;
  const numbered = rows.map((row, index) => ({ ...row, position: firstPosition + index }));
  const matching = (query: RecordedQuery) =>
    numbered.filter((row) => row.occurredAt >= query.occurredFrom && row.occurredAt < query.occurredUntil);
  const times = rows.map((row) => row.occurredAt);

  return {
    count: async (query) => {
      const found = matching(query);
      return {
        rows: found.length,
        rowsWithSubject: found.filter((row) => row.subject !== undefined).length,
        rowsWithTruth: found.filter((row) => row.truth !== null).length,
        scoresAreSingle: found.every(({ outputs }) =>
          query.outputs.every((role) => {
            const value = outputs[role];
            return role === 'label' || typeof value !== 'number' || Math.fround(value) === value;
          }),
        ),
        lastPosition: found.at(-1)?.position,
        truthKnownUntil: latest(
          found.flatMap(({ truth, truthKnownAt }) =>
            truth === null || truthKnownAt === undefined ? [] : [truthKnownAt],
          ),
        ),
        available: rows.length === 0 ? undefined : { from: Math.min(...times), until: Math.max(...times) },
      };
    },
    async *read(query, range = { from: 0, until: rows.length }) {
      const found = matching(query).slice(range.from, range.until);
      for (let from = 0; from < found.length; from += limits.rowsPerInferenceRunMax) {
        yield batchOf(found.slice(from, from + limits.rowsPerInferenceRunMax), query);
      }
    },
    featuresWithValues: async (_model, features) =>
      new Set(
        features.filter((feature) =>
          rows.some((row) => row.inputs[feature] !== null && row.inputs[feature] !== undefined),
        ),
      ),
    lookup: async (_model, positions) =>
      positions.map((position) => {
        const row = numbered[Number(position) - firstPosition];
        if (row === undefined) throw new Error(`no row at ${position}`);
        return {
          position: String(position),
          predictionId: `prediction-${position}`,
          key: row.key ?? null,
          occurredAt: row.occurredAt,
          inputs: row.inputs,
        };
      }),
    close: async () => undefined,
  };
}

function latest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.max(...times);
}

function batchOf(
  rows: readonly (MemoryRow & { readonly position: number })[],
  query: RecordedQuery,
): RecordedBatch {
  const truthKnown = (row: MemoryRow) =>
    query.knownUntil === undefined || row.truthKnownAt === undefined || row.truthKnownAt <= query.knownUntil;
  return {
    rows: rows.length,
    positions: Float64Array.from(rows, (row) => row.position),
    occurredAt: Float64Array.from(rows, (row) => row.occurredAt),
    served: servedBy(rows),
    inputs: columnsOf(
      query.features,
      rows.map((row) => row.inputs),
    ),
    outputs: columnsOf(
      query.outputs,
      rows.map((row) => row.outputs),
    ),
    truth: columnOf(rows.map((row) => (truthKnown(row) ? row.truth : null))),
    subjectCell: query.subjectCells === undefined ? undefined : subjectCellOf(rows, query.subjectCells),
    release: () => undefined,
  };
}

function servedBy(rows: readonly MemoryRow[]): RecordedBatch['served'] {
  const servers: { version: string; digest: string | null }[] = [];
  const codes = Uint32Array.from(rows, ({ version, digest }) => {
    const known = servers.findIndex((server) => server.version === version && server.digest === digest);
    return known === -1 ? servers.push({ version, digest }) - 1 : known;
  });
  return { codes, servers };
}

function subjectCellOf(rows: readonly MemoryRow[], cells: number): Column {
  return {
    kind: 'integer',
    values: BigInt64Array.from(rows, ({ subject = 0 }) => BigInt(subject % cells)),
    valid: Uint8Array.from(rows, ({ subject }) => (subject === undefined ? 0 : 1)),
  };
}

function columnsOf(
  names: readonly string[],
  rows: readonly { readonly [name: string]: string | number | null }[],
): { [name: string]: Column } {
  const there = names.filter((name) => rows.some((row) => row[name] !== undefined));
  return Object.fromEntries(there.map((name) => [name, columnOf(rows.map((row) => row[name] ?? null))]));
}

function columnOf(values: readonly (string | number | null)[]): Column {
  if (values.some((value) => typeof value === 'string')) {
    return dictionaryOf(values.map((value) => (value === null ? null : String(value))));
  }
  const valid = values.includes(null)
    ? Uint8Array.from(values, (value) => (value === null ? 0 : 1))
    : undefined;
  return { kind: 'number', values: Float64Array.from(values, (value) => Number(value ?? Number.NaN)), valid };
}

function dictionaryOf(values: readonly (string | null)[]): Column & { readonly kind: 'dictionary' } {
  const dictionary = [...new Set(values.filter((value) => value !== null))];
  const valid = values.includes(null)
    ? Uint8Array.from(values, (value) => (value === null ? 0 : 1))
    : undefined;
  return {
    kind: 'dictionary',
    codes: Uint16Array.from(values, (value) => (value === null ? 0 : dictionary.indexOf(value))),
    dictionary: dictionary.length === 0 ? [''] : dictionary,
    valid,
  };
}
