import { formatPercent } from './format-numbers.js';
import type { Flips } from './report-schema.js';

/** Cells with fewer rows say nothing about coverage. */
const rowsMin = 100;

/**
 * Says where the truth is known much less often, by the two sides' decisions: labels that depend on a decision (a refused loan never
 * defaults) leave quality unjudged exactly where the sides differ. Undefined: coverage is even, or nothing is judged.
 */
export function coverageNote(flips: Flips | null): string | undefined {
  if (flips === null || flips.judged === 0) return undefined;
  const cells = flips.matrix.flatMap((rows, control) =>
    rows.flatMap((count, candidate) =>
      count < rowsMin
        ? []
        : [{ control, candidate, share: (flips.judgedMatrix[control]?.[candidate] ?? 0) / count }],
    ),
  );
  const [least] = cells.toSorted((a, b) => a.share - b.share);
  const [most] = cells.toSorted((a, b) => b.share - a.share);
  if (least === undefined || most === undefined || least.share >= 0.5 * most.share) return undefined;
  const words = ({ control, candidate, share }: typeof least): string =>
    `${formatPercent(share)} of the rows with control ${flips.labels[control] ?? ''} and candidate ${flips.labels[candidate] ?? ''}`;
  return `Truth is known for ${words(least)}, but for ${words(most)}: what it would say of the others is not guessed.`;
}
