import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Column } from '../../src/schemas/columns.js';
import type {
  RecordedBatch,
  RecordedQuery,
  RowRange,
} from '../../src/projections/datasets/recorded-predictions.js';
import { createRecordedPredictions } from '../../src/projections/datasets/create-recorded-predictions.js';
import { lastDayOf } from '../../src/projections/datasets/day-spans.js';
import {
  dayMicros,
  firstDayMicros,
  manifestOf,
  observed,
  predicted,
  registered,
} from '../support/projection-events.js';
import { seededRandom } from '../support/sample-events.js';
import { projectedLog, type ProjectedLog } from '../support/projected-log.js';

const hour = 3_600_000_000;
const everything = {
  model: 'flights',
  occurredFrom: firstDayMicros,
  occurredUntil: firstDayMicros + 100 * dayMicros,
  features: ['x', 'carrier', 'n', 'flag'],
  outputs: ['score', 'label'],
} satisfies RecordedQuery;

let at: ProjectedLog;
beforeEach(async () => {
  at = await projectedLog();
  await at.append(registered(manifestOf({ x: 'float32', carrier: 'string', n: 'int64', flag: 'bool' })));
});

function valueAt(column: Column | undefined, row: number): unknown {
  if (column === undefined) return undefined;
  if (column.valid !== undefined && column.valid[row] === 0) return null;
  if (column.kind === 'dictionary') return column.dictionary[column.codes[row] ?? -1];
  return column.values[row];
}

function valuesOf(
  batches: readonly RecordedBatch[],
  pick: (batch: RecordedBatch) => Column | undefined,
): unknown[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.rows }, (_, row) => valueAt(pick(batch), row)),
  );
}

function positionsOf(batches: readonly RecordedBatch[]): number[] {
  return batches.flatMap(({ positions }) => [...positions]);
}

function serversOf(batches: readonly RecordedBatch[]): unknown[] {
  return batches.flatMap(({ served, rows }) =>
    Array.from({ length: rows }, (_, row) => served.servers[served.codes[row] ?? -1]),
  );
}

async function read(query: RecordedQuery, rows?: RowRange): Promise<RecordedBatch[]> {
  const analytics = await at.analytics();
  try {
    const batches: RecordedBatch[] = [];
    for await (const batch of createRecordedPredictions(analytics).read(query, rows)) batches.push(batch);
    return batches;
  } finally {
    await analytics.close();
  }
}

async function count(
  query: RecordedQuery,
): ReturnType<ReturnType<typeof createRecordedPredictions>['count']> {
  const analytics = await at.analytics();
  try {
    return await createRecordedPredictions(analytics).count(query);
  } finally {
    await analytics.close();
  }
}

