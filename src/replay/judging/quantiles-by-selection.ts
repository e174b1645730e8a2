/**
 * Quantiles (type 7, as `quantileOfSorted`) of values without NaN, without sorting them: partitions around each rank in turn. The
 * order of `values` is changed. probabilities ascending, in [0, 1]; at least one value.
 */
export function quantilesBySelection(
  values: Float64Array,
  probabilities: readonly number[],
): readonly number[] {
  let settled = 0;
  return probabilities.map((probability) => {
    const place = (values.length - 1) * probability;
    const below = Math.floor(place);
    select(values, below, settled);
    settled = below;
    const low = values[below] ?? Number.NaN;
    const rest = place - below;
    if (rest === 0) return low;
    let high = Infinity;
    for (let index = below + 1; index < values.length; index += 1)
      high = Math.min(high, values[index] ?? Infinity);
    return low + (high - low) * rest;
  });
}

/** Puts the value of rank `rank` at its place, smaller ones before it, larger ones after it. All before `from` is settled. */
function select(values: Float64Array, rank: number, from: number): void {
  let left = from;
  let right = values.length - 1;
  while (left < right) {
    const pivot = medianOfThree(values[left] ?? 0, values[(left + right) >>> 1] ?? 0, values[right] ?? 0);
    let low = left;
    let high = right;
    while (low <= high) {
      while ((values[low] ?? 0) < pivot) low += 1;
      while ((values[high] ?? 0) > pivot) high -= 1;
      if (low > high) break;
      const swapped = values[low] ?? 0;
      values[low] = values[high] ?? 0;
      values[high] = swapped;
      low += 1;
      high -= 1;
    }
    if (rank <= high) right = high;
    else if (rank >= low) left = low;
    else return;
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
