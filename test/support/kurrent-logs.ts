import { afterEach } from 'vitest';
import type { NewEvent, StoredEvent } from '../../src/schemas/events.js';
import type { LogReader, ReadQuery } from '../../src/services/event-log/event-log.js';
import {
  type KurrentLog,
  type KurrentLogOptions,
  openKurrentLog,
} from '../../src/services/event-log/kurrent-log/kurrent-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { handTimers } from './hand-timers.js';
import { type KurrentTestServer, startKurrentTestServer } from './kurrent-test-server/kurrent-test-server.js';
import { sampleOfEveryType, sampleStartMicros } from './sample-events.js';

/** Told apart from the pauses between attempts, which are shorter. */
export const appendMsMax = 70_001;
export const readIdleMsMax = 70_002;

/** Servers and logs that are closed after each test. */
export function kurrentLogs() {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  return {
    server: async (
      options: Parameters<typeof startKurrentTestServer>[0] = {},
    ): Promise<KurrentTestServer> => {
      const server = await startKurrentTestServer(options);
      closers.push(() => server.close());
      return server;
    },
    log: async (
      server: KurrentTestServer,
      options: Partial<KurrentLogOptions> = {},
    ): Promise<KurrentLog & { readonly timers: ReturnType<typeof handTimers> }> => {
      const timers = handTimers([appendMsMax, readIdleMsMax]);
      const log = await openKurrentLog({
        connectionString: server.connectionString,
        clock: manualClock(sampleStartMicros),
        timers,
        timing: { appendMsMax, appendAttemptsMax: 4, readIdleMsMax },
        ...options,
      });
      closers.push(() => log.close());
      return { ...log, timers };
    },
  };
}

/** The registration that the sample events' model needs. */
export function registration(): NewEvent {
  const event = sampleOfEveryType().find(({ type }) => type === 'ModelRegistered');
  if (event === undefined) throw new Error('a sample of every type is needed');
  return event;
}

export async function everyEvent(log: LogReader, query?: ReadQuery): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of log.read(query)) events.push(...batch);
  return events;
}

/** As many events as asked for from a tail, then no more. */
export async function tailed(
  log: LogReader,
  options: { readonly count: number; readonly fromPosition?: number; readonly each?: () => Promise<void> },
): Promise<StoredEvent[]> {
  const stop = new AbortController();
  const events: StoredEvent[] = [];
  for await (const batch of log.tail({ fromPosition: options.fromPosition ?? 0, signal: stop.signal })) {
    events.push(...batch);
    if (events.length >= options.count) stop.abort();
    await options.each?.();
  }
  return events;
}

export function idsOf(events: readonly { readonly id: string }[]): string[] {
  return events.map((event) => event.id);
}
