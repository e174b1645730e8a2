import { newRecordPosition } from './record-position.js';

export interface ProposedRecord {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly customMetadata: Uint8Array;
}

export interface StoredRecord extends ProposedRecord {
  readonly stream: string;
  readonly revision: number;
  /** In `$all`: grows by the record's size, so it is not dense. */
  readonly position: number;
  readonly createdMicros: number;
}

export type ExpectedRevision = 'any' | 'no-stream' | 'stream-exists' | number;

export type AppendOutcome =
  | { readonly kind: 'stored'; readonly last: StoredRecord }
  | { readonly kind: 'wrong-revision'; readonly current: number | undefined }
  | { readonly kind: 'too-large' };

/** What servers up to 24.10 take in one append. */
export const appendBytesMax = 1024 * 1024;

/** The records of a test server; several servers may share one, as nodes of a cluster do. */
export class RecordStore {
  readonly all: StoredRecord[] = [];
  readonly streams = new Map<string, StoredRecord[]>();
  /** False: appends of the same ids are stored again, as happens when a real server has forgotten them. */
  remembersIds = true;
  readonly #changed = new Set<() => void>();
  #now: () => number;

  constructor(nowMicros: () => number) {
    this.#now = nowMicros;
  }

  /** As the server: an append whose ids are the stream's already is answered as the one before, and stored once. */
  append(stream: string, expected: ExpectedRevision, proposed: readonly ProposedRecord[]): AppendOutcome {
    const bytes = proposed.reduce(
      (sum, record) =>
        sum + record.data.byteLength + record.customMetadata.byteLength + record.type.length * 2,
      0,
    );
    if (bytes > appendBytesMax) return { kind: 'too-large' };
    const records = this.streams.get(stream) ?? [];
    const known = this.remembersIds ? records.findIndex((record) => record.id === proposed[0]?.id) : -1;
    if (known >= 0) {
      const same = proposed.every((record, index) => records[known + index]?.id === record.id);
      const last = records[known + proposed.length - 1];
      return same && last !== undefined
        ? { kind: 'stored', last }
        : { kind: 'wrong-revision', current: records.length - 1 };
    }
    if (!fits(expected, records.length)) {
      return { kind: 'wrong-revision', current: records.length === 0 ? undefined : records.length - 1 };
    }
    let last: StoredRecord | undefined;
    for (const record of proposed) {
      last = {
        ...record,
        stream,
        revision: records.length,
        position: newRecordPosition(this.all.at(-1)),
        createdMicros: this.#now(),
      };
      records.push(last);
      this.all.push(last);
    }
    this.streams.set(stream, records);
    for (const wake of Array.from(this.#changed)) wake();
    return last === undefined ? { kind: 'wrong-revision', current: undefined } : { kind: 'stored', last };
  }

  /** Calls back after every append until the returned function is called. */
  onChange(wake: () => void): () => void {
    this.#changed.add(wake);
    return () => this.#changed.delete(wake);
  }
}

function fits(expected: ExpectedRevision, length: number): boolean {
  if (expected === 'any') return true;
  if (expected === 'no-stream') return length === 0;
  if (expected === 'stream-exists') return length > 0;
  return expected === length - 1;
}
