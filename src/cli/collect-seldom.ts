import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap of this process grow to twice what is in use before old objects are looked at, as long as the work is under way. A replay's own
 * objects are some 20 MB, and the rest is rows on their way through: at V8's own pace they are looked at ten times a second, for a
 * tenth of the processor's time. It costs some 20 MB more memory at the most.
 */
export async function collectingSeldom<Result>(work: () => Promise<Result>): Promise<Result> {
  setFlagsFromString('--heap-growing-percent=100');
  try {
    return await work();
  } finally {
    // V8 decides for itself.
    setFlagsFromString('--heap-growing-percent=0');
  }
}
