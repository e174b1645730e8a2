/** One flight of the example traffic, its times already moved to the demo's calendar (microseconds UTC). */
export interface Flight {
  readonly key: string;
  readonly scheduledAt: number;
  readonly inputs: { readonly [feature: string]: string | number | boolean | null };
  /** 0 or 1 and when it became known; undefined: cancelled or diverted, so there never is a truth. */
  readonly truth: { readonly late: 0 | 1; readonly arrivedAt: number } | undefined;
}

export const weekMicros = 7 * 86_400 * 1_000_000;

/** The smallest whole number of weeks that makes a calendar whose last instant is `lastAt` end at or after `now`. */
export function weeksToMove(lastAt: number, now: number): number {
  return Math.max(0, Math.ceil((now - lastAt) / weekMicros));
}

/** One stretch of the calendar: what was asked in it, and which truths arrived in it, both in time order. */
export interface Window {
  readonly index: number;
  readonly predictions: readonly Flight[];
  readonly outcomes: readonly Flight[];
}

const windowMicros = 3 * 3_600 * 1_000_000;

/** The window that an instant falls into. */
export function windowOf(micros: number): number {
  return Math.floor(micros / windowMicros);
}

/** Cuts the traffic up to `now` into windows. A flight scheduled, or a truth that arrives, later than `now` is left out. */
export function windowsUntil(flights: readonly Flight[], now: number): readonly Window[] {
  const windows = new Map<number, { predictions: Flight[]; outcomes: Flight[] }>();
  const windowAt = (micros: number): { predictions: Flight[]; outcomes: Flight[] } => {
    const index = windowOf(micros);
    const known = windows.get(index);
    if (known !== undefined) return known;
    const made = { predictions: [], outcomes: [] };
    windows.set(index, made);
    return made;
  };
  for (const flight of flights) {
    if (flight.scheduledAt > now) continue;
    windowAt(flight.scheduledAt).predictions.push(flight);
    if (flight.truth !== undefined && flight.truth.arrivedAt <= now)
      windowAt(flight.truth.arrivedAt).outcomes.push(flight);
  }
  return [...windows]
    .map(([index, { predictions, outcomes }]) => ({
      index,
      predictions: predictions.toSorted((a, b) => a.scheduledAt - b.scheduledAt || compare(a.key, b.key)),
      outcomes: outcomes.toSorted(
        (a, b) => (a.truth?.arrivedAt ?? 0) - (b.truth?.arrivedAt ?? 0) || compare(a.key, b.key),
      ),
    }))
    .toSorted((a, b) => a.index - b.index);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
