import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Column } from '../../../src/schemas/columns.js';
import { openDuckDb, type Database } from '../../../src/projections/duckdb/open-duckdb.js';
import { readColumns } from '../../../src/projections/duckdb/read-columns.js';
import { createTableSql, openTableAppender } from '../../../src/projections/duckdb/table-appender.js';
import { limits } from '../../../src/services/platform/limits.js';
import { seededRandom } from '../../support/sample-events.js';

let database: Database;
beforeAll(async () => {
  database = await openDuckDb({ temporaryDirectory: tmpdir() });
});
afterAll(() => database.close());

async function columnsOf(...sql: readonly string[]): Promise<{ rows: number; columns: Column[] }[]> {
  const batches: { rows: number; columns: Column[] }[] = [];
  async function* one(): ReturnType<typeof streams> {
    yield* streams();
  }
  async function* streams(): AsyncGenerator<Awaited<ReturnType<Database['stream']>>> {
    for (const statement of sql) yield await database.stream(statement);
  }
  for await (const batch of readColumns(one()))
    batches.push({ rows: batch.rows, columns: [...batch.columns] });
  return batches;
}

function textsOf(batches: readonly { rows: number; columns: Column[] }[], index: number): (string | null)[] {
  return batches.flatMap(({ rows, columns }) => {
    const column = columns[index];
    if (column?.kind !== 'dictionary') throw new Error('not a dictionary');
    return Array.from({ length: rows }, (_, row) =>
      column.valid?.[row] === 0 ? null : (column.dictionary[column.codes[row] ?? -1] ?? 'no such code'),
    );
  });
}