describe('recorded predictions', () => {
  it('come as columns whose nulls are told by validity alone', async () => {
    const first = predicted({ inputs: { x: 1.5, carrier: 'UA', n: '9007199254740993', flag: true } });
    await at.append(
      first,
      predicted({
        inputs: { x: null, carrier: null, n: null, flag: null },
        outputs: { label: 1, score: Number.NaN },
      }),
      predicted({ inputs: { x: -0.25, carrier: '', n: -1, flag: false } }),
      observed({ predictionId: first.id }, 1),
    );
    for (const project of [false, true]) {
      if (project) await at.project();
      const batches = await read(everything);
      expect(batches).toHaveLength(1);
      expect(valuesOf(batches, (batch) => batch.inputs['x'])).toEqual([1.5, null, -0.25]);
      expect(valuesOf(batches, (batch) => batch.inputs['carrier'])).toEqual(['UA', null, '']);
      expect(valuesOf(batches, (batch) => batch.inputs['n'])).toEqual([9_007_199_254_740_993n, null, -1n]);
      expect(valuesOf(batches, (batch) => batch.inputs['flag'])).toEqual([1, null, 0]);
      expect(valuesOf(batches, (batch) => batch.outputs['score'])).toEqual([0.25, Number.NaN, 0.25]);
      expect(valuesOf(batches, (batch) => batch.outputs['label'])).toEqual([0n, 1n, 0n]);
      expect(valuesOf(batches, (batch) => batch.truth)).toEqual([1, null, null]);
      expect(serversOf(batches)).toEqual(
        Array.from({ length: 3 }, () => ({ version: 'v1', digest: 'a1'.repeat(32) })),
      );
      expect(positionsOf(batches)).toEqual([1, 2, 3]);
      expect(batches[0]?.occurredAt[0]).toBe(firstDayMicros);
    }
  });

  it('say by what each was served: registered or not, of any name, or imported', async () => {
    const digest = 'a1'.repeat(32);
    const versions = ['v1', 'v2', 'a|b', '0', 'v1'];
    const v2 = registered({ ...manifestOf({ x: 'float32' }), version: 'v2' });
    await at.append(
      v2.type === 'ModelRegistered'
        ? { ...v2, data: { ...v2.data, artefacts: { model: { sha256: digest, bytes: 1 } } } }
        : v2,
      ...versions.map((version) => predicted({ version })),
      predicted({ version: 'v1', imported: true }),
    );
    for (const project of [false, true]) {
      if (project) await at.project();
      expect(serversOf(await read(everything))).toEqual([
        ...versions.map((version) => ({ version, digest })),
        { version: 'v1', digest: null },
      ]);
    }
  });

  it('hold only the columns asked for, and none that the dataset lacks', async () => {
    await at.append(predicted({ inputs: { x: 1 } }));
    const [batch] = await read({ ...everything, features: ['x', 'unheard of', 'constructor'], outputs: [] });
    expect(Object.keys(batch?.inputs ?? {})).toEqual(['x']);
    expect(Object.keys(batch?.outputs ?? {})).toEqual([]);
  });

  it('are ordered by day and then by position, whatever is in parts and what in the tail', async () => {
    const days = [0, 2, 1, 0, 2, 0, 1, 3, 0];
    for (const [index, day] of days.entries()) {
      await at.append(
        predicted({ occurredAt: firstDayMicros + day * dayMicros + (100 - index), inputs: { x: day } }),
      );
      if (index === 3 || index === 5) await at.project();
    }
    const expected = [1, 4, 6, 9, 3, 7, 2, 5, 8];
    const batches = await read(everything);
    expect(positionsOf(batches)).toEqual(expected);
    await at.rebuild();
    const rebuilt = await read(everything);
    expect(positionsOf(rebuilt)).toEqual(expected);
    // A condition, which DuckDB may turn into joins, does not change the order.
    const filtered = await read({ ...everything, where: 'position IN (SELECT position FROM flights)' });
    expect(positionsOf(filtered)).toEqual(expected);
  });

  it('keep that order, and every row, while days are joined into parts and late rows arrive among them', async () => {
    const random = seededRandom(11);
    const expected: { position: bigint; day: number }[] = [];
    let position = 1n;
    for (let round = 0; round < 30; round += 1) {
      for (let row = 0; row < 12; row += 1) {
        const late = random() < 0.2;
        const day = late ? Math.floor(random() * (round + 1)) : round;
        await at.append(
          predicted({ occurredAt: firstDayMicros + day * dayMicros + row, inputs: { x: day } }),
        );
        expected.push({ position, day });
        position += 1n;
      }
      if (random() < 0.6) await at.project();
    }
    const inOrder = expected.toSorted((a, b) => a.day - b.day || Number(a.position - b.position));
    const batches = await read(everything);
    expect(positionsOf(batches)).toEqual(inOrder.map((row) => Number(row.position)));
    expect(valuesOf(batches, (batch) => batch.inputs['x'])).toEqual(inOrder.map((row) => row.day));
    // Any stretch of that order can be read by itself, also across parts, late rows and the tail.
    for (const [from, until] of [
      [0, 1],
      [5, 130],
      [130, 131],
      [200, 360],
      [355, 1_000],
      [360, 400],
    ] as const) {
      const some = await read(everything, { from, until });
      expect(positionsOf(some)).toEqual(inOrder.slice(from, until).map((row) => Number(row.position)));
    }
    const { parts = [] } = (await at.manifest()).models[0] ?? {};
    expect(parts.some((part) => part.day !== lastDayOf(part))).toBe(true);
    await at.rebuild();
    const rebuilt = await read(everything);
    expect(positionsOf(rebuilt)).toEqual(inOrder.map((row) => Number(row.position)));
  });

  it('tell which rows share a subject, by cells that never change', async () => {
    const subjects = ['alice', 'bob', undefined, 'alice'];
    await at.append(
      ...subjects.map((subject) =>
        predicted({
          occurredAt: firstDayMicros,
          inputs: { x: 1 },
          ...(subject === undefined ? {} : { subject }),
        }),
      ),
    );
    await at.project();
    expect(await count(everything)).toMatchObject({ rows: 4, rowsWithSubject: 3 });
    const [batch] = await read({ ...everything, subjectCells: 1_024 });
    const cells = valuesOf(batch === undefined ? [] : [batch], (each) => each.subjectCell);
    const cellOf = (subject: string): bigint =>
      createHash('md5').update(subject).digest().readBigUInt64LE(8) % 1_024n;
    expect(cells).toEqual([cellOf('alice'), cellOf('bob'), null, cellOf('alice')]);
    const [plain] = await read(everything);
    expect(plain?.subjectCell).toBeUndefined();
  });

  it('come in batches of many chunks, complete and in order', async () => {
    const rows = 40_000;
    const carriers = ['UA', 'AA', 'a carrier with a long name', 'ü'];
    for (let start = 0; start < rows; start += 10_000) {
      await at.append(
        ...Array.from({ length: 10_000 }, (_, index) =>
          predicted({
            inputs: {
              x: start + index,
              carrier: (start + index) % 7 === 0 ? null : (carriers[(start + index) % 4] ?? ''),
              n: index,
            },
            occurredAt: firstDayMicros + Math.floor((start + index) / 15_000) * dayMicros,
          }),
        ),
      );
    }
    await at.project();
    const batches = await read(everything);
    expect(batches.slice(0, -1).map((batch) => batch.rows)).toEqual(Array(9).fill(4_096));
    expect(valuesOf(batches, (batch) => batch.inputs['x'])).toEqual(
      Array.from({ length: rows }, (_, index) => index),
    );
    expect(valuesOf(batches, (batch) => batch.inputs['carrier'])).toEqual(
      Array.from({ length: rows }, (_, index) => (index % 7 === 0 ? null : carriers[index % 4])),
    );
  });

  it('tell whether every score is a 32-bit float', async () => {
    await at.append(
      predicted({ outputs: { score: Math.fround(0.1), label: 0 }, occurredAt: firstDayMicros }),
    );
    expect((await count(everything)).scoresAreSingle).toBe(true);
    await at.append(predicted({ outputs: { score: 0.1, label: 0 }, occurredAt: firstDayMicros }));
    for (const project of [false, true]) {
      if (project) await at.project();
      expect((await count(everything)).scoresAreSingle).toBe(false);
      expect((await count({ ...everything, outputs: ['label'] })).scoresAreSingle).toBe(true);
    }
  });

  it('leave out what failed and what lies outside the range; bounds are from inclusive, until exclusive', async () => {
    const { id } = predicted();
    await at.append(
      predicted({ occurredAt: firstDayMicros - 1 }),
      predicted({ occurredAt: firstDayMicros }),
      predicted({ occurredAt: firstDayMicros + hour - 1 }),
      predicted({ occurredAt: firstDayMicros + hour }),
      {
        type: 'PredictionFailed',
        schemaVersion: 1,
        id,
        stream: 'prediction-flights',
        occurredAt: firstDayMicros + 1,
        data: {
          requestId: 'r',
          row: 0,
          model: 'flights',
          version: 'v1',
          provenance: {
            kind: 'served',
            artefactDigest: 'a1'.repeat(32),
            featureSchemaDigest: 'b2'.repeat(32),
            runtime: { name: 'x', version: '1', provider: 'cpu', threads: 1, graphOptimization: 'all' },
          },
          code: 'INFERENCE_FAILED',
          message: 'no',
        },
      },
    );
    const query = { ...everything, occurredUntil: firstDayMicros + hour };
    for (const project of [false, true]) {
      if (project) await at.project();
      const batches = await read(query);
      expect(positionsOf(batches)).toEqual([2, 3]);
      expect(await count(query)).toEqual({
        rows: 2,
        rowsWithTruth: 0,
        rowsWithSubject: 0,
        scoresAreSingle: true,
        lastPosition: 3,
        truthKnownUntil: undefined,
        available: { from: firstDayMicros - 1, until: firstDayMicros + hour + 1 },
      });
      expect((await count({ ...query, occurredFrom: 0, occurredUntil: 1 })).rows).toBe(0);
    }
  });

  it('know nothing of a model without predictions, and refuse one that is not known', async () => {
    expect(await count(everything)).toMatchObject({ rows: 0, rowsWithTruth: 0, available: undefined });
    expect(await read(everything)).toEqual([]);
    await expect(count({ ...everything, model: 'trains' })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
  });

  it('say what was known at an instant, also of truths that were corrected later', async () => {
    const [a, b, c] = [predicted(), predicted({ key: 'k' }), predicted()];
    await at.append(
      a,
      b,
      c,
      observed({ predictionId: a.id }, 0, { observedAt: firstDayMicros + hour }),
      observed({ predictionId: a.id }, 1, { observedAt: firstDayMicros + 3 * hour }),
      observed({ key: 'k' }, 1, { observedAt: firstDayMicros + 2 * hour }),
      observed({ predictionId: c.id }, 1, { observedAt: firstDayMicros + 4 * hour }),
    );
    for (const project of [false, true]) {
      if (project) await at.project();
      const asOf = async (hours: number): Promise<unknown[]> =>
        valuesOf(
          await read({ ...everything, knownUntil: firstDayMicros + hours * hour }),
          (batch) => batch.truth,
        );
      expect(await asOf(0)).toEqual([null, null, null]);
      expect(await asOf(1)).toEqual([0, null, null]);
      expect(await asOf(2)).toEqual([0, 1, null]);
      expect(await asOf(3)).toEqual([1, 1, null]);
      expect(await asOf(4)).toEqual([1, 1, 1]);
      expect((await count({ ...everything, knownUntil: firstDayMicros + 2 * hour })).rowsWithTruth).toBe(2);
      expect(
        (await count({ ...everything, knownUntil: firstDayMicros + hour, where: 'truth = 0' })).rows,
      ).toBe(1);
    }
  });

  it('can be narrowed by an SQL condition over the view', async () => {
    await at.append(
      predicted({ inputs: { x: 1, carrier: 'UA' } }),
      predicted({ inputs: { x: 2, carrier: 'AA' } }),
      predicted({ inputs: { x: 3, carrier: 'UA' } }),
    );
    await at.project();
    const xs = async (where: string): Promise<unknown[]> =>
      valuesOf(await read({ ...everything, where }), (batch) => batch.inputs['x']);
    expect(await xs("in_carrier = 'UA' -- only these")).toEqual([1, 3]);
    expect(await xs('in_x > (SELECT avg(in_x) FROM flights)')).toEqual([3]);
    expect(await xs('flights.in_x = 1 or in_x = 2')).toEqual([1, 2]);
    expect((await count({ ...everything, where: 'in_x > 1' })).rows).toBe(2);
  });

  it('refuse a condition that is none, as a mistake in usage', async () => {
    await at.append(predicted({ inputs: { x: 1 } }));
    for (const where of [
      'in_y = 1',
      'in_x = ',
      'in_x = 1; DROP VIEW flights',
      'in_x = 1) UNION ALL SELECT 1 FROM flights WHERE (true',
      'true) THEN 1 END FROM flights WHERE (true',
      "in_carrier = 'unclosed",
      'true /* open',
      "EXISTS (SELECT * FROM read_csv('/etc/passwd'))",
      'count(*) > 1',
    ]) {
      await expect(count({ ...everything, where }), where).rejects.toMatchObject({
        code: 'USAGE_INVALID',
        exitCode: 64,
      });
      await expect(read({ ...everything, where }), where).rejects.toMatchObject({
        code: 'USAGE_INVALID',
        exitCode: 64,
      });
    }
  });

  it('fail with the condition’s own error when it fails on the data', async () => {
    await at.append(predicted({ inputs: { carrier: 'not a number' } }));
    await expect(read({ ...everything, where: 'CAST(in_carrier AS INTEGER) = 1' })).rejects.toMatchObject({
      code: 'USAGE_INVALID',
    });
  });

  it('are found again by position, in the order asked', async () => {
    const [a, b] = [
      predicted({ inputs: { x: 1, n: '9223372036854775807', carrier: 'UA' }, key: 'k' }),
      predicted({ inputs: { x: null, flag: true } }),
    ];
    await at.append(a, b);
    for (const project of [false, true]) {
      if (project) await at.project();
      const analytics = await at.analytics();
      const recorded = createRecordedPredictions(analytics);
      expect(await recorded.lookup('flights', [2n, 99n, 1n])).toEqual([
        {
          position: '2',
          predictionId: b.id,
          key: null,
          occurredAt: firstDayMicros,
          inputs: { x: null, carrier: null, n: null, flag: true },
        },
        {
          position: '1',
          predictionId: a.id,
          key: 'k',
          occurredAt: firstDayMicros,
          inputs: { x: 1, carrier: 'UA', n: '9223372036854775807', flag: null },
        },
      ]);
      await analytics.close();
    }
  });

  it('can be left in the middle of a read, and read again', async () => {
    await at.append(
      ...Array.from({ length: 12_000 }, (_, index) =>
        predicted({ occurredAt: firstDayMicros + (index % 3) * dayMicros }),
      ),
    );
    await at.project();
    const analytics = await at.analytics();
    const recorded = createRecordedPredictions(analytics);
    for await (const batch of recorded.read(everything)) {
      expect(batch.rows).toBeGreaterThan(0);
      break;
    }
    let rows = 0;
    for await (const batch of recorded.read(everything)) rows += batch.rows;
    expect(rows).toBe(12_000);
    await analytics.close();
  });
});
