interface EstimatedVariance {
  /** 0 or more. */
  readonly variance: number;
  readonly df: number;
}

/**
 * Degrees of freedom of the sum of two independent estimated variances; where both are 0, the fewer of the two.
 * Source: F. E. Satterthwaite, An approximate distribution of estimates of variance components, 1946.
 */
export function satterthwaite(first: EstimatedVariance, second: EstimatedVariance): number {
  const sum = first.variance + second.variance;
  if (sum === 0) return Math.min(first.df, second.df);
  // As shares of the sum, so that tiny variances do not vanish when squared.
  return 1 / ((first.variance / sum) ** 2 / first.df + (second.variance / sum) ** 2 / second.df);
}
