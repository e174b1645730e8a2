/** Microseconds UTC as an ISO instant, without a fraction when it is zero: `2026-01-31T08:00:00Z`. */
export function isoTime(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString().replace('.000Z', 'Z');
}
