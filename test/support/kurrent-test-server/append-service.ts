import { Metadata, type ServiceError, status as codes } from '@grpc/grpc-js';
import type { ServerDuplexStream, ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import type {
  AppendReq,
  AppendResp,
  BatchAppendReq,
  BatchAppendResp,
} from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js';
import type { Faults } from './faults.js';
import { protocol } from './protocol.js';
import type { AppendOutcome, ExpectedRevision, ProposedRecord, RecordStore } from './record-store.js';
import { appendBytesMax } from './record-store.js';
import { uuidText } from './uuid-text.js';

/** How many calls of each kind a test server has taken. */
export interface AppendCounts {
  appends: number;
  batchAppends: number;
}

interface Context {
  readonly store: RecordStore;
  readonly faults: Faults;
  readonly counts: AppendCounts;
}

type Answer =
  | { readonly kind: 'outcome'; readonly outcome: AppendOutcome }
  | { readonly kind: 'error'; readonly error: Partial<ServiceError> }
  | { readonly kind: 'silence' };

/** Streams.Append: all events of one append in one call of its own. */
export function appendCall(context: Context) {
  return (call: ServerReadableStream<AppendReq, AppendResp>, callback: sendUnaryData<AppendResp>): void => {
    const parts: AppendReq[] = [];
    call.on('data', (part: AppendReq) => parts.push(part));
    call.on('end', () => {
      context.counts.appends += 1;
      const options = parts[0]?.getOptions();
      const records = parts.flatMap((part) => {
        const message = part.getProposedMessage();
        return message === undefined ? [] : [recordOf(message)];
      });
      const expected: ExpectedRevision =
        options?.hasRevision() === true
          ? Number(options.getRevision())
          : options?.hasNoStream() === true
            ? 'no-stream'
            : options?.hasStreamExists() === true
              ? 'stream-exists'
              : 'any';
      const stream = streamName(options?.getStreamIdentifier()?.getStreamName_asU8());
      const reply = async (): Promise<void> => {
        const answer = await answerTo(context, stream, expected, records);
        if (answer.kind === 'error') callback(answer.error, null);
        else if (answer.kind === 'outcome' && answer.outcome.kind === 'too-large') callback(tooLarge(), null);
        else if (answer.kind === 'outcome') callback(null, appendResponse(answer.outcome));
      };
      void reply();
    });
  };
}

/** Streams.BatchAppend: a stream of appends, each answered by its correlation id. */
export function batchAppendCall(context: Context) {
  return (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>): void => {
    const open = new Map<
      string,
      { stream: string; expected: ExpectedRevision; records: ProposedRecord[]; first: BatchAppendReq }
    >();
    call.on('end', () => call.end());
    call.on('data', (part: BatchAppendReq) => {
      const correlation = uuidText(part.getCorrelationId());
      const options = part.getOptions();
      const known = open.get(correlation) ?? {
        stream: streamName(options?.getStreamIdentifier()?.getStreamName_asU8()),
        expected:
          options?.hasStreamPosition() === true
            ? Number(options.getStreamPosition())
            : options?.hasNoStream() === true
              ? ('no-stream' as const)
              : options?.hasStreamExists() === true
                ? ('stream-exists' as const)
                : ('any' as const),
        records: [],
        first: part,
      };
      open.set(correlation, known);
      known.records.push(...part.getProposedMessagesList().map(recordOf));
      if (!part.getIsFinal()) return;
      open.delete(correlation);
      context.counts.batchAppends += 1;
      void answerTo(context, known.stream, known.expected, known.records).then((answer) => {
        if (answer.kind === 'error') call.emit('error', answer.error);
        else if (answer.kind === 'outcome' && !call.destroyed)
          call.write(batchResponse(answer.outcome, known.first, known.stream));
      });
    });
  };
}

async function answerTo(
  { store, faults }: Context,
  stream: string,
  expected: ExpectedRevision,
  records: readonly ProposedRecord[],
): Promise<Answer> {
  if (faults.unavailable) return { kind: 'error', error: unavailable() };
  if (faults.denied) return { kind: 'error', error: denied() };
  if (faults.leader !== undefined) return { kind: 'error', error: notLeader(faults.leader) };
  if (faults.appendsRefused > 0) {
    faults.appendsRefused -= 1;
    return { kind: 'error', error: unavailable() };
  }
  await faults.appendsHeld;
  const outcome = store.append(stream, expected, records);
  if (faults.appendsStoredTwice > 0) {
    faults.appendsStoredTwice -= 1;
    store.remembersIds = false;
    store.append(stream, expected, records);
    store.remembersIds = true;
  }
  if (faults.appendsStoredUnanswered > 0) {
    faults.appendsStoredUnanswered -= 1;
    return { kind: 'error', error: unavailable() };
  }
  if (faults.appendsNeverAnswered > 0) {
    faults.appendsNeverAnswered -= 1;
    return { kind: 'silence' };
  }
  return { kind: 'outcome', outcome };
}

export function unavailable(): Partial<ServiceError> {
  return { code: codes.UNAVAILABLE, details: 'the test server is told to be away' };
}

export function denied(): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set('exception', 'access-denied');
  return { code: codes.PERMISSION_DENIED, details: 'Access Denied', metadata };
}

