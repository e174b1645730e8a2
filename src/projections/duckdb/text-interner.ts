import type { DuckDBDataChunk } from '@duckdb/node-api';
import { limits } from '../../services/platform/limits.js';
import { columnBytes } from './chunk-columns.js';
import type { ChunkRows } from './column-builder.js';

/** Turns the strings of VARCHAR columns into codes of one dictionary, making a JS string once a value, not once a row. */
export interface TextInterner {
  /** Writes the codes of some rows of a chunk's column; what is written at a null means nothing, but is a code. */
  intern(of: ColumnRows, codes: Uint32Array, offset: number): void;
  /** Values by code. The same array as before when nothing was added since. */
  dictionary(): readonly string[];
  /** Begins a new dictionary when this one has outgrown `limits.categoriesMax`. */
  startBatch(): void;
}

export interface ColumnRows {
  readonly chunk: DuckDBDataChunk;
  readonly index: number;
  readonly rows: ChunkRows;
}

const entryBytes = 16;
const inlineBytesMax = 12;

/*
 * DuckDB keeps a string in 16 bytes: its length, then up to 12 bytes in place, or 4 bytes and a pointer. Equal short
 * strings have equal entries, so the entry itself is the key of a hash table; equal pointers mean equal strings within a
 * chunk, where dictionary-encoded Parquet makes them common.
 */
export function createTextInterner(): TextInterner {
  let codeOf = new Map<string, number>();
  let values: string[] = [];
  let snapshot: readonly string[] = [];
  const inline = entryTable();
  const pointers = entryTable();

  const codeOfText = (text: string): number => {
    const known = codeOf.get(text);
    if (known !== undefined) return known;
    const code = values.length;
    codeOf.set(text, code);
    values.push(text);
    return code;
  };
  return {
    intern: ({ chunk, index, rows: { from, until } }, codes, offset) => {
      const bytes = columnBytes(chunk, index, until * entryBytes);
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      const first = offset - from;
      pointers.clear();
      for (let row = from; row < until; row += 1) {
        const at = row * 4;
        const table = (words[at] ?? 0) <= inlineBytesMax ? inline : pointers;
        const slot = table.find(words, at);
        let code = table.codeAt(slot);
        if (code < 0) {
          // At a null the bytes may be anything, also a wild pointer; `getItem` looks at the validity first.
          const text = chunk.getColumnVector(index).getItem(row);
          if (typeof text !== 'string') {
            codes[first + row] = 0;
            continue;
          }
          code = codeOfText(text);
          table.put(slot, words, at, code);
        }
        codes[first + row] = code;
      }
    },
    dictionary: () => {
      if (values.length === 0) return [''];
      if (snapshot.length !== values.length) snapshot = [...values];
      return snapshot;
    },
    startBatch: () => {
      if (values.length <= limits.categoriesMax) return;
      codeOf = new Map();
      values = [];
      snapshot = [];
      inline.clear();
    },
  };
}

interface EntryTable {
  /** The slot where an entry is, or would go. */
  find(words: Uint32Array, at: number): number;
  /** The code in a slot, or −1. */
  codeAt(slot: number): number;
  put(slot: number, words: Uint32Array, at: number, code: number): void;
  clear(): void;
}

/** Open addressing over typed arrays; grows at half its size. */
function entryTable(): EntryTable {
  let size = 1_024;
  let used = 0;
  let keys = new Uint32Array(size * 4);
  let codes = new Int32Array(size).fill(-1);

  const slotOf = (words: Uint32Array, at: number): number => {
    const a = words[at] ?? 0;
    const b = words[at + 1] ?? 0;
    const c = words[at + 2] ?? 0;
    const d = words[at + 3] ?? 0;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d);
    hash ^= Math.imul(d, 0x27d4eb2f);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & (size - 1);
    while ((codes[slot] ?? -1) >= 0) {
      const key = slot * 4;
      if (keys[key] === a && keys[key + 1] === b && keys[key + 2] === c && keys[key + 3] === d) break;
      slot = (slot + 1) & (size - 1);
    }
    return slot;
  };
  const store = (slot: number, words: Uint32Array, at: number, code: number): void => {
    keys.set(words.subarray(at, at + 4), slot * 4);
    codes[slot] = code;
  };
  const grow = (): void => {
    const [oldKeys, oldCodes] = [keys, codes];
    size *= 2;
    keys = new Uint32Array(size * 4);
    codes = new Int32Array(size).fill(-1);
    for (const [slot, code] of oldCodes.entries()) {
      if (code >= 0) store(slotOf(oldKeys, slot * 4), oldKeys, slot * 4, code);
    }
  };
  return {
    find: slotOf,
    codeAt: (slot) => codes[slot] ?? -1,
    put: (slot, words, at, code) => {
      store(slot, words, at, code);
      used += 1;
      if (used * 2 > size) grow();
    },
    clear: () => {
      if (used > 0) codes.fill(-1);
      used = 0;
    },
  };
}
