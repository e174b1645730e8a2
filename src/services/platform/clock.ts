/** Time as an argument. */
export interface Clock {
  /** Microseconds since 1970-01-01 UTC, an integer. May go back when the machine's clock is set back. */
  nowMicros(): number;
}

/** The machine's clock (millisecond resolution; order within a millisecond comes from positions). */
export const systemClock: Clock = { nowMicros: () => Date.now() * 1000 };

/** A clock that a seeding or a test moves by hand. */
export function manualClock(
  startMicros: number,
): Clock & { set(micros: number): void; advance(micros: number): void } {
  let now = startMicros;
  return {
    nowMicros: () => now,
    set: (micros) => {
      now = micros;
    },
    advance: (micros) => {
      now += micros;
    },
  };
}
