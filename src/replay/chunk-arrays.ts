type Side = 'control' | 'candidate';

/** What an array of one chunk is for: each has its own. */
export type ArrayPurpose = 'truth' | `${Side}-label` | `${Side}-score-${number}`;

/** Arrays for one chunk at a time: asking for the same again takes it away from the chunk before. They hold what was left in them. */
export interface ChunkArrays {
  float64(purpose: ArrayPurpose, length: number): Float64Array;
  int32(purpose: ArrayPurpose, length: number): Int32Array;
}

/** For chunks that outlive each other: every array is new. */
export const newArrays: ChunkArrays = {
  float64: (_purpose, length) => new Float64Array(length),
  int32: (_purpose, length) => new Int32Array(length),
};

/** For chunks that come one after the other: what the collector does not see it need not collect. */
export function reusedArrays(): ChunkArrays {
  const float64s = new Map<ArrayPurpose, Float64Array>();
  const int32s = new Map<ArrayPurpose, Int32Array>();
  return {
    float64: (purpose, length) => {
      const known = float64s.get(purpose);
      if (known !== undefined && known.length >= length) return known.subarray(0, length);
      const made = new Float64Array(length);
      float64s.set(purpose, made);
      return made;
    },
    int32: (purpose, length) => {
      const known = int32s.get(purpose);
      if (known !== undefined && known.length >= length) return known.subarray(0, length);
      const made = new Int32Array(length);
      int32s.set(purpose, made);
      return made;
    },
  };
}
