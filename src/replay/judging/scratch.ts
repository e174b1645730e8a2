/** What an array is for: each has its own. */
type Purpose =
  | 'difference'
  | 'margin'
  | 'distance'
  | 'increase'
  | 'truth'
  | `${'control' | 'candidate'}-${'score' | 'loss' | 'brier' | 'error'}`;

const arrays = new Map<Purpose, Float64Array>();

/**
 * An array for numbers that nobody needs once the judge has taken a block; it holds what was left in it. A new array for
 * every block is collected a hundred times a second, and the collector then takes a tenth of the time of judging. Blocks are judged without
 * a pause, so that no two use the arrays at a time.
 */
export function scratch(purpose: Purpose, length: number): Float64Array {
  let array = arrays.get(purpose);
  if (array === undefined || array.length < length) {
    array = new Float64Array(length);
    arrays.set(purpose, array);
  }
  return array.subarray(0, length);
}
