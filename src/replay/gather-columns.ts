import type { Column } from '../schemas/columns.js';
import { errors } from '../services/platform/errors.js';

/** Builds one column from pieces of others. Afterwards the pieces are not referenced, but for a dictionary's strings. */
export interface ColumnGatherer {
  /** Adds rows of `column`: those named by `picked`, or all from `from` to `until`. Never more than fit. */
  add(column: Column, rows: RowSelection): void;
  /** The column so far, exactly as many rows as were added; the gatherer starts anew. */
  take(): Column;
}

export interface RowSelection {
  readonly from: number;
  readonly until: number;
  /** Row numbers, ascending; `from` and `until` then select among these. */
  readonly picked: Int32Array | undefined;
}

/** A gatherer of at most `capacity` rows. Float32 stays Float32 as long as every piece is; dictionaries are united. */
export function columnGatherer(capacity: number): ColumnGatherer {
  let store: Store | undefined;
  let valid: Uint8Array | undefined;
  let rows = 0;

  const addValidity = (source: Uint8Array | undefined, selection: RowSelection): void => {
    const count = selection.until - selection.from;
    if (source === undefined) {
      valid?.fill(1, rows, rows + count);
      return;
    }
    valid ??= new Uint8Array(capacity).fill(1, 0, rows);
    copyNumbers(source, valid, rows, selection);
  };

  return {
    add: (column, selection) => {
      store = storeFor(store, column, capacity, rows);
      addValues(store, column, rows, selection);
      addValidity(column.valid, selection);
      rows += selection.until - selection.from;
    },
    take: () => {
      if (store === undefined) throw errors.INTERNAL({ problem: 'a column without rows was asked for' });
      const taken = takeColumn(store, valid?.slice(0, rows), rows);
      store = undefined;
      valid = undefined;
      rows = 0;
      return taken;
    },
  };
}

type Store =
  | { readonly kind: 'number'; values: Float64Array | Float32Array }
  | { readonly kind: 'integer'; readonly values: BigInt64Array }
  | { readonly kind: 'boolean'; readonly values: Uint8Array }
  | { readonly kind: 'text'; readonly values: string[] }
  | { readonly kind: 'dictionary'; readonly codes: Uint32Array; readonly known: Map<string, number> };

function storeFor(store: Store | undefined, column: Column, capacity: number, rows: number): Store {
  if (store === undefined) return newStore(column, capacity);
  if (store.kind === 'dictionary' && column.kind === 'text') {
    const names = [...store.known.keys()];
    return { kind: 'text', values: Array.from(store.codes.subarray(0, rows), (code) => names[code] ?? '') };
  }
  if (store.kind === 'text' && column.kind === 'dictionary') return store;
  if (store.kind !== column.kind) {
    throw errors.INTERNAL({
      problem: `a column changed from ${store.kind} to ${column.kind} within one read`,
    });
  }
  if (store.kind === 'number' && store.values instanceof Float32Array && column.kind === 'number') {
    if (column.values instanceof Float64Array) store.values = widened(store.values);
  }
  return store;
}

function newStore(column: Column, capacity: number): Store {
  switch (column.kind) {
    case 'number':
      return {
        kind: 'number',
        values:
          column.values instanceof Float32Array ? new Float32Array(capacity) : new Float64Array(capacity),
      };
    case 'integer':
      return { kind: 'integer', values: new BigInt64Array(capacity) };
    case 'boolean':
      return { kind: 'boolean', values: new Uint8Array(capacity) };
    case 'text':
      return { kind: 'text', values: [] };
    case 'dictionary':
      return { kind: 'dictionary', codes: new Uint32Array(capacity), known: new Map() };
  }
}

function widened(values: Float32Array): Float64Array {
  return Float64Array.from(values);
}

