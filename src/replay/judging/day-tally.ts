import { z } from 'zod';
import type { Day } from '../report/report-schema.js';
import type { JudgedLosses } from './judged-losses.js';
import type { PairedRows } from './paired-rows.js';

const dayMicros = 86_400_000_000;

/** Rows and summed losses by UTC day, ascending. */
export const DayTally = z.array(
  z.strictObject({
    /** Days since 1970. */
    day: z.number(),
    rows: z.number(),
    judged: z.number(),
    control: z.number(),
    candidate: z.number(),
  }),
);
export type DayTally = z.infer<typeof DayTally>;
type DaySums = DayTally[number];

export function dayTallyOf(rows: PairedRows, { row, loss }: JudgedLosses): DayTally {
  const days = new Map<number, DaySums>();
  // Rows come in the order of days, so most have the day of the one before.
  let last = emptyDay(Number.NaN);
  const sumsOf = (micros: number): DaySums => {
    const day = Math.floor(micros / dayMicros);
    if (day === last.day) return last;
    last = days.get(day) ?? emptyDay(day);
    days.set(day, last);
    return last;
  };
  for (let at = 0; at < rows.rows; at += 1) sumsOf(rows.occurredAt[at] ?? 0).rows += 1;
  for (let index = 0; index < row.length; index += 1) {
    const sums = sumsOf(rows.occurredAt[row[index] ?? 0] ?? 0);
    sums.judged += 1;
    sums.control += loss?.control[index] ?? Number.NaN;
    sums.candidate += loss?.candidate[index] ?? Number.NaN;
  }
  return [...days.values()].sort((a, b) => a.day - b.day);
}

export function joinDays(earlier: DayTally, later: DayTally): DayTally {
  const days = new Map(earlier.map((sums) => [sums.day, sums]));
  for (const sums of later) {
    const before = days.get(sums.day);
    days.set(sums.day, before === undefined ? sums : joinDay(before, sums));
  }
  return [...days.values()].sort((a, b) => a.day - b.day);
}

function joinDay(earlier: DaySums, later: DaySums): DaySums {
  return {
    day: earlier.day,
    rows: earlier.rows + later.rows,
    judged: earlier.judged + later.judged,
    control: earlier.control + later.control,
    candidate: earlier.candidate + later.candidate,
  };
}

function emptyDay(day: number): DaySums {
  return { day, rows: 0, judged: 0, control: 0, candidate: 0 };
}

/** As a report shows them. */
export function daysOf(tally: DayTally): Day[] {
  return tally.map(({ day, rows, judged, control, candidate }) => {
    const mean = (sum: number): number | null => (judged === 0 || Number.isNaN(sum) ? null : sum / judged);
    return {
      day: new Date(day * (dayMicros / 1000)).toISOString().slice(0, 10),
      rows,
      judged,
      controlLoss: mean(control),
      candidateLoss: mean(candidate),
    };
  });
}
