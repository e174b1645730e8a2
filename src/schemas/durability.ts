import { z } from 'zod';
import { Duration } from './quantities.js';

/**
 * When an append is acknowledged: once it is durable, or before, with a commit that begins within `windowMs` of the
 * acknowledgement.
 */
export type Durability =
  | { readonly mode: 'durable' }
  | { readonly mode: 'buffered'; readonly windowMs: number };

/** A longer window is no latency won, only events lost. */
const windowMsMax = 10_000;

/** `durable` or `buffered(200ms)`. */
export const DurabilityText = z.string().transform((text, context): Durability => {
  if (text === 'durable') return { mode: 'durable' };
  const windowMs = Duration.safeParse(/^buffered\((.+)\)$/.exec(text)?.[1] ?? '');
  if (windowMs.success && windowMs.data <= windowMsMax) return { mode: 'buffered', windowMs: windowMs.data };
  context.addIssue({
    code: 'custom',
    message: `expected durable or buffered(<time>), at most buffered(${windowMsMax}ms), not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

export function durabilityText(durability: Durability): string {
  return durability.mode === 'durable' ? 'durable' : `buffered(${durability.windowMs}ms)`;
}
