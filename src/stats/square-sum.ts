/**
 * Adds up squares of whole numbers without rounding before the end, so that the sum does not depend on their order: for numbers below
 * 2^26.5, so that a square is exact, and at most 2^26 of them. Beyond that it is as good as any sum.
 */
export class SquareSum {
  #high = 0;
  #low = 0;

  /** `value`: a whole number. */
  add(value: number): void {
    const square = value * value;
    const high = Math.floor(square * 2 ** -26);
    this.#high += high;
    this.#low += square - high * 2 ** 26;
  }

  get total(): number {
    return this.#high * 2 ** 26 + this.#low;
  }
}
