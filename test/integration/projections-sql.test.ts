import { beforeEach, describe, expect, it } from 'vitest';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import type { StoredEvent } from '../../src/schemas/events.js';
import type { LogReader } from '../../src/services/event-log/event-log.js';
import { limits } from '../../src/services/platform/limits.js';
import { firstDayMicros, manifestOf, observed, predicted, registered } from '../support/projection-events.js';
import { projectedLog, type ProjectedLog } from '../support/projected-log.js';

let at: ProjectedLog;
beforeEach(async () => {
  at = await projectedLog();
});

/** The same answer whether everything is in the tail, everything in parts, or after a rebuild. */
async function expectEverywhere(query: string, rows: unknown[][]): Promise<void> {
  expect(await at.sql(query)).toEqual(rows);
  await at.project();
  expect(await at.sql(query)).toEqual(rows);
  await at.rebuild();
  expect(await at.sql(query)).toEqual(rows);
}

describe('SQL over the datasets and the tail', () => {
  it('sees an event right after its append, with no projector running, and the same after projection', async () => {
    await at.append(registered(manifestOf({ distance: 'float32', carrier: 'string' })));
    const prediction = predicted({ inputs: { distance: 100.5, carrier: 'UA' } });
    await at.append(prediction);
    await expectEverywhere(
      'SELECT prediction_id, in_distance, in_carrier, out_label, out_score, truth, status, latency_ms FROM flights',
      [[prediction.id, 100.5, 'UA', 0n, 0.25, null, 'served', 0.5]],
    );
    await at.append(observed({ predictionId: prediction.id }, 1));
    await expectEverywhere('SELECT truth FROM flights', [[1]]);
  });

  it('sees parts and tail together', async () => {
    await at.append(registered(manifestOf({ x: 'float64' })), predicted({ inputs: { x: 1 } }));
    await at.project();
    await at.append(predicted({ inputs: { x: 2 } }));
    expect(await at.sql('SELECT in_x FROM flights ORDER BY position')).toEqual([[1], [2]]);
  });

  it('gives nulls, 64-bit integers, NaN, infinities, negative numbers and any text back as they were', async () => {
    await at.append(
      registered(manifestOf({ f: 'float64', i: 'int64', b: 'bool', s: 'string' })),
      predicted({ inputs: { f: Number.NaN, i: '9223372036854775807', b: true, s: 'a\0b "\' ü 😀' } }),
      predicted({ inputs: { f: Number.NEGATIVE_INFINITY, i: '-9223372036854775808', b: false, s: '' } }),
      predicted({ inputs: { f: -1e300, i: -5, b: null, s: 'x'.repeat(5_000) } }),
      predicted({ inputs: { f: null, i: null } }),
      predicted({ inputs: { f: -0.5, i: 9_007_199_254_740_991, b: true, s: 'twelve bytes' } }),
    );
    await expectEverywhere('SELECT in_f, in_i, in_b, in_s FROM flights ORDER BY position', [
      [Number.NaN, 9_223_372_036_854_775_807n, true, 'a\0b "\' ü 😀'],
      [Number.NEGATIVE_INFINITY, -9_223_372_036_854_775_808n, false, ''],
      [-1e300, -5n, null, 'x'.repeat(5_000)],
      [null, null, null, null],
      [-0.5, 9_007_199_254_740_991n, true, 'twelve bytes'],
    ]);
  });

  it('keeps what no column takes in extra: undeclared fields and values of another type', async () => {
    await at.append(
      registered(manifestOf({ x: 'float32', n: 'int32' })),
      predicted({ inputs: { x: 'far', n: 1.5, other: { deep: [1, null] }, note: 'hello' } }),
    );
    await expectEverywhere(
      "SELECT in_x, in_n, extra->>'/x', extra->>'/n', extra->>'/other', extra->>'/note' FROM flights",
      [[null, null, 'far', '1.5', '{"deep":[1,null]}', 'hello']],
    );
  });

  it('bounds extra and says how many fields it dropped', async () => {
    await at.append(
      registered(manifestOf({ x: 'float32' })),
      predicted({ inputs: { small: 1, big: 'y'.repeat(20_000), also: 2 } }),
    );
    await expectEverywhere(
      `SELECT extra->>'/small', extra->>'/also', extra->>'/big', extra->>'/$dropped' FROM flights`,
      [['1', '2', null, '1']],
    );
  });

  it('moves a field out of extra when a version declares it, in rows of every age', async () => {
    await at.append(registered(manifestOf({ x: 'float32' })));
    await at.append(predicted({ inputs: { x: 1, wind: 12.5, gate: 'A1', 'a/b~c"d': 7 } }));
    await at.project();
    await at.append(predicted({ inputs: { x: 2, wind: null, gate: 5 } }));
    await at.append(
      registered(
        manifestOf({ x: 'float32', wind: 'float32', gate: 'string', 'a/b~c"d': 'int64' }, { version: 'v2' }),
      ),
    );
    await at.append(predicted({ inputs: { x: 3, wind: 9, gate: 'B2' } }));
    await expectEverywhere(
      'SELECT in_x, in_wind, in_gate, "in_a/b~c""d", extra FROM flights ORDER BY position',
      [
        [1, 12.5, 'A1', 7n, null],
        [2, null, null, null, '{"gate":5}'],
        [3, 9, 'B2', null, null],
      ],
    );
  });

  it('gives names that collide by case, and one field with two types, columns of their own', async () => {
    await at.append(
      registered(manifestOf({ speed: 'float32', Speed: 'float32' })),
      predicted({ inputs: { speed: 1, Speed: 2 } }),
    );
    await at.project();
    await at.append(
      registered(manifestOf({ speed: 'string' }, { version: 'v2' })),
      predicted({ inputs: { speed: 'fast' } }),
    );
    await expectEverywhere('SELECT in_speed, in_Speed_2, in_speed_3 FROM flights ORDER BY position', [
      [1, 2, null],
      [null, null, 'fast'],
    ]);
    const { models } = await at.manifest();
    expect(models[0]?.schema.preferred.input).toEqual({ speed: 'in_speed_3', Speed: 'in_Speed_2' });
  });

  it('makes columns for outputs that it meets, whatever version gave them', async () => {
    await at.append(registered(manifestOf({ x: 'float32' })));
    await at.append(predicted({ outputs: { label: 1, score: 0.75 } }));
    await at.project();
    await at.append(predicted({ outputs: { label: 0, score: 0.5, score_b: 0.125, note: 'odd', ok: true } }));
    await expectEverywhere(
      'SELECT out_label, out_score, out_score_b, out_note, out_ok FROM flights ORDER BY position',
      [
        [1n, 0.75, null, null, null],
        [0n, 0.5, 0.125, 'odd', true],
      ],
    );
  });

  it('serves models whose names other views have, or that no version was registered for', async () => {
    await at.append(
      registered(manifestOf({ x: 'float32' }, { name: 'outcomes' })),
      predicted({ model: 'outcomes', inputs: { x: 4 } }),
      predicted({ model: '../odd name', inputs: { y: 5 }, imported: true }),
    );
    await expectEverywhere('SELECT in_x FROM model_outcomes', [[4]]);
    expect(await at.sql('SELECT extra, model_digest, status FROM "../odd name"')).toEqual([
      ['{"y":5}', null, 'served'],
    ]);
    expect(await at.sql('SELECT model, count(*) FROM predictions GROUP BY 1 ORDER BY 1')).toEqual([
      ['../odd name', 1n],
      ['outcomes', 1n],
    ]);
  });

  it('lists rejections, replays and models', async () => {
    await at.append(
      registered(manifestOf({ x: 'float32' })),
      {
        type: 'ModelPromoted',
        schemaVersion: 1,
        id: '018f0000-0000-7000-8000-aaaaaaaaaaaa',
        stream: 'registry-flights',
        occurredAt: firstDayMicros,
        data: { model: 'flights', version: 'v1', rollback: false },
      },
      {
        type: 'PredictionRejected',
        schemaVersion: 1,
        id: '018f0000-0000-7000-8000-bbbbbbbbbbbb',
        stream: 'prediction-flights',
        occurredAt: firstDayMicros,
        data: { requestId: 'r', row: 2, model: 'flights', code: 'ROW_INVALID', message: 'no' },
        sensitive: { rawBody: '{' },
      },
      {
        type: 'ReplayCompleted',
        schemaVersion: 1,
        id: '018f0000-0000-7000-8000-cccccccccccc',
        stream: 'replay-1',
        occurredAt: firstDayMicros,
        data: {
          replayId: 'replay-1',
          model: 'flights',
          controlVersion: 'v1',
          candidateVersion: 'v2',
          verdict: 'FAIL',
          exitCode: 1,
          reportDigest: 'd4'.repeat(32),
          summary: { rows: 3 },
        },
      },
    );
    await expectEverywhere('SELECT code, "row", raw_body FROM rejections', [['ROW_INVALID', 2, '{']]);
    await expectEverywhere("SELECT verdict, exit_code, summary->>'rows' FROM replays", [['FAIL', 1, '3']]);
    await expectEverywhere('SELECT model, version, task, serving, retired FROM models', [
      ['flights', 'v1', 'binary-classification', true, false],
    ]);
  });

  it('answers over an empty log', async () => {
    expect(await at.sql('SELECT count(*) FROM predictions')).toEqual([[0n]]);
    expect(await at.sql('SELECT count(*) FROM outcomes')).toEqual([[0n]]);
    expect(await at.sql('SELECT count(*) FROM models')).toEqual([[0n]]);
  });

  it('lets a user read and nothing else', async () => {
    await at.append(registered(manifestOf({ x: 'float32' })), predicted());
    await at.project();
    const refused = [
      "COPY (SELECT 1) TO 'x.csv'",
      `COPY (SELECT 1) TO '${at.datasets}/x.csv'`,
      'CREATE TABLE t AS SELECT 1',
      'DROP VIEW flights',
      'SET threads = 1',
      "ATTACH 'other.db'",
      'INSTALL httpfs',
      'SELECT 1; SELECT 2',
      '',
      "SELECT * FROM read_csv('/etc/passwd')",
      "SELECT * FROM read_text('/etc/hostname')",
      "SELECT * FROM glob('/*')",
      'SELECT nothing FROM flights',
    ];
    for (const query of refused) {
      await expect(at.sql(query), query).rejects.toMatchObject({ code: 'SQL_FAILED' });
    }
    for (const query of [
      'DESCRIBE flights',
      'SUMMARIZE flights',
      'SHOW TABLES',
      'EXPLAIN SELECT * FROM flights',
      'WITH a AS (SELECT 1 AS b) SELECT b FROM a',
    ]) {
      expect((await at.sql(query)).length, query).toBeGreaterThan(0);
    }
  });

  it('tells once that many events are in no dataset yet, by their number and not by their positions', async () => {
    const told = async (reader: LogReader): Promise<number> => {
      let times = 0;
      const analytics = await openAnalytics({
        dataDirectory: at.folder,
        reader,
        onLongTail: () => {
          times += 1;
        },
      });
      await analytics.close();
      return times;
    };
    await at.append(observed({ key: 'a' }, 1), observed({ key: 'b' }, 0));
    const stored: StoredEvent[] = [];
    for await (const batch of at.log.read()) stored.push(...batch);
    const logOf = (batches: number, events: number): LogReader => ({
      ...at.log,
      head: async () => ({ ...(await at.log.head()), nextPosition: 10 * limits.longTailEvents }),
      async *read() {
        for (let batch = 0; batch < batches; batch += 1) {
          yield Array.from({ length: events }, (_, index) => ({
            ...stored[index % 2]!,
            position: 4 * limits.longTailEvents,
          }));
        }
      },
    });
    // On a cluster two events may lie that far apart.
    expect(await told(logOf(1, 2))).toBe(0);
    const many = logOf(3, limits.longTailEvents / 2);
    expect(await told(many)).toBe(1);
  });

  it('says that a query needs too much memory, without advice that nobody can follow, and goes on', async () => {
    const query = 'SELECT len(list(i)) FROM range(100000000) t(i)';
    const failed = await at.sql(query).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'SQL_OUT_OF_MEMORY' });
    expect(String(failed)).toContain('MiB used');
    expect(String(failed)).not.toContain('SET ');
    expect(await at.sql('SELECT 1')).toEqual([[1]]);
  });

  it('keeps the words of DuckDB in an error', async () => {
    await at.append(registered(manifestOf({ x: 'float32' })));
    await expect(at.sql('SELECT in_y FROM flights')).rejects.toThrow(/in_y/);
  });

  it('gives two results at a time their own rows', async () => {
    await at.append(...Array.from({ length: 50 }, () => predicted()));
    const analytics = await at.analytics();
    try {
      const first = await analytics.query('SELECT i FROM range(10000) t(i)');
      const second = await analytics.query('SELECT count(*) FROM flights');
      let rows = 0;
      for await (const row of first.rows) {
        expect(row[0]).toBe(BigInt(rows));
        rows += 1;
      }
      expect(rows).toBe(10_000);
      for await (const row of second.rows) expect(row).toEqual([50n]);
    } finally {
      await analytics.close();
    }
  });
});
