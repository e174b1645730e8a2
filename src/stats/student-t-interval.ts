import { studentTQuantile, studentTSf } from './student-t-distribution.js';

/** Around an estimate whose error over its standard error follows Student's t. */
export interface StudentTInterval {
  /** Two-sided limits at the level. */
  readonly lower: number;
  readonly upper: number;
  /** Each on its own: the truth is above this (below that) with the confidence of the level. */
  readonly lowerOneSided: number;
  readonly upperOneSided: number;
  /** Two-sided p of the hypothesis that the truth is 0; where degenerate 1 for an estimate of 0, else 0. */
  readonly p: number;
  /** The standard error is 0, so the interval is a point; on few rows that is no evidence. */
  readonly degenerate: boolean;
}

/** `df`: above 0; `level`: in (0, 1); `standardError`: 0 or more. */
export function studentTInterval(options: {
  readonly estimate: number;
  readonly standardError: number;
  readonly df: number;
  readonly level: number;
}): StudentTInterval {
  const { estimate, standardError, df, level } = options;
  const twoSided = -studentTQuantile({ probability: (1 - level) / 2, df }) * standardError;
  const oneSided = -studentTQuantile({ probability: 1 - level, df }) * standardError;
  const degenerate = standardError === 0;
  const pointP = estimate === 0 ? 1 : 0;
  return {
    lower: estimate - twoSided,
    upper: estimate + twoSided,
    lowerOneSided: estimate - oneSided,
    upperOneSided: estimate + oneSided,
    p: degenerate ? pointP : Math.min(1, 2 * studentTSf({ t: Math.abs(estimate) / standardError, df })),
    degenerate,
  };
}
