import type { StoredRecord } from './record-store.js';

const recordOverheadBytes = 87;

/** Where the record after `last` stands: positions are offsets in a transaction file. */
export function newRecordPosition(last: StoredRecord | undefined): number {
  return last === undefined
    ? 1_024
    : last.position + recordOverheadBytes + last.data.byteLength + last.customMetadata.byteLength;
}
