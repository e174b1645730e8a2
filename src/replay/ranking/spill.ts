/** Bytes put aside and fetched back by number: in memory, or in a file that goes away when it is closed. */
export interface Spill {
  /** Copies the bytes; gives their number: 0, 1, 2 … */
  put(bytes: Uint8Array): number;
  /** As they were put. Valid until the next call. */
  get(number: number): Uint8Array;
  close(): void;
}
