import { assertWellFormed } from './well-formed.js';

/** Texts of one frame, each stored once and named by its index: keys of objects, and constants shared by groups. */
export interface NameTable {
  readonly names: readonly string[];
  /** The index of `text`, added when new. Throws LOG_EVENT_INVALID for a lone surrogate. */
  indexOf(text: string): number;
}

export function createNameTable(): NameTable {
  const names: string[] = [];
  const indexes = new Map<string, number>();
  return {
    names,
    indexOf(text) {
      const known = indexes.get(text);
      if (known !== undefined) return known;
      assertWellFormed(text);
      const index = names.length;
      names.push(text);
      indexes.set(text, index);
      return index;
    },
  };
}
