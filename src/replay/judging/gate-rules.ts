import type { GateFile } from '../../schemas/gate-file.js';

/** What the gates of a replay hold a candidate to. Undefined: not gated. */
export interface GateRules {
  /** `no-worse`: the candidate's mean loss may be this share larger than the control's. */
  readonly margin: number;
  /** Declared slices that are large enough have the gate of the whole. */
  readonly slices: boolean;
  /** `same`: scores agree when they differ by no more than this (values: relative to the value where it is above 1). */
  readonly tolerance: number;
  /** `same`: at least this share of rows must agree, shown by the lower end of the interval (so 3,688 rows at least). */
  readonly agreementLimit: number;
  /** The candidate may fail on this share of the rows that the control answered; gated once it failed on any. */
  readonly failureLimit: number;
  readonly flipsLimit: number | undefined;
  readonly negativeFlipsLimit: number | undefined;
  readonly positiveRateWithin: number | undefined;
  readonly meanScoreWithin: number | undefined;
  readonly accuracyLoss: number | undefined;
  readonly aucLoss: number | undefined;
  /** Of a regression: values off by no more than this count as right; undefined: no such share is shown. */
  readonly errorWithin: number | undefined;
  readonly errorWithinLoss: number | undefined;
  /** Candidate ÷ control, of the time for one row; undefined: not measured. */
  readonly latencyRatio: number | undefined;
  /** Exceptions that had expired before the end of the range: each fails the replay. */
  readonly expired: readonly IgnoreRule[];
}

/** A known difference that is left out of the comparison. */
export interface IgnoreRule {
  readonly where: string;
  readonly reason: string;
  /** The last UTC day on which it holds, `2026-12-31`. */
  readonly until: string;
}

export const defaultRules: GateRules = {
  margin: 0.01,
  slices: true,
  tolerance: 1e-5,
  agreementLimit: 0.999,
  failureLimit: 0.001,
  flipsLimit: undefined,
  negativeFlipsLimit: undefined,
  positiveRateWithin: undefined,
  meanScoreWithin: undefined,
  accuracyLoss: undefined,
  aucLoss: undefined,
  errorWithin: undefined,
  errorWithinLoss: undefined,
  latencyRatio: undefined,
  expired: [],
};

const dayMicros = 86_400_000_000;

/** The rules of a gate file, and the exceptions in force for a range that ends at `untilMicros` (exclusive). */
export function rulesOf(
  file: GateFile,
  untilMicros: number,
): { readonly rules: GateRules; readonly ignore: readonly IgnoreRule[] } {
  const isExpired = ({ until }: IgnoreRule): boolean => Date.parse(until) * 1000 + dayMicros < untilMicros;
  const exceptions = file.ignore ?? [];
  return {
    rules: {
      margin: file.margin ?? defaultRules.margin,
      slices: file.slices?.gate ?? defaultRules.slices,
      tolerance: file.agreement?.tolerance ?? defaultRules.tolerance,
      agreementLimit: file.agreement?.atLeast ?? defaultRules.agreementLimit,
      failureLimit: file.failures?.atMost ?? defaultRules.failureLimit,
      flipsLimit: file.flips?.atMost,
      negativeFlipsLimit: file.negativeFlips?.atMost,
      positiveRateWithin: file.positiveRate?.within,
      meanScoreWithin: file.meanScore?.within,
      accuracyLoss: file.accuracy?.loseAtMost,
      aucLoss: file.auc?.loseAtMost,
      errorWithin: file.errorWithin?.error,
      errorWithinLoss: file.errorWithin?.loseAtMost,
      latencyRatio: file.latency?.ratioAtMost,
      expired: exceptions.filter(isExpired),
    },
    ignore: exceptions.filter((exception) => !isExpired(exception)),
  };
}
