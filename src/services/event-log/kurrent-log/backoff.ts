const firstMs = 100;
const lastMs = 5_000;

/** The pause before the attempt after `attempt` failed ones: 0.1 s, doubled each time, at most 5 s. */
export function backoffMs(attempt: number): number {
  return Math.min(lastMs, firstMs * 2 ** Math.min(attempt, 10));
}
