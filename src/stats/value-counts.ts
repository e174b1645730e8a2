/** A sample as its distinct values, strictly ascending, and how often each occurs (whole numbers, 1 or more). */
export interface ValueCounts {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** A sample given either as ascending values with repeats, or already counted. All values finite. */
export type Sample = Float64Array | ValueCounts;

/** Two samples over the union of their values, strictly ascending; a value that one of them lacks counts 0 there. */
export interface MergedCounts {
  readonly values: Float64Array;
  readonly reference: Float64Array;
  readonly live: Float64Array;
  readonly referenceTotal: number;
  readonly liveTotal: number;
}

/**
 * Counts an ascending sample, or checks one that is counted already. `name` is used in the RangeError that a NaN, an
 * infinity, a value out of order or a count below 1 causes. −0 and 0 are one value.
 */
export function valueCounts(name: string, sample: Sample): ValueCounts {
  if (!(sample instanceof Float64Array)) return checked(name, sample);
  const values = new Float64Array(sample.length);
  const counts = new Float64Array(sample.length);
  let last = -1;
  for (let index = 0; index < sample.length; index += 1) {
    const value = sample[index] ?? NaN;
    if (!Number.isFinite(value))
      throw new RangeError(`${name}[${index}] is ${value}; expected a finite number`);
    const previous = last < 0 ? -Infinity : (values[last] ?? NaN);
    if (value < previous)
      throw new RangeError(`${name}[${index}] is ${value} after ${previous}; expected ascending values`);
    if (value !== previous) {
      last += 1;
      values[last] = value;
    }
    counts[last] = (counts[last] ?? 0) + 1;
  }
  return { values: values.slice(0, last + 1), counts: counts.slice(0, last + 1) };
}

/** How many observations the sample holds. */
export function totalCount(sample: ValueCounts): number {
  let total = 0;
  for (const count of sample.counts) total += count;
  return total;
}

/** Lays two samples over the union of their values. */
export function mergeCounts(reference: ValueCounts, live: ValueCounts): MergedCounts {
  const size = reference.values.length + live.values.length;
  const values = new Float64Array(size);
  const referenceCounts = new Float64Array(size);
  const liveCounts = new Float64Array(size);
  let used = 0;
  let r = 0;
  let l = 0;
  while (r < reference.values.length || l < live.values.length) {
    const referenceValue = reference.values[r] ?? Infinity;
    const liveValue = live.values[l] ?? Infinity;
    values[used] = Math.min(referenceValue, liveValue);
    if (referenceValue <= liveValue) {
      referenceCounts[used] = reference.counts[r] ?? 0;
      r += 1;
    }
    if (liveValue <= referenceValue) {
      liveCounts[used] = live.counts[l] ?? 0;
      l += 1;
    }
    used += 1;
  }
  return {
    values: values.slice(0, used),
    reference: referenceCounts.slice(0, used),
    live: liveCounts.slice(0, used),
    referenceTotal: totalCount(reference),
    liveTotal: totalCount(live),
  };
}

function checked(name: string, sample: ValueCounts): ValueCounts {
  const { values, counts } = sample;
  if (values.length !== counts.length) {
    throw new RangeError(
      `${name} has ${values.length} values and ${counts.length} counts; expected as many of each`,
    );
  }
  let previous = -Infinity;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN;
    const count = counts[index] ?? NaN;
    if (!Number.isFinite(value))
      throw new RangeError(`${name}.values[${index}] is ${value}; expected a finite number`);
    if (value <= previous) {
      throw new RangeError(
        `${name}.values[${index}] is ${value} after ${previous}; expected strictly ascending values`,
      );
    }
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(`${name}.counts[${index}] is ${count}; expected a whole number, 1 or more`);
    }
    previous = value;
  }
  return sample;
}