function addValues(store: Store, column: Column, at: number, selection: RowSelection): void {
  if (store.kind === 'number' && column.kind === 'number') {
    copyNumbers(column.values, store.values, at, selection);
  } else if (store.kind === 'boolean' && column.kind === 'boolean') {
    copyNumbers(column.values, store.values, at, selection);
  } else if (store.kind === 'integer' && column.kind === 'integer') {
    copyBigints(column.values, store.values, at, selection);
  } else if (store.kind === 'dictionary' && column.kind === 'dictionary') {
    copyCodes(column, store, at, selection);
  } else if (store.kind === 'text' && (column.kind === 'text' || column.kind === 'dictionary')) {
    copyText(column, store.values, selection);
  }
}

function copyNumbers(
  source: Float64Array | Float32Array | Uint8Array,
  target: Float64Array | Float32Array | Uint8Array,
  at: number,
  { from, until, picked }: RowSelection,
): void {
  if (picked === undefined) {
    target.set(source.subarray(from, until), at);
    return;
  }
  for (let index = from; index < until; index += 1) {
    target[at + index - from] = source[picked[index] ?? 0] ?? 0;
  }
}

function copyBigints(
  source: BigInt64Array,
  target: BigInt64Array,
  at: number,
  { from, until, picked }: RowSelection,
): void {
  if (picked === undefined) {
    target.set(source.subarray(from, until), at);
    return;
  }
  for (let index = from; index < until; index += 1) {
    target[at + index - from] = source[picked[index] ?? 0] ?? 0n;
  }
}

function copyCodes(
  column: Column & { readonly kind: 'dictionary' },
  store: Store & { readonly kind: 'dictionary' },
  at: number,
  { from, until, picked }: RowSelection,
): void {
  const { codes, dictionary, valid } = column;
  const recoded = new Int32Array(dictionary.length).fill(-1);
  for (let index = from; index < until; index += 1) {
    const row = picked === undefined ? index : (picked[index] ?? 0);
    if (valid !== undefined && valid[row] === 0) continue;
    const code = codes[row] ?? 0;
    let united = recoded[code] ?? -1;
    if (united === -1) {
      united = codeIn(store.known, dictionary[code] ?? '');
      recoded[code] = united;
    }
    store.codes[at + index - from] = united;
  }
}

function codeIn(known: Map<string, number>, text: string): number {
  const found = known.get(text);
  if (found !== undefined) return found;
  const code = known.size;
  known.set(text, code);
  return code;
}

function copyText(
  column: Column & { readonly kind: 'text' | 'dictionary' },
  target: string[],
  { from, until, picked }: RowSelection,
): void {
  for (let index = from; index < until; index += 1) {
    const row = picked === undefined ? index : (picked[index] ?? 0);
    const text = column.kind === 'text' ? column.values[row] : column.dictionary[column.codes[row] ?? 0];
    target.push(text ?? '');
  }
}

function takeColumn(store: Store, valid: Uint8Array | undefined, rows: number): Column {
  switch (store.kind) {
    case 'number':
      return { kind: 'number', values: cut(store.values, rows), valid };
    case 'integer':
      return {
        kind: 'integer',
        values: store.values.length === rows ? store.values : store.values.slice(0, rows),
        valid,
      };
    case 'boolean':
      return { kind: 'boolean', values: cut(store.values, rows), valid };
    case 'text':
      return { kind: 'text', values: store.values, valid };
    case 'dictionary': {
      // A dictionary without an entry belongs to a column of nulls; its codes mean nothing, but must point somewhere.
      const dictionary = store.known.size === 0 ? [''] : [...store.known.keys()];
      return { kind: 'dictionary', codes: cut(store.codes, rows), dictionary, valid };
    }
  }
}

/** Not a view: what goes to a worker is copied with its whole buffer. */
function cut<Values extends Float64Array | Float32Array | Uint8Array | Uint32Array>(
  values: Values,
  rows: number,
): Values;
function cut(values: Float64Array | Float32Array | Uint8Array | Uint32Array, rows: number) {
  return values.length === rows ? values : values.slice(0, rows);
}
