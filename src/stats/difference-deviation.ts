/**
 * The standard deviation of candidate − weight × control, from that of either side and the correlation between them:
 * √(c² + w²·k² − 2·w·ρ·c·k). Source: the variance of a linear combination of two variables.
 */
export function differenceDeviation(options: {
  readonly candidate: number;
  readonly control: number;
  /** What the control is multiplied with, 1 + margin for a margin. */
  readonly weight: number;
  /** In [−1, 1]. */
  readonly correlation: number;
}): number {
  const { candidate, control, weight, correlation } = options;
  if (!(candidate >= 0 && control >= 0 && candidate < Infinity && control < Infinity)) {
    throw new RangeError(`deviations are ${candidate} and ${control}; expected finite numbers, 0 or more`);
  }
  if (!(correlation >= -1 && correlation <= 1)) {
    throw new RangeError(`correlation is ${correlation}; expected a number from -1 to 1`);
  }
  const scaled = weight * control;
  // As two terms that cannot be negative, so that a correlation near 1 loses no digits.
  return Math.sqrt((candidate - scaled) ** 2 + 2 * (1 - correlation) * candidate * scaled);
}
