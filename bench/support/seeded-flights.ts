import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Flight } from '../../src/cli/demo/flights-calendar.js';
import { windowOf, windowsUntil } from '../../src/cli/demo/flights-calendar.js';
import { readFlights } from '../../src/cli/demo/read-flights.js';
import { seedFlights } from '../../src/cli/demo/seed-flights.js';
import type { SeedResult } from '../../src/cli/demo/seed-flights.js';
import { dataPaths } from '../../src/cli/workspace.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { systemClock } from '../../src/services/platform/clock.js';
import { root } from './root.js';

export interface SeededFlights {
  readonly directory: string;
  /** The whole calendar, microseconds UTC. */
  readonly fromMicros: number;
  readonly untilMicros: number;
  readonly seeded: SeedResult;
  readonly projectSeconds: number;
}

/** Half a year of flights is sent once more after another, moved by so much. */
const calendarMicros = 27 * 7 * 24 * 3_600_000_000;

/**
 * The example traffic in a new data folder, seeded and projected as the demo does it; each flight `copies` times, and half a year
 * after the other `calendars` times.
 */
export async function seededFlights(copies: number, calendars = 1): Promise<SeededFlights> {
  const directory = await mkdtemp(join(tmpdir(), 'hindcast-bench-'));
  const paths = dataPaths(directory);
  const begin = Date.parse('2014-01-02T00:00:00Z') * 1000;
  const log = await openSegmentLog({ directory: paths.log, clock: systemClock });
  let fromMicros = Infinity;
  let untilMicros = 0;
  const seeded = { predictions: 0, outcomes: 0, alreadySeeded: 0, seconds: 0 };
  for (let calendar = 0; calendar < calendars; calendar += 1) {
    const now = begin + calendar * calendarMicros;
    const traffic = await readFlights(join(root, 'examples', 'flights', 'traffic.parquet'), now);
    const sent = await seedFlights({
      log,
      artefactsDirectory: paths.artefacts,
      bundles: ['v1', 'v2', 'v3'].map((version) => join(root, 'examples', 'flights', version)),
      windows: windowsUntil(repeated(traffic.flights, copies), now),
      firstAt: traffic.firstAt,
      total: traffic.flightsUntilNow * copies,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    seeded.predictions += sent.predictions;
    seeded.outcomes += sent.outcomes;
    seeded.seconds += sent.seconds;
    fromMicros = Math.min(fromMicros, traffic.firstAt);
    untilMicros = now;
    await traffic.close();
  }
  const started = performance.now();
  await projectAvailable({ dataDirectory: directory, reader: log });
  const projectSeconds = (performance.now() - started) / 1000;
  await log.close();
  return { directory, fromMicros, untilMicros, seeded, projectSeconds };
}

/**
 * Window after window of the calendar so many times, a copy after the other: a flight and its copy lie some hundred others apart. Side by
 * side they would be served from a processor's memory of what it just did, which no traffic is.
 */
async function* repeated(flights: AsyncIterable<Flight>, copies: number): AsyncGenerator<Flight> {
  let together: Flight[] = [];
  function* copied(): Generator<Flight> {
    for (let copy = 0; copy < copies; copy += 1) {
      for (const flight of together) yield { ...flight, key: `${flight.key}-${copy}` };
    }
  }
  for await (const flight of flights) {
    const [first] = together;
    if (first !== undefined && windowOf(first.scheduledAt) !== windowOf(flight.scheduledAt)) {
      yield* copied();
      together = [];
    }
    together.push(flight);
  }
  yield* copied();
}
