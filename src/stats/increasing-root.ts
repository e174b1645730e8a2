/**
 * The root of a function that does not decrease on [low, high], to the last bits of the argument. Where the function has
 * one sign throughout, the end nearer to zero is returned. Source: regula falsi with Illinois steps, guarded by bisection.
 */
export function increasingRoot(
  f: (x: number) => number,
  bracket: { readonly low: number; readonly high: number },
): number {
  let { low, high } = bracket;
  let fLow = f(low);
  let fHigh = f(high);
  if (fLow >= 0) return low;
  if (fHigh <= 0) return high;
  for (let round = 0; round < 400; round += 1) {
    const middle = low + (high - low) / 2;
    if (high - low <= 2 * Number.EPSILON * Math.max(Math.abs(low), Math.abs(high))) return middle;
    const secant = low - (fLow * (high - low)) / (fHigh - fLow);
    const x = round % 3 !== 2 && secant > low && secant < high ? secant : middle;
    if (x <= low || x >= high) return x;
    const fx = f(x);
    if (fx === 0) return x;
    if (fx < 0) {
      low = x;
      fLow = fx;
      fHigh /= 2;
    } else {
      high = x;
      fHigh = fx;
      fLow /= 2;
    }
  }
  return low + (high - low) / 2;
}
