import { limits } from '../../platform/limits.js';

/**
 * The ids of the last records of a sequence that is read in order. The cluster may hold a record twice, a little apart
 * (idempotency there is best effort), or send one twice: the first counts.
 */
export class SeenRecords {
  readonly #positions = new Map<string, number>();
  #last = -1;

  /** Notes a record; false when it was seen before. */
  isNew(id: string, position: number): boolean {
    if (position >= 0 && position <= this.#last) return false;
    if (position > this.#last) this.#last = position;
    const known = this.#positions.has(id);
    // Again at the end, so that the window is counted from the last time.
    if (known) this.#positions.delete(id);
    this.#positions.set(id, position);
    if (this.#positions.size > limits.clusterDuplicateWindowRecords) {
      const oldest = this.#positions.keys().next();
      if (oldest.done !== true) this.#positions.delete(oldest.value);
    }
    return !known;
  }
}
