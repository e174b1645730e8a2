import { once } from 'node:events';
import { type ServerWritableStream, type ServiceError, status as codes } from '@grpc/grpc-js';
import type {
  ReadReq,
  ReadResp,
} from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js';
import { denied, unavailable } from './append-service.js';
import type { Faults } from './faults.js';
import { protocol } from './protocol.js';
import type { RecordStore, StoredRecord } from './record-store.js';

export interface ReadCounts {
  /** Streams that were read, `$all` among them, in order. */
  readonly streams: string[];
  /** Events sent by reads and subscriptions. */
  sent: number;
  subscriptions: number;
}

interface Context {
  readonly store: RecordStore;
  readonly faults: Faults;
  readonly reads: ReadCounts;
}

type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

const recordsPerTurn = 64;

/** Streams.Read: of one stream or of `$all`, forwards or backwards, filtered, once or as a catch-up subscription. */
export function readCall(context: Context) {
  return (call: ReadCall): void => {
    void serve(context, call);
  };
}

async function serve(context: Context, call: ReadCall): Promise<void> {
  const { faults, reads } = context;
  if (faults.unavailable) return fail(call, unavailable());
  if (faults.denied) return fail(call, denied());
  const options = call.request.getOptions();
  if (options === undefined) return fail(call, { code: codes.INVALID_ARGUMENT, details: 'no options' });
  reads.streams.push(options.hasAll() ? '$all' : streamOf(options));
  const plan = planOf(context.store, options);
  if ('problem' in plan) return fail(call, { code: codes.INVALID_ARGUMENT, details: plan.problem });
  if (faults.readsStalled) return;
  const sender = new Sender(context, call);
  if (options.hasSubscription()) {
    reads.subscriptions += 1;
    await subscribe(context, call, sender, plan);
    return;
  }
  if (plan.kind === 'stream' && plan.records.length === 0) {
    const missing = new protocol.streams.ReadResp.StreamNotFound();
    missing.setStreamIdentifier(options.getStream()?.getStreamIdentifier());
    call.write(new protocol.streams.ReadResp().setStreamNotFound(missing));
    call.end();
    return;
  }
  const count = Number(options.getCount());
  let sent = 0;
  for (const record of plan.records) {
    if (sent >= count || !(await sender.send(record))) break;
    sent += 1;
  }
  if (!sender.broken) call.end();
}

