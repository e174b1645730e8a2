/** Bytes put aside and fetched back by number, in a file that goes away when it is closed. */
export interface Spill {
  /** Gives their number: 0, 1, 2 … */
  put(bytes: Uint8Array): number;
  /** As they were put. */
  get(number: number): Uint8Array;
  close(): void;
}
