import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewEvent, StoredEvent } from '../../src/schemas/events.js';
import type { EventLog, LogReader, ReadQuery } from '../../src/services/event-log/event-log.js';
import { modelOf } from '../../src/services/event-log/model-of.js';
import type { Clock } from '../../src/services/platform/clock.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { limits } from '../../src/services/platform/limits.js';
import { newId } from '../../src/services/platform/new-id.js';
import { sampleOfEveryType, samplePredictions, sampleStartMicros } from '../support/sample-events.js';

/**
 * Makes an empty log; `reader`: a second, independent way to read it, where the adapter has one. `appendEventsMax` and
 * `queueEventsMax`: what this log takes of the samples at once, and what it lets wait, where that is less than the limits.
 */
export type MakeLog = (clock: Clock) => Promise<{
  log: EventLog;
  reader: () => Promise<LogReader>;
  remove: () => Promise<void>;
  appendEventsMax?: number;
  queueEventsMax?: number;
}>;

export async function readAll(reader: LogReader, query?: ReadQuery): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of reader.read(query)) {
    expect(batch.length).toBeGreaterThan(0);
    expect(batch.length).toBeLessThanOrEqual(limits.readBatchEventsMax);
    events.push(...batch);
  }
  return events;
}

/** What every adapter of the port must hold. */
export function describeEventLogContract(name: string, makeLog: MakeLog): void {
  describe(`event log contract: ${name}`, () => {
    const clock = manualClock(sampleStartMicros);
    let made: Awaited<ReturnType<MakeLog>>;
    let log: EventLog;

    beforeEach(async () => {
      clock.set(sampleStartMicros);
      made = await makeLog(clock);
      ({ log } = made);
    });
    afterEach(async () => {
      await log.close();
      await made.remove();
    });

    it('returns every type of event as it was appended, with position and recordedAt', async () => {
      const events = sampleOfEveryType();
      const receipt = await log.append(events);
      const stored = await readAll(log);
      expect(receipt.recordedAt).toBe(sampleStartMicros);
      if (log.capabilities.densePositions) {
        expect(receipt).toEqual({ firstPosition: 0, recordedAt: sampleStartMicros });
        expect(stored.map((event) => event.position)).toEqual(events.map((_event, index) => index));
      } else {
        expect(receipt.placed).toBe('at-or-before');
        expect(receipt.firstPosition).toBeGreaterThanOrEqual(stored.at(-1)?.position ?? Infinity);
        expectIncreasing(stored.map((event) => event.position));
      }
      // The streams of one append may come in any order where it is not adjacent; each keeps its own.
      const byId = new Map(stored.map((event) => [event.id, event]));
      expect(stored).toHaveLength(events.length);
      for (const event of events) {
        const found = byId.get(event.id);
        expect(found).toEqual({ ...event, position: found?.position, recordedAt: sampleStartMicros });
      }
      if (log.capabilities.adjacentAppends)
        expect(stored.map((event) => event.id)).toEqual(events.map((event) => event.id));
    });

    it('keeps the order of keys in inputs', async () => {
      const [event] = samplePredictions(1);
      const inputs = { zeta: 1, alpha: 2, Middle: 3, '10': 4, '2': 5 };
      await log.append([withInputs(event, inputs)]);
      const [stored] = await readAll(log);
      expect(Object.keys(stored?.sensitive?.inputs ?? {})).toEqual(Object.keys(inputs));
    });

    it('gives the events of one append adjacent positions, also among concurrent appends, and stores each once', async () => {
      const events = samplePredictions(600);
      const parts = Array.from({ length: 100 }, (_, index) => events.slice(index * 6, index * 6 + 6));
      const receipts = await Promise.all(parts.map((part) => log.append(part)));
      const stored = await readAll(log);
      expect(stored).toHaveLength(600);
      for (const [index, part] of parts.entries()) {
        const first = log.capabilities.densePositions
          ? (receipts[index]?.firstPosition ?? -1)
          : stored.findIndex((event) => event.id === part[0]?.id);
        expect(stored.slice(first, first + 6).map((event) => event.id)).toEqual(
          part.map((event) => event.id),
        );
      }
    });

    it('shows an independent reader what was appended as soon as the append resolves', async () => {
      const reader = await made.reader();
      for (const event of samplePredictions(20)) {
        const before = (await log.head()).nextPosition;
        const { firstPosition } = await log.append([event]);
        const seen = await readAll(reader, { fromPosition: before });
        expect(seen.at(-1)?.position).toBeLessThanOrEqual(firstPosition);
        expect(seen.map((found) => found.id)).toEqual([event.id]);
      }
      await reader.close();
    });

    it('reads ranges of positions, from inclusive, until exclusive', async () => {
      for (const event of samplePredictions(40)) await log.append([event]);
      const positions = (await readAll(log)).map((event) => event.position);
      const end = (await log.head()).nextPosition;
      const at = (index: number): number => (index < 0 ? index : (positions[index] ?? end + index - 40));
      for (const [from, until] of [
        [0, 40],
        [0, 1],
        [39, 40],
        [7, 23],
        [40, 50],
        [12, 12],
        [-5, 2],
      ] as const) {
        const fromPosition = from < 40 ? at(from) : end;
        const found = await readAll(log, { fromPosition, untilPosition: at(until) });
        expect(found.map((event) => event.position)).toEqual(
          positions.filter((_position, index) => index >= from && index < until),
        );
        // From behind an event, too, as one who goes on does.
        const behind = await readAll(log, { fromPosition: from < 1 ? 0 : at(from - 1) + 1 });
        expect(behind.map((event) => event.position)).toEqual(positions.slice(Math.max(0, from)));
      }
    });

    it('reads ranges of occurredAt, types and models, alone and together', async () => {
      const predictions = samplePredictions(60).map((event, index) =>
        index % 3 === 0 ? { ...event, data: { ...event.data, model: 'other' } } : event,
      );
      const others = sampleOfEveryType().slice(3);
      for (let at = 0; at < 60; at += 20)
        await log.append([...predictions.slice(at, at + 20), ...withFreshIds(others)]);
      const all = await readAll(log);
      const [from, until] = [predictions[11]?.occurredAt ?? 0, predictions[47]?.occurredAt ?? 0];
      const queries: ReadQuery[] = [
        { occurredFrom: from },
        { occurredUntil: until },
        { occurredFrom: from, occurredUntil: until },
        { types: ['PredictionServed'] },
        { types: ['ModelPromoted', 'OutcomeObserved'] },
        { model: 'other' },
        { model: 'flights' },
        { model: 'nobody' },
        {
          types: ['PredictionServed'],
          model: 'other',
          occurredFrom: from,
          fromPosition: all[5]?.position ?? -1,
          untilPosition: all[60]?.position ?? -1,
        },
        {
          types: ['PredictionServed', 'OutcomeObserved'],
          model: 'flights',
          occurredFrom: from,
          occurredUntil: until,
        },
      ];
      for (const query of queries) {
        const expected = all.filter((event) => matches(event, query));
        expect(await readAll(log, query), JSON.stringify(query)).toEqual(expected);
      }
      expect((await readAll(log, { model: 'flights', types: ['ModelRegistered'] })).length).toBe(3);
    });

    it('says where the last so many events begin', async () => {
      for (const event of samplePredictions(12)) await log.append([event]);
      const all = await readAll(log);
      for (const count of [1, 5, 12]) {
        const fromPosition = await log.startOfLast(count);
        expect(await readAll(log, { fromPosition })).toEqual(all.slice(-count));
      }
      expect(await log.startOfLast(13)).toBe(0);
    });

    it('names the hash of its chain at an event, whatever came after, where it has a chain', async () => {
      const before = await log.head();
      await log.append(samplePredictions(3));
      const { hash, nextPosition } = await log.head();
      if (before.hash === undefined) {
        expect(await log.hashAt(nextPosition - 1)).toBeUndefined();
        return;
      }
      const [first] = await readAll(log);
      await log.append(samplePredictions(2));
      // All events of a frame have one; a position inside it is as good as its last.
      expect(await log.hashAt(nextPosition - 1)).toBe(hash);
      expect(await log.hashAt(nextPosition - 2)).toBe(hash);
      expect(await log.hashAt(nextPosition)).toBe((await log.head()).hash);
      expect(await log.hashAt(first?.position ?? -1)).toHaveLength(64);
      expect(await log.hashAt((await log.head()).nextPosition)).toBeUndefined();
      expect(await log.hashAt(-1)).toBeUndefined();
    });

    it('splits what it reads into bounded batches', async () => {
      const many = samplePredictions(limits.readBatchEventsMax + 100);
      const most = made.appendEventsMax ?? many.length;
      for (let at = 0; at < many.length; at += most) await log.append(many.slice(at, at + most));
      const sizes: number[] = [];
      for await (const batch of log.read()) sizes.push(batch.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(limits.readBatchEventsMax);
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(many.length);
    });

    it('ends a read at the head as it was when the read began', async () => {
      await log.append(samplePredictions(10));
      const iterator = log.read()[Symbol.asyncIterator]();
      const first = await iterator.next();
      await log.append(samplePredictions(10, 2));
      let read = first.done === true ? 0 : first.value.length;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        read += next.value.length;
      }
      expect(read).toBe(10);
    });

    it('reads soundly while others append', async () => {
      const events = samplePredictions(2_000);
      const writing = (async () => {
        for (let at = 0; at < events.length; at += 7) await log.append(events.slice(at, at + 7));
      })();
      const reader = await made.reader();
      let seen = 0;
      while (seen < events.length) {
        const found = await readAll(reader);
        expect(found.length).toBeGreaterThanOrEqual(seen);
        found.forEach((event, index) => {
          const misplaced = log.capabilities.densePositions && event.position !== index;
          if (misplaced || event.id !== events[index]?.id) throw new Error(`wrong at ${index}`);
        });
        expectIncreasing(found.map((event) => event.position));
        seen = found.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writing;
      await reader.close();
    });

    it('tails what is there and what comes, and ends quietly when aborted', async () => {
      for (const reader of [log, await made.reader()]) {
        const before = (await log.head()).nextPosition;
        const events = samplePredictions(30, before + 1);
        await log.append(events.slice(0, 10));
        const controller = new AbortController();
        const seen: StoredEvent[] = [];
        let appended = 10;
        for await (const batch of reader.tail({ fromPosition: before, signal: controller.signal })) {
          seen.push(...batch);
          if (seen.length === 30) controller.abort();
          else if (seen.length === appended) {
            await log.append(events.slice(appended, appended + 5));
            appended += 5;
          }
        }
        expect(seen.map((event) => event.id)).toEqual(events.map((event) => event.id));
      }
    });

    it('ends a tail that waits when it is aborted', async () => {
      const controller = new AbortController();
      const iterator = log.tail({ fromPosition: 0, signal: controller.signal })[Symbol.asyncIterator]();
      const waiting = iterator.next();
      controller.abort();
      expect(await waiting).toEqual({ done: true, value: undefined });
    });

    it('moves the head with every append, and the hash where there is one', async () => {
      const heads = [await log.head()];
      for (const event of samplePredictions(5)) {
        await log.append([event]);
        heads.push(await log.head());
      }
      expectIncreasing(heads.map((head) => head.nextPosition));
      expect(heads.at(-1)).toMatchObject({ recordedAt: sampleStartMicros });
      if (log.capabilities.densePositions) expect(heads.at(-1)).toMatchObject({ nextPosition: 5 });
      const hashes = new Set(heads.map((head) => head.hash));
      expect(hashes.size).toBe(hashes.has(undefined) ? 1 : 6);
    });

    it('never lets recordedAt go back when the clock does', async () => {
      await log.append(samplePredictions(1));
      clock.advance(-3_600_000_000);
      expect((await log.append(samplePredictions(1, 2))).recordedAt).toBe(sampleStartMicros);
      clock.set(sampleStartMicros + 5);
      expect((await log.append(samplePredictions(1, 3))).recordedAt).toBe(sampleStartMicros + 5);
      const times = (await readAll(log)).map((event) => event.recordedAt);
      expect(times).toEqual([sampleStartMicros, sampleStartMicros, sampleStartMicros + 5]);
    });

    it('refuses an append with an invalid event whole, naming the path', async () => {
      const [good, bad] = samplePredictions(2);
      if (good === undefined || bad === undefined) throw new Error('two samples are needed');
      const wrong = { ...bad, data: { ...bad.data, row: -1 } };
      await expect(log.append([good, wrong])).rejects.toMatchObject({
        code: 'LOG_EVENT_INVALID',
        message: expect.stringContaining('event 1 at data.row'),
      });
      await expect(log.append([])).rejects.toMatchObject({ code: 'LOG_EVENT_INVALID' });
      expect(await readAll(log)).toEqual([]);
    });

    it('refuses only the append that cannot be encoded, not those that share its commit', async () => {
      const [first, second, third] = samplePredictions(3);
      const results = await Promise.allSettled([
        log.append([withInputs(first, { a: 1 })]),
        log.append([withInputs(second, { a: 'lone \ud800 surrogate' })]),
        log.append([withInputs(third, { a: 3 })]),
      ]);
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(results[1]).toMatchObject({ reason: { code: 'LOG_EVENT_INVALID' } });
      expect((await readAll(log)).map((event) => event.sensitive?.inputs)).toEqual([{ a: 1 }, { a: 3 }]);
    });

    it('gives every odd value back as it was, and refuses those that cannot be stored', async () => {
      for (const { what, value, isStored } of oddValues()) {
        const [event] = withFreshIds(samplePredictions(1, 5));
        if (event === undefined) throw new Error('a sample is needed');
        const inputs = Object.assign(event, { sensitive: { inputs: value } }).sensitive.inputs;
        const before = (await log.head()).nextPosition;
        const appending = log.append([event]);
        if (isStored) await appending;
        else await expect(appending, what).rejects.toMatchObject({ code: 'LOG_EVENT_INVALID' });
        const stored = await readAll(log, { fromPosition: before });
        expect(stored, what).toHaveLength(isStored ? 1 : 0);
        if (!isStored) continue;
        const found: unknown = stored[0]?.sensitive?.inputs;
        expect(found, what).toStrictEqual(withoutUndefined(inputs));
        expect(Object.keys(Object(found)), what).toEqual(Object.keys(Object(withoutUndefined(inputs))));
      }
    });

    it('refuses more than it takes at once', async () => {
      const [event] = samplePredictions(1);
      if (event === undefined) throw new Error('a sample is needed');
      await expect(
        log.append(Array.from({ length: limits.appendEventsMax + 1 }, () => event)),
      ).rejects.toMatchObject({ code: 'LOG_BATCH_TOO_LARGE' });
      const large = withInputs(event, { text: 'x'.repeat(limits.eventBytesMax) });
      await expect(log.append([event, large])).rejects.toMatchObject({
        code: 'LOG_BATCH_TOO_LARGE',
        message: expect.stringContaining('event 1'),
      });
    });

    it('answers LOG_BUSY instead of queueing without bound, and takes events again afterwards', async () => {
      const part = samplePredictions(made.appendEventsMax ?? limits.appendEventsMax);
      const queueEventsMax = made.queueEventsMax ?? limits.appendQueueEventsMax;
      const parts = Math.ceil((queueEventsMax + 1) / part.length);
      const results = await Promise.allSettled(
        Array.from({ length: parts }, () => log.append(withFreshIds(part))),
      );
      const refused = results.filter((result) => result.status === 'rejected');
      expect(refused).toHaveLength(1);
      expect(refused[0]).toMatchObject({ reason: { code: 'LOG_BUSY' } });
      await log.append(samplePredictions(1, 9));
      let stored = 0;
      for await (const batch of log.read()) stored += batch.length;
      expect(stored).toBe((parts - 1) * part.length + 1);
    });

    it('answers what was appended before it closes, and LOG_CLOSED after', async () => {
      const appends = samplePredictions(5).map((event) => log.append([event]));
      const closing = log.close();
      await expect(log.append(samplePredictions(1, 8))).rejects.toMatchObject({ code: 'LOG_CLOSED' });
      const answered = (await Promise.all(appends)).map((receipt) => receipt.firstPosition);
      if (log.capabilities.densePositions) expect(answered).toEqual([0, 1, 2, 3, 4]);
      else expect(answered).toHaveLength(5);
      await closing;
      await expect(readAll(log)).rejects.toMatchObject({ code: 'LOG_CLOSED' });
      await expect(log.head()).rejects.toMatchObject({ code: 'LOG_CLOSED' });
    });

    it('stops a read whose signal is aborted', async () => {
      await log.append(samplePredictions(10));
      const reason = new Error('enough');
      await expect(readAll(log, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
  });
}

/** Events with ids of their own: where an id is stored once, one that comes again is no new event. */
function withFreshIds<Event extends NewEvent>(events: readonly Event[]): Event[] {
  return events.map((event) => ({ ...event, id: newId() }));
}

function expectIncreasing(numbers: readonly number[]): void {
  expect(numbers.filter((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0))).toEqual([]);
}

function withInputs(event: NewEvent | undefined, inputs: { [key: string]: string | number }): NewEvent {
  if (event === undefined) throw new Error('an event is needed');
  return { ...event, sensitive: { inputs } };
}

function matches(event: StoredEvent, query: ReadQuery): boolean {
  return (
    event.position >= (query.fromPosition ?? 0) &&
    event.position < (query.untilPosition ?? Infinity) &&
    event.occurredAt >= (query.occurredFrom ?? -Infinity) &&
    event.occurredAt < (query.occurredUntil ?? Infinity) &&
    (query.types?.includes(event.type) ?? true) &&
    (query.model === undefined || query.model === modelOf(event))
  );
}

interface OddValue {
  readonly what: string;
  readonly value: unknown;
  readonly isStored: boolean;
}

/** Inputs that a careless encoding changes: every one of them is a model's input somewhere, so it has to come back. */
function oddValues(): readonly OddValue[] {
  const stored: Readonly<Record<string, unknown>> = {
    'not a number': { value: Number.NaN, list: [Number.NaN] },
    infinities: { up: Infinity, down: -Infinity },
    'negative zero': { value: -0, list: [-0, 0] },
    '±2^63 as doubles': { up: 2 ** 63, down: -(2 ** 63) },
    'doubles at the edges': {
      least: Number.MIN_VALUE,
      most: Number.MAX_VALUE,
      odd: 0.1 + 0.2,
      safe: 2 ** 53,
    },
    '64-bit integers': { up: 2n ** 63n - 1n, down: -(2n ** 63n), unsigned: 2n ** 64n - 1n, small: 7n },
    bytes: { value: Uint8Array.of(0, 1, 254, 255) },
    'no bytes': { value: new Uint8Array(0) },
    'typed arrays of every kind': typedArrays(),
    'odd keys': JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":1,"":2,"a.b":3,"toString":null,"$value":4}',
    ),
    'what looks like our own marks': {
      a: { $value: 'NaN' },
      b: { $value: { $value: 1 } },
      c: [2],
      d: [4, 0],
    },
    'keys that look like indexes, in their order': { zeta: 1, '10': 2, '2': 3 },
    'a pair of surrogates': { value: '😀', '😀': 'x' },
    'texts with zeros and odd spaces': { value: 'a\u0000b\u2028\ufeff', empty: '' },
    'null and absent': { nothing: null, absent: undefined, list: [null] },
    'nothing at all': {},
  };
  const refused: Readonly<Record<string, unknown>> = {
    'an integer beyond 64 bits': { value: 2n ** 64n },
    'a date': { value: new Date(0) },
    'a lone surrogate': { value: 'a\ud800b' },
    'a lone surrogate in a key': { 'a\udc00': 1 },
    'undefined in a list': { list: [undefined] },
    'a function': { value: () => 1 },
  };
  const all = (values: Readonly<Record<string, unknown>>, isStored: boolean): OddValue[] =>
    Object.entries(values).map(([what, value]) => ({ what, value, isStored }));
  return [...all(stored, true), ...all(refused, false)];
}

function typedArrays(): object {
  return {
    int8: Int8Array.of(-128, 127),
    clamped: Uint8ClampedArray.of(0, 255),
    int16: Int16Array.of(-32_768, 32_767),
    uint16: Uint16Array.of(65_535),
    int32: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
    uint32: Uint32Array.of(2 ** 32 - 1),
    single: Float32Array.of(0.1, Number.NaN, -0),
    double: Float64Array.of(0.1, -Infinity, -0),
    long: BigInt64Array.of(-(2n ** 63n)),
    wide: BigUint64Array.of(2n ** 64n - 1n),
    // A view of a part of a larger buffer.
    part: new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2),
  };
}

/** undefined counts as absent. */
function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
