import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';

// One call into the system's generator for a thousand numbers: a call for each costs more than the id itself.
const random = new Uint32Array(1_024);
let used = random.length;

const generator = new V7Generator({
  nextUint32: () => {
    if (used === random.length) {
      randomFillSync(random);
      used = 0;
    }
    return random[used++] ?? 0;
  },
});

/** A new UUIDv7 from cryptographic randomness: unique, and increasing within this process. */
export function newId(): string {
  return generator.generate().toString();
}
