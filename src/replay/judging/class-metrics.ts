import { pairedProportionDifference } from '../../stats/proportion.js';
import type { ClassComparison } from '../report/report-schema.js';
import type { ClassCounts, FlipCounts } from './flips.js';
import { intervalOf } from './interval-of.js';
import { replaySettings } from './replay-settings.js';

interface Rates {
  readonly control: number | null;
  readonly candidate: number | null;
}

/** Null where no row counts: nobody has the class as truth, or a side never says it. */
export function classRates(counts: ClassCounts): { readonly recall: Rates; readonly precision: Rates } {
  const share = (part: number, of: number): number | null => (of === 0 ? null : part / of);
  return {
    recall: {
      control: share(counts.controlRight, counts.rows),
      candidate: share(counts.candidateRight, counts.rows),
    },
    precision: {
      control: share(counts.controlRight, counts.controlSaid),
      candidate: share(counts.candidateRight, counts.candidateSaid),
    },
  };
}

/** Every class that is the truth of a row or is said by a side, in the order of the labels. */
export function classesOf(flips: FlipCounts | undefined): ClassComparison[] {
  return (flips?.classes ?? []).flatMap((counts, code) => {
    if (counts.rows + counts.controlSaid + counts.candidateSaid === 0) return [];
    const { recall, precision } = classRates(counts);
    const paired = pairedProportionDifference({
      candidateOnly: counts.candidateOnly,
      controlOnly: counts.controlOnly,
      rows: counts.rows,
      level: replaySettings.level,
    });
    return [
      {
        label: flips?.labels[code] ?? '',
        rows: counts.rows,
        recall,
        precision,
        recallDifference: paired.kind === 'value' ? paired.estimate : null,
        interval: paired.kind === 'value' ? intervalOf(paired) : null,
      },
    ];
  });
}
