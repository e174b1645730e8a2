import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import {
  dayMicros,
  firstDayMicros,
  manifestOf,
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
});
afterEach(() => log.close());

async function sql(query: string): Promise<unknown[][]> {
  const analytics = await openAnalytics({ dataDirectory: folder, reader: log });
  try {
    const result = await analytics.query(query);
    const rows: unknown[][] = [];
    for await (const row of result.rows) rows.push([...row]);
    return rows;
  } finally {
    await analytics.close();
  }
}

async function project(): Promise<void> {
  const result = await projectAvailable({ dataDirectory: folder, reader: log, clock });
  expect(result.kind).toBe('projected');
}

describe('SQL over the datasets and the tail', () => {
  it('sees an event right after its append, with no projector running, and the same after projection', async () => {
    await log.append([registered(manifestOf({ distance: 'float32', carrier: 'string' }))]);
    const prediction = predicted({ inputs: { distance: 100.5, carrier: 'UA' } });
    await log.append([prediction]);
    const query =
      'SELECT prediction_id, in_distance, in_carrier, out_label, out_score, truth, status FROM flights';
    const expected = [[prediction.id, 100.5, 'UA', 0n, 0.25, null, 'served']];
    expect(await sql(query)).toEqual(expected);
    await project();
    expect(await sql(query)).toEqual(expected);
    await log.append([observed({ predictionId: prediction.id }, 1)]);
    expect(await sql('SELECT truth FROM flights')).toEqual([[1]]);
    await project();
    expect(await sql('SELECT truth FROM flights')).toEqual([[1]]);
  });
});
