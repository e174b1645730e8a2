import { uuidv7 } from 'uuidv7';

/** A new UUIDv7: unique, and increasing within this process. */
export function newId(): string {
  return uuidv7();
}