async function subscribe(context: Context, call: ReadCall, sender: Sender, plan: Plan): Promise<void> {
  const confirmation = new protocol.streams.ReadResp.SubscriptionConfirmation();
  confirmation.setSubscriptionId('11111111-1111-4111-8111-111111111111');
  call.write(new protocol.streams.ReadResp().setConfirmation(confirmation));
  if (context.faults.checkpointsAhead) checkpoint(call, context.store.all.at(-1));
  let next = plan.from;
  let caughtUp = false;
  let wake: () => void = () => {};
  const stop = context.store.onChange(() => wake());
  call.on('cancelled', () => wake());
  call.on('close', () => wake());
  while (!call.cancelled && !call.destroyed && !sender.broken) {
    const { all } = context.store;
    if (next < all.length) {
      const record = all[next];
      next += 1;
      if (record !== undefined && plan.wanted(record) && !(await sender.send(record))) break;
      continue;
    }
    if (!caughtUp) {
      caughtUp = true;
      checkpoint(call, all.at(-1));
      call.write(new protocol.streams.ReadResp().setCaughtUp(new protocol.streams.ReadResp.CaughtUp()));
      continue;
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  stop();
}

function checkpoint(call: ReadCall, last: StoredRecord | undefined): void {
  if (last === undefined) return;
  const message = new protocol.streams.ReadResp.Checkpoint();
  message.setCommitPosition(String(last.position));
  message.setPreparePosition(String(last.position));
  call.write(new protocol.streams.ReadResp().setCheckpoint(message));
}

interface Plan {
  readonly kind: 'all' | 'stream';
  /** In the order asked for, those wanted only. */
  readonly records: readonly StoredRecord[];
  /** Index in `$all` at which a subscription starts. */
  readonly from: number;
  readonly wanted: (record: StoredRecord) => boolean;
}

function planOf(store: RecordStore, options: ReadReq.Options): Plan | { readonly problem: string } {
  const backwards = options.getReadDirection() === protocol.streams.ReadReq.Options.ReadDirection.BACKWARDS;
  if (options.hasStream()) {
    const records = store.streams.get(streamOf(options)) ?? [];
    const stream = options.getStream();
    const at =
      stream?.hasRevision() === true ? Number(stream.getRevision()) : backwards ? records.length - 1 : 0;
    const chosen = backwards ? records.slice(0, at + 1).toReversed() : records.slice(at);
    return { kind: 'stream', records: chosen, from: 0, wanted: () => true };
  }
  const wanted = filterOf(options);
  const position = options.getAll()?.getPosition();
  let from = backwards || options.getAll()?.hasEnd() === true ? store.all.length : 0;
  if (position !== undefined) {
    from = store.all.findIndex((record) => record.position === Number(position.getCommitPosition()));
    // As a real server: a position that is no record's cannot be read from.
    if (from < 0) return { problem: `InvalidPosition ${position.getCommitPosition()}` };
    // A subscription begins after the position, a read at it.
    if (options.hasSubscription()) from += 1;
  }
  const slice = backwards ? store.all.slice(0, from).toReversed() : store.all.slice(from);
  return { kind: 'all', records: options.hasSubscription() ? [] : slice.filter(wanted), from, wanted };
}

function filterOf(options: ReadReq.Options): (record: StoredRecord) => boolean {
  const expression = options.getFilter()?.getStreamIdentifier();
  if (expression === undefined) return () => true;
  const prefixes = expression.getPrefixList();
  if (prefixes.length > 0) return (record) => prefixes.some((prefix) => record.stream.startsWith(prefix));
  const pattern = new RegExp(expression.getRegex());
  return (record) => pattern.test(record.stream);
}

function streamOf(options: ReadReq.Options): string {
  const bytes = options.getStream()?.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
  return Buffer.from(bytes).toString('utf8');
}

/** Writes events and waits when the connection is full. `send` answers false when the call is over. */
class Sender {
  broken = false;
  readonly #context: Context;
  readonly #call: ReadCall;
  #sent = 0;

  constructor(context: Context, call: ReadCall) {
    this.#context = context;
    this.#call = call;
  }

  async send(record: StoredRecord): Promise<boolean> {
    const call = this.#call;
    const { faults, reads } = this.#context;
    const breaks = faults.readsBroken.count > 0 && this.#sent >= faults.readsBroken.afterEvents;
    if (breaks) faults.readsBroken.count -= 1;
    if (breaks || faults.unavailable) {
      this.broken = true;
      fail(call, unavailable());
      return false;
    }
    if (call.cancelled || call.destroyed) return false;
    const times = faults.eventsSentTwice ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      this.#sent += 1;
      reads.sent += 1;
      if (!call.write(eventMessage(record))) {
        const over = new AbortController();
        const events = ['drain', 'cancelled', 'close'];
        await Promise.race(events.map((name) => once(call, name, { signal: over.signal }))).finally(() =>
          over.abort(),
        );
      }
    }
    if (this.#sent % recordsPerTurn === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    return true;
  }
}

function eventMessage(record: StoredRecord): ReadResp {
  const { ReadResp: Response } = protocol.streams;
  const event = new Response.ReadEvent.RecordedEvent();
  const id = new protocol.shared.UUID();
  id.setString(record.id);
  event.setId(id);
  const identifier = new protocol.shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(record.stream).toString('base64'));
  event.setStreamIdentifier(identifier);
  event.setStreamRevision(String(record.revision));
  event.setCommitPosition(String(record.position));
  event.setPreparePosition(String(record.position));
  event.getMetadataMap().set('type', record.type);
  event.getMetadataMap().set('content-type', record.contentType);
  // Ticks of 100 nanoseconds since 1970.
  event.getMetadataMap().set('created', String(record.createdMicros * 10));
  event.setData(record.data);
  event.setCustomMetadata(record.customMetadata);
  const resolved = new Response.ReadEvent();
  resolved.setEvent(event);
  resolved.setCommitPosition(String(record.position));
  return new Response().setEvent(resolved);
}

function fail(call: ReadCall, error: Partial<ServiceError>): void {
  if (!call.destroyed) call.emit('error', error);
}