function notLeader(leader: { readonly host: string; readonly port: number }): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set('exception', 'not-leader');
  metadata.set('leader-endpoint-host', leader.host);
  metadata.set('leader-endpoint-port', String(leader.port));
  return { code: codes.NOT_FOUND, details: 'Leader info available', metadata };
}

function tooLarge(): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set('exception', 'maximum-append-size-exceeded');
  metadata.set('maximum-append-size', String(appendBytesMax));
  return { code: codes.INVALID_ARGUMENT, details: 'Maximum Append Size Exceeded', metadata };
}

function recordOf(message: BatchAppendReq.ProposedMessage | AppendReq.ProposedMessage): ProposedRecord {
  const metadata = message.getMetadataMap();
  return {
    id: uuidText(message.getId()),
    type: metadata.get('type') ?? '',
    contentType: metadata.get('content-type') ?? '',
    data: message.getData_asU8(),
    customMetadata: message.getCustomMetadata_asU8(),
  };
}

function streamName(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? new Uint8Array()).toString('utf8');
}

function appendResponse(outcome: AppendOutcome): AppendResp {
  const { AppendResp: Response } = protocol.streams;
  const response = new Response();
  if (outcome.kind !== 'stored') {
    const current = outcome.kind === 'too-large' ? undefined : outcome.current;
    const wrong = new Response.WrongExpectedVersion();
    if (current === undefined) wrong.setCurrentNoStream(new protocol.shared.Empty());
    else wrong.setCurrentRevision(String(current));
    wrong.setExpectedAny(new protocol.shared.Empty());
    return response.setWrongExpectedVersion(wrong);
  }
  const position = new Response.Position();
  position.setCommitPosition(String(outcome.last.position));
  position.setPreparePosition(String(outcome.last.position));
  const success = new Response.Success();
  success.setCurrentRevision(String(outcome.last.revision));
  success.setPosition(position);
  return response.setSuccess(success);
}

function batchResponse(outcome: AppendOutcome, first: BatchAppendReq, stream: string): BatchAppendResp {
  const { BatchAppendResp: Response } = protocol.streams;
  const response = new Response();
  response.setCorrelationId(first.getCorrelationId());
  const identifier = new protocol.shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream).toString('base64'));
  response.setStreamIdentifier(identifier);
  if (outcome.kind === 'stored') {
    const position = new protocol.shared.AllStreamPosition();
    position.setCommitPosition(String(outcome.last.position));
    position.setPreparePosition(String(outcome.last.position));
    const success = new Response.Success();
    success.setCurrentRevision(String(outcome.last.revision));
    success.setPosition(position);
    return response.setSuccess(success);
  }
  const details = new protocol.any.Any();
  if (outcome.kind === 'too-large') {
    const tooLargeDetails = new protocol.shared.MaximumAppendSizeExceeded();
    tooLargeDetails.setMaxappendsize(appendBytesMax);
    details.pack(tooLargeDetails.serializeBinary(), 'event_store.client.MaximumAppendSizeExceeded');
  } else {
    const wrong = new protocol.shared.WrongExpectedVersion();
    if (outcome.current !== undefined) wrong.setCurrentStreamRevision(String(outcome.current));
    details.pack(wrong.serializeBinary(), 'event_store.client.WrongExpectedVersion');
  }
  const status = new protocol.status.Status();
  status.setMessage(outcome.kind);
  status.setDetails(details);
  return response.setError(status);
}
