import { beforeEach, describe, expect, it } from 'vitest';
import {
  firstDayMicros,
  manifestOf,
  nextUuid,
  observed,
  predicted,
  registered,
} from '../support/projection-events.js';
import { projectedLog, type ProjectedLog } from '../support/projected-log.js';

const hour = 3_600_000_000;
let at: ProjectedLog;
beforeEach(async () => {
  at = await projectedLog();
  await at.append(registered(manifestOf({ x: 'float32' })));
});

/** Every way in which steps can cut the same events must end in the same rows. */
async function expectHoweverCut(
  events: Parameters<ProjectedLog['append']>,
  query: string,
  rows: unknown[][],
): Promise<void> {
  for (let mask = 0; mask < 2 ** events.length; mask += 1) {
    const fresh = await projectedLog();
    await fresh.append(registered(manifestOf({ x: 'float32' })));
    for (const [index, event] of events.entries()) {
      await fresh.append(event);
      if ((mask & (1 << index)) !== 0) await fresh.project();
    }
    expect(await fresh.sql(query), `projected after ${mask.toString(2)}`).toEqual(rows);
  }
}

describe('truth', () => {
  it('comes by prediction id, by request and row, and by key for every prediction with it', async () => {
    const [a, b] = [predicted(), predicted({ requestId: 'r-7', row: 3 })];
    await at.append(
      a,
      b,
      predicted({ key: 'UA1' }),
      predicted({ key: 'UA1' }),
      predicted({ requestId: 'r-7', row: 4 }),
    );
    await at.append(
      observed({ predictionId: a.id }, 1),
      observed({ requestId: 'r-7', row: 3 }, 0),
      observed({ key: 'UA1' }, 1),
    );
    const query = 'SELECT truth FROM flights ORDER BY position';
    const rows = [[1], [0], [1], [1], [null]];
    expect(await at.sql(query)).toEqual(rows);
    await at.project();
    expect(await at.sql(query)).toEqual(rows);
  });

  it('does not reach another model that has the same key', async () => {
    await at.append(
      predicted({ key: 'k' }),
      predicted({ key: 'k', model: 'trains' }),
      observed({ key: 'k' }, 1),
    );
    await at.project();
    expect(await at.sql('SELECT model, truth FROM predictions ORDER BY model')).toEqual([
      ['flights', '1.0'],
      ['trains', null],
    ]);
  });

  it('is the one known last, however the log is cut into steps', async () => {
    const prediction = predicted({ key: 'k' });
    await expectHoweverCut(
      [
        prediction,
        observed({ predictionId: prediction.id }, 1, { observedAt: firstDayMicros + 2 * hour }),
        // Recorded later, but known earlier: it does not win.
        observed({ key: 'k' }, 0, { observedAt: firstDayMicros + hour }),
      ],
      'SELECT truth, truth_known_at FROM flights',
      [[1, '2026-01-01 02:00:00']],
    );
  });

  it('of two known at one instant is the one that stands later in the log, and may be retracted', async () => {
    const prediction = predicted();
    await expectHoweverCut(
      [
        prediction,
        observed({ predictionId: prediction.id }, 1),
        observed({ predictionId: prediction.id }, null),
      ],
      'SELECT truth, truth_known_at IS NOT NULL FROM flights',
      [[null, true]],
    );
  });

  it('that came before its prediction is taken when the prediction comes', async () => {
    const id = nextUuid();
    await expectHoweverCut(
      [
        observed({ predictionId: id }, 1),
        observed({ key: 'early' }, 1),
        predicted({ id }),
        predicted({ key: 'early' }),
      ],
      'SELECT truth FROM flights ORDER BY position',
      [[1], [1]],
    );
  });

  it('holds by key for predictions made after an earlier one was matched', async () => {
    await expectHoweverCut(
      [predicted({ key: 'k' }), observed({ key: 'k' }, 1), predicted({ key: 'k' })],
      'SELECT truth FROM flights ORDER BY position',
      [[1], [1]],
    );
  });

  it('is known when recorded if live, and when observed if imported or seeded', async () => {
    const [live, seeded] = [predicted(), predicted()];
    await at.append(live, seeded);
    at.clock.advance(hour);
    await at.append(
      observed({ predictionId: live.id }, 1, { origin: 'live', observedAt: 5 }),
      observed({ predictionId: seeded.id }, 1, { origin: 'seeded', observedAt: firstDayMicros + hour }),
    );
    await at.project();
    expect(
      await at.sql(
        'SELECT truth_known_at = recorded_at + INTERVAL 1 HOUR FROM flights ORDER BY position LIMIT 1',
      ),
    ).toEqual([[true]]);
    expect(await at.sql('SELECT truth_known_at FROM flights ORDER BY position DESC LIMIT 1')).toEqual([
      ['2026-01-01 01:00:00'],
    ]);
  });

  it('is 0 or 1 for a binary model, by its positive class', async () => {
    const fresh = await projectedLog();
    await fresh.append(
      registered(manifestOf({ x: 'float32' }, { positiveClass: 'late', classes: ['on time', 'late'] })),
    );
    const events = ['late', 'on time', true, null].map((truth) => ({
      truth,
      prediction: predicted({ outputs: { label: 'late', score: 0.5 } }),
    }));
    for (const { truth, prediction } of events)
      await fresh.append(prediction, observed({ predictionId: prediction.id }, truth));
    const rows = [[1], [0], [1], [null]];
    expect(await fresh.sql('SELECT truth FROM flights ORDER BY position')).toEqual(rows);
    await fresh.project();
    expect(await fresh.sql('SELECT truth FROM flights ORDER BY position')).toEqual(rows);
    expect(await fresh.sql('SELECT out_label FROM flights LIMIT 1')).toEqual([['late']]);
  });

  it('is text for classes with names and a number for a regression', async () => {
    const fresh = await projectedLog();
    const many = manifestOf(
      { x: 'float32' },
      { name: 'gates', task: 'multiclass-classification', classes: ['A', 'B', 'C'] },
    );
    const amount = manifestOf(
      { x: 'float32' },
      { name: 'delays', task: 'regression', outputs: { value: { output: 'y' } } },
    );
    const [gate, delay] = [
      predicted({ model: 'gates', outputs: { label: 'A' } }),
      predicted({ model: 'delays', outputs: { value: 3.5 } }),
    ];
    await fresh.append(registered(many), registered(amount), gate, delay);
    await fresh.append(
      observed({ predictionId: gate.id }, 'C', { model: 'gates' }),
      observed({ predictionId: delay.id }, -12.25, { model: 'delays' }),
    );
    await fresh.project();
    expect(await fresh.sql('SELECT truth FROM gates')).toEqual([['C']]);
    expect(await fresh.sql('SELECT truth FROM delays')).toEqual([[-12.25]]);
  });

  it('keeps every outcome in its view, also those that match nothing', async () => {
    const prediction = predicted();
    await at.append(
      prediction,
      observed({ predictionId: prediction.id }, 0),
      observed({ predictionId: prediction.id }, 1),
      observed({ predictionId: 'not a uuid' }, 1),
      observed({ key: 'nobody' }, 1),
    );
    const query = 'SELECT count(*), count(DISTINCT truth), count(known_at) FROM outcomes';
    expect(await at.sql(query)).toEqual([[4n, 2n, 4n]]);
    await at.project();
    expect(await at.sql(query)).toEqual([[4n, 2n, 4n]]);
  });

  it('stays right while it is not folded in: few truths for a large part are joined, not rewritten', async () => {
    const predictions = Array.from({ length: 100 }, () => predicted());
    await at.append(...predictions);
    await at.project();
    const [part] = (await at.manifest()).models[0]?.parts ?? [];
    await at.append(observed({ predictionId: predictions[40]?.id ?? '' }, 1));
    await at.project();
    const model = (await at.manifest()).models[0];
    expect(model?.parts.map((kept) => kept.path)).toEqual([part?.path]);
    expect(model?.patches?.rows).toBe(1);
    expect(await at.sql('SELECT count(truth), min(position) FILTER (truth = 1) FROM flights')).toEqual([
      [1n, 41n],
    ]);
    // A correction of what is pending replaces it.
    at.clock.advance(hour);
    await at.append(
      observed({ predictionId: predictions[40]?.id ?? '' }, 0, { observedAt: firstDayMicros + hour }),
    );
    await at.project();
    expect(await at.sql('SELECT sum(truth), count(truth) FROM flights')).toEqual([[0, 1n]]);
    // Many truths are folded in.
    await at.append(
      ...predictions.map((prediction) =>
        observed({ predictionId: prediction.id }, 1, { observedAt: firstDayMicros + 2 * hour }),
      ),
    );
    await at.project();
    const folded = (await at.manifest()).models[0];
    expect(folded?.patches).toBeUndefined();
    expect(folded?.parts.map((kept) => kept.path)).not.toEqual([part?.path]);
    expect(await at.sql('SELECT sum(truth), count(truth) FROM flights')).toEqual([[100, 100n]]);
  });
});
