/** The answer where the data cannot carry the statistic (an empty sample, one class only): expected, so not an error. */
export interface UndefinedStatistic {
  readonly kind: 'undefined';
  /** One clause that can be printed, without a full stop. */
  readonly reason: string;
}

export function undefinedStatistic(reason: string): UndefinedStatistic {
  return { kind: 'undefined', reason };
}
