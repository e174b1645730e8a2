import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import { renderPrediction } from '../../src/projections/queries/render-prediction.js';
import { showPrediction } from '../../src/projections/queries/show-prediction.js';
import type { ShownPrediction } from '../../src/projections/queries/show-prediction.js';
import type { NewEvent } from '../../src/schemas/events.js';
import { streamOf } from '../../src/schemas/events.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import {
  dayMicros,
  firstDayMicros,
  manifestOf,
  nextUuid,
  observed,
  predicted,
  registered,
} from '../support/projection-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

let folder: string;
let log: EventLog;
const clock = manualClock(firstDayMicros + 10 * dayMicros);
beforeEach(async () => {
  folder = await temporaryFolder();
  log = createMemoryLog({ clock });
  await log.append([registered(manifestOf({ distance: 'float32', carrier: 'string' }))]);
});
afterEach(() => log.close());

async function show(id: string): Promise<ShownPrediction> {
  const analytics = await openAnalytics({ dataDirectory: folder, reader: log });
  try {
    return await showPrediction({ analytics, reader: log, id });
  } finally {
    await analytics.close();
  }
}

function replayed(candidateVersion: string, range: { from: string; until: string }): NewEvent {
  const id = nextUuid();
  return {
    type: 'ReplayCompleted',
    schemaVersion: 1,
    id,
    stream: streamOf('replay', id),
    occurredAt: firstDayMicros + 9 * dayMicros,
    data: {
      replayId: id,
      model: 'flights',
      controlVersion: 'recorded',
      candidateVersion,
      verdict: 'PASS',
      exitCode: 0,
      reportDigest: 'c3'.repeat(32),
      summary: { range },
    },
  };
}

describe('showing one prediction', () => {
  it('gives it as it was recorded, in whichever case the id is written', async () => {
    const prediction = predicted({
      id: '018f0000-0000-7000-8000-abcdefabcdef',
      inputs: { distance: 100.1, carrier: 'UA', note: 'not a feature' },
      key: 'UA1',
      requestId: 'request-1',
      row: 3,
      occurredAt: firstDayMicros + 1,
    });
    await log.append([predicted(), prediction, predicted()]);
    const shown = await show(prediction.id.toUpperCase());
    expect(shown).toMatchObject({
      id: prediction.id,
      position: '2',
      model: 'flights',
      version: 'v1',
      status: 'served',
      key: 'UA1',
      requestId: 'request-1',
      row: 3,
      occurredAt: firstDayMicros + 1,
      inputs: { distance: 100.1, carrier: 'UA', note: 'not a feature' },
      outputs: { label: 0, score: 0.25 },
      latency: { queueMicros: 100, inferenceMicros: 400 },
      durability: 'durable',
      truth: null,
      truthHistory: [],
    });
    await projectAvailable({ dataDirectory: folder, reader: log, clock });
    expect(await show(prediction.id)).toEqual(shown);
  });

  it('gives the truth in force, and its history by id, by request and row, and by key', async () => {
    const prediction = predicted({ key: 'UA1', requestId: 'request-1', row: 1 });
    const other = predicted({ key: 'UA2', requestId: 'request-1', row: 2 });
    await log.append([prediction, other]);
    await log.append([
      observed({ key: 'UA1' }, 0, { observedAt: firstDayMicros + 1 }),
      observed({ predictionId: prediction.id }, 1, { observedAt: firstDayMicros + 3, origin: 'seeded' }),
      observed({ requestId: 'request-1', row: 1 }, 0, { observedAt: firstDayMicros + 2 }),
      observed({ requestId: 'request-1', row: 2 }, 0, { observedAt: firstDayMicros + 9 }),
    ]);
    const shown = await show(prediction.id);
    expect(shown.truth).toBe(1);
    expect(
      shown.truthHistory.map(({ truth, knownAt, origin }) => [truth, knownAt - firstDayMicros, origin]),
    ).toEqual([
      ['0', 1, 'imported'],
      ['0', 2, 'imported'],
      ['1', 3, 'seeded'],
    ]);
  });

  it('gives the replays whose range covers it, and no others', async () => {
    const prediction = predicted({ occurredAt: firstDayMicros + 500_000 });
    await log.append([replayed('before', { from: '2025-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z' })]);
    await log.append([prediction]);
    await log.append([
      replayed('covers', { from: '2026-01-01T00:00:00.500Z', until: '2026-01-01T00:00:00.500001Z' }),
      replayed('ends-before', { from: '2025-12-01T00:00:00Z', until: '2026-01-01T00:00:00.500Z' }),
      replayed('begins-after', { from: '2026-01-01T00:00:00.500001Z', until: '2026-02-01T00:00:00Z' }),
    ]);
    expect((await show(prediction.id)).replays.map(({ candidateVersion }) => candidateVersion)).toEqual([
      'covers',
    ]);
  });

  it.each(['', 'no uuid', "' OR 1=1 --", '018f0000-0000-7000-8000-ffffffffffff'])(
    'answers PREDICTION_NOT_FOUND for %j',
    async (id) => {
      await log.append([predicted()]);
      await expect(show(id)).rejects.toMatchObject({ code: 'PREDICTION_NOT_FOUND' });
    },
  );

  it('is readable in 80 columns', async () => {
    const prediction = predicted({ inputs: { distance: 100.1, carrier: 'UA' }, key: 'UA1' });
    await log.append([prediction, observed({ predictionId: prediction.id }, 1)]);
    const text = renderPrediction(await show(prediction.id));
    for (const part of [
      prediction.id,
      'flights@v1',
      'distance',
      '100.1',
      'score',
      '0.25',
      'durable',
      'Truth: 1',
      'imported',
    ]) {
      expect(text).toContain(part);
    }
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