describe('columns of a result', () => {
  it('carry texts of every length, empty ones and nulls, as codes', async () => {
    const random = seededRandom(3);
    const texts = Array.from({ length: 20_000 }, () => {
      const kind = Math.floor(random() * 6);
      if (kind === 0) return null;
      if (kind === 1) return '';
      const length = kind === 2 ? 11 + Math.floor(random() * 4) : Math.floor(random() * 40);
      return `${Math.floor(random() * 30)}`.padEnd(length, kind === 3 ? 'ü' : 'x');
    });
    await database.run(
      createTableSql('texts', [
        { name: 'i', type: 'BIGINT' },
        { name: 's', type: 'VARCHAR' },
      ]),
    );
    const appender = await openTableAppender(database.connection, 'texts', ['BIGINT', 'VARCHAR']);
    for (const [index, text] of texts.entries()) {
      appender.writers[0]?.number(index);
      if (text !== null) appender.writers[1]?.text(text);
      appender.endRow();
    }
    appender.close();
    const batches = await columnsOf('SELECT i, s FROM texts ORDER BY i');
    expect(textsOf(batches, 1)).toEqual(texts);
    const dictionary = batches[0]?.columns[1];
    expect(dictionary?.kind === 'dictionary' ? new Set(dictionary.dictionary).size : 0).toBe(
      dictionary?.kind === 'dictionary' ? dictionary.dictionary.length : -1,
    );
  });

  it('keep one dictionary while it is small, and begin another when it has grown too large', async () => {
    const small = await columnsOf(`SELECT 'c' || (i % 50) AS s FROM range(60000) t(i)`);
    const dictionaries = small
      .map((batch) => batch.columns[0])
      .map((column) => (column?.kind === 'dictionary' ? column.dictionary : undefined));
    expect(new Set(dictionaries).size).toBe(1);
    const many = limits.categoriesMax * 4;
    const large = await columnsOf(`SELECT 'value ' || i AS s FROM range(${many}) t(i)`);
    expect(textsOf(large, 0)).toEqual(Array.from({ length: many }, (_, index) => `value ${index}`));
    const sizes = large.map((batch) =>
      batch.columns[0]?.kind === 'dictionary' ? batch.columns[0].dictionary.length : 0,
    );
    expect(Math.max(...sizes)).toBeLessThan(limits.categoriesMax + 20_000);
  });

  it('hold values and nulls of every type in their rows, wherever chunks, streams and batches end', async () => {
    const until = limits.rowsPerInferenceRunMax * 2 + 100;
    // 1,000 rows a stream: no chunk ends where a batch does.
    const streams = Array.from({ length: Math.ceil(until / 1_000) }, (_, index) => {
      const [from, to] = [index * 1_000, Math.min(until, (index + 1) * 1_000)];
      const unless = (divisor: number, value: string): string =>
        `CASE WHEN i % ${divisor} <> 0 THEN ${value} END`;
      return `SELECT ${[
        unless(7, 'i / 3'),
        unless(5, 'CAST(i / 4 AS FLOAT)'),
        unless(3, 'CAST(i * 1000000007 AS BIGINT)'),
        unless(11, 'i % 2 = 0'),
        unless(13, "'text ' || (i % 90) || repeat('x', i % 17)"),
        'make_timestamp(i)',
      ].join(', ')} FROM range(${from}, ${to}) t(i)`;
    });
    const batches = await columnsOf(...streams);
    expect(batches.map(({ rows }) => rows)).toEqual([
      limits.rowsPerInferenceRunMax,
      limits.rowsPerInferenceRunMax,
      100,
    ]);
    const read = (index: number): unknown[] =>
      batches.flatMap(({ rows, columns }) =>
        Array.from({ length: rows }, (_, row) => {
          const column = columns[index];
          if (column?.valid?.[row] === 0) return null;
          return column?.kind === 'dictionary'
            ? column.dictionary[column.codes[row] ?? -1]
            : column?.values[row];
        }),
      );
    const expected = (divisor: number, value: (i: number) => unknown): unknown[] =>
      Array.from({ length: until }, (_, i) => (i % divisor === 0 ? null : value(i)));
    expect(read(0)).toEqual(expected(7, (i) => i / 3));
    expect(read(1)).toEqual(expected(5, (i) => Math.fround(i / 4)));
    expect(read(2)).toEqual(expected(3, (i) => BigInt(i) * 1_000_000_007n));
    expect(read(3)).toEqual(expected(11, (i) => (i % 2 === 0 ? 1 : 0)));
    expect(read(4)).toEqual(expected(13, (i) => `text ${i % 90}${'x'.repeat(i % 17)}`));
    expect(read(5)).toEqual(Array.from({ length: until }, (_, i) => BigInt(i)));
  });

  it('are refused when a stream goes on with other types than the one before', async () => {
    await expect(
      columnsOf('SELECT 1::DOUBLE AS a FROM range(10)', 'SELECT 1::FLOAT AS a FROM range(10)'),
    ).rejects.toThrow('columns of double go on as float');
    await expect(columnsOf('SELECT 1::DECIMAL(4, 1) AS a')).rejects.toThrow(
      'a: a column of type DECIMAL(4,1) has no columnar form here',
    );
  });

  it('give a column of nulls codes that point somewhere', async () => {
    const [batch] = await columnsOf('SELECT NULL::VARCHAR AS s FROM range(3)');
    expect(batch?.columns[0]).toMatchObject({
      kind: 'dictionary',
      dictionary: [''],
      codes: new Uint32Array(3),
      valid: new Uint8Array(3),
    });
  });

  it('take numbers and times in and out at the ends of their ranges', async () => {
    await database.run(
      createTableSql('ends', [
        { name: 'i', type: 'BIGINT' },
        { name: 't', type: 'TIMESTAMP' },
        { name: 'u', type: 'UUID' },
        { name: 'd', type: 'DOUBLE' },
      ]),
    );
    const appender = await openTableAppender(database.connection, 'ends', [
      'BIGINT',
      'TIMESTAMP',
      'UUID',
      'DOUBLE',
    ]);
    const integers = [
      0,
      -1,
      1,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2 ** 32,
      -(2 ** 32),
      -(2 ** 32) - 1,
    ];
    for (const value of integers) {
      appender.writers[0]?.number(value);
      appender.writers[1]?.number(value);
      appender.writers[2]?.text(
        value % 2 === 0 ? '018f0000-1234-7000-8000-0123456789ab' : 'ffffffff-ffff-ffff-ffff-ffffffffffff',
      );
      appender.writers[3]?.number(value === 0 ? -0 : value / 3);
      appender.endRow();
    }
    appender.close();
    const rows = await database.rows('SELECT i, t, CAST(u AS VARCHAR), d FROM ends');
    expect(rows).toEqual(
      integers.map((value) => [
        BigInt(value),
        BigInt(value),
        value % 2 === 0 ? '018f0000-1234-7000-8000-0123456789ab' : 'ffffffff-ffff-ffff-ffff-ffffffffffff',
        value === 0 ? -0 : value / 3,
      ]),
    );
  });

  it('refuse a type that has no columnar form instead of guessing', async () => {
    await expect(columnsOf('SELECT 1.5::DECIMAL(4,2)')).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(columnsOf('SELECT [1, 2]')).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('fail when the query fails midway', async () => {
    await expect(
      columnsOf(
        "SELECT CASE WHEN i < 50000 THEN i ELSE CAST('x' || i AS BIGINT) END AS v FROM range(60000) t(i)",
      ),
    ).rejects.toThrow(/Could not convert/);
  });

  it('pass through the memory of a few batches when each is released, once or twice, and stay right', async () => {
    const rows = 60_000;
    const sql = `SELECT i::DOUBLE AS d, CASE WHEN i % 7 = 0 AND i > 20000 THEN NULL ELSE i END AS n, CASE WHEN i % 3 = 0 THEN NULL ELSE 'value ' || (i % 50) END AS s FROM range(${rows}) t(i)`;
    const buffers = new Set<ArrayBufferLike>();
    const seen: unknown[] = [];
    async function* streams(): AsyncGenerator<Awaited<ReturnType<Database['stream']>>> {
      yield await database.stream(sql);
    }
    for await (const batch of readColumns(streams())) {
      const [d, n, s] = batch.columns;
      if (d?.kind !== 'number' || n?.kind !== 'integer' || s?.kind !== 'dictionary')
        throw new Error('other kinds');
      for (const values of [d.values, n.values, s.codes]) buffers.add(values.buffer);
      for (let row = 0; row < batch.rows; row += 1) {
        seen.push([
          d.values[row],
          n.valid?.[row] === 0 ? null : n.values[row],
          s.valid?.[row] === 0 ? null : s.dictionary[s.codes[row] ?? -1],
        ]);
      }
      batch.release();
      batch.release();
    }
    expect(seen).toEqual(
      Array.from({ length: rows }, (_, i) => [
        i,
        i % 7 === 0 && i > 20_000 ? null : BigInt(i),
        i % 3 === 0 ? null : `value ${i % 50}`,
      ]),
    );
    expect(buffers.size).toBeLessThanOrEqual(3 * 3);
  });
});
