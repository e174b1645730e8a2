import { createMessagePackWriter } from './message-pack-writer.js';
import { assertWellFormed } from './well-formed.js';

/** Texts of one frame, each stored once and named by its index: keys of objects, and constants shared by groups. */
export interface NameTable {
  readonly names: readonly string[];
  /** The index of `text`, added when new. Throws LOG_EVENT_INVALID for a lone surrogate. */
  indexOf(text: string): number;
}

/** Names that are known beforehand: checked, and with their indexes. */
export interface NameSet {
  readonly names: readonly string[];
  readonly indexes: ReadonlyMap<string, number>;
  /** The names as MessagePack, one after the other. */
  packed(): Uint8Array;
}

export function createNameSet(texts: Iterable<string>): NameSet {
  const table = createNameTable();
  for (const text of texts) table.indexOf(text);
  let packed: Uint8Array | undefined;
  return {
    names: table.names,
    indexes: new Map(table.names.map((name, index) => [name, index])),
    packed: () => (packed ??= packAll(table.names)),
  };
}

function packAll(names: readonly string[]): Uint8Array {
  const writer = createMessagePackWriter();
  for (const name of names) writer.value(name);
  return Uint8Array.from(writer.written());
}

/** A table that begins with the given names. */
export function createNameTable(first?: NameSet): NameTable {
  const names: string[] = first === undefined ? [] : first.names.slice();
  const indexes = new Map<string, number>();
  return {
    names,
    indexOf(text) {
      const known = first?.indexes.get(text) ?? indexes.get(text);
      if (known !== undefined) return known;
      assertWellFormed(text);
      const index = names.length;
      names.push(text);
      indexes.set(text, index);
      return index;
    },
  };
}
