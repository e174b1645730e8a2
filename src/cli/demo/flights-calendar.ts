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

/**
 * Cuts the traffic up to `now` into windows, in order. `flights`: ascending by schedule. A flight scheduled, or a truth
 * that arrives, later than `now` is left out. Holds no more than the flights in the air.
 */
export async function* windowsUntil(flights: AsyncIterable<Flight>, now: number): AsyncGenerator<Window> {
  let current: Flight[] = [];
  const arriving = new Map<number, Flight[]>();
  let index: number | undefined;
  const finished = (upTo: number): Window[] => {
    const windows: Window[] = [];
    for (; index !== undefined && index < upTo; index += 1) {
      const outcomes = arriving.get(index) ?? [];
      arriving.delete(index);
      if (current.length > 0 || outcomes.length > 0)
        windows.push({ index, predictions: current, outcomes: outcomes.toSorted(byArrival) });
      current = [];
    }
    return windows;
  };
  for await (const flight of flights) {
    if (flight.scheduledAt > now) break;
    const window = windowOf(flight.scheduledAt);
    index ??= window;
    yield* finished(window);
    current.push(flight);
    if (flight.truth === undefined || flight.truth.arrivedAt > now) continue;
    const arrival = windowOf(flight.truth.arrivedAt);
    const together = arriving.get(arrival) ?? [];
    together.push(flight);
    arriving.set(arrival, together);
  }
  yield* finished(Math.max(windowOf(now), ...arriving.keys()) + 1);
}

function byArrival(a: Flight, b: Flight): number {
  return (
    (a.truth?.arrivedAt ?? 0) - (b.truth?.arrivedAt ?? 0) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  );
}
