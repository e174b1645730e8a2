import type { Day } from '../report/report-schema.js';
import type { JudgedLosses } from './judged-losses.js';
import type { PairedRows } from './paired-rows.js';

const dayMicros = 86_400_000_000;

/** Rows and mean losses by UTC day. */
export function dayTally(): {
  add(rows: PairedRows, judged: JudgedLosses): void;
  /** Ascending. */
  list(): Day[];
} {
  const days = new Map<number, DaySums>();
  // Rows come in the order of the log, so most have the day of the one before.
  let lastDay = Number.NaN;
  let lastSums = emptySums();
  const sumsOf = (micros: number): DaySums => {
    const day = Math.floor(micros / dayMicros);
    if (day === lastDay) return lastSums;
    lastDay = day;
    lastSums = days.get(day) ?? emptySums();
    days.set(day, lastSums);
    return lastSums;
  };
  return {
    add: (rows, { row, loss }) => {
      for (let at = 0; at < rows.rows; at += 1) sumsOf(rows.occurredAt[at] ?? 0).rows += 1;
      for (let index = 0; index < row.length; index += 1) {
        const sums = sumsOf(rows.occurredAt[row[index] ?? 0] ?? 0);
        sums.judged += 1;
        sums.control += loss?.control[index] ?? Number.NaN;
        sums.candidate += loss?.candidate[index] ?? Number.NaN;
      }
    },
    list: () => [...days].sort(([first], [second]) => first - second).map(dayOf),
  };
}

interface DaySums {
  rows: number;
  judged: number;
  control: number;
  candidate: number;
}

function emptySums(): DaySums {
  return { rows: 0, judged: 0, control: 0, candidate: 0 };
}

function dayOf([day, { rows, judged, control, candidate }]: readonly [number, DaySums]): Day {
  const mean = (sum: number): number | null => (judged === 0 || Number.isNaN(sum) ? null : sum / judged);
  return {
    day: new Date(day * (dayMicros / 1000)).toISOString().slice(0, 10),
    rows,
    judged,
    controlLoss: mean(control),
    candidateLoss: mean(candidate),
  };
}
