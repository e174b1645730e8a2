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
  // Rows come in the order of days: a stretch of one day is summed up at a time.
  const stretches: DaySums[] = [];
  let index = 0;
  for (let from = 0; from < rows.rows;) {
    const day = Math.floor((rows.occurredAt[from] ?? 0) / dayMicros);
    const until = endOfDay(rows.occurredAt, from, day);
    const first = index;
    let control = 0;
    let candidate = 0;
    for (; index < row.length && (row[index] ?? 0) < until; index += 1) {
      control += loss === undefined ? Number.NaN : (loss.control[index] ?? Number.NaN);
      candidate += loss === undefined ? Number.NaN : (loss.candidate[index] ?? Number.NaN);
    }
    stretches.push({ day, rows: until - from, judged: index - first, control, candidate });
    from = until;
  }
  return stretches.reduce<DayTally>((days, stretch) => joinDays(days, [stretch]), []);
}

/** The first row after `from` that is of another day. */
function endOfDay(occurredAt: Float64Array, from: number, day: number): number {
  const begin = day * dayMicros;
  const end = begin + dayMicros;
  let row = from + 1;
  while (row < occurredAt.length && (occurredAt[row] ?? 0) >= begin && (occurredAt[row] ?? 0) < end) row += 1;
  return row;
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
