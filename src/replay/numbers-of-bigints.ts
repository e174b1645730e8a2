/**
 * 64-bit integers as doubles; exact within ±2^53, which holds for positions and microsecond times. Reads the halves of each word,
 * because a BigInt per row would cost more than judging the row. `numbers`: where they go, as many as values.
 */
export function numbersOfBigints(
  values: BigInt64Array,
  numbers: Float64Array = new Float64Array(values.length),
): Float64Array {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  for (let index = 0; index < values.length; index += 1) {
    const at = index * 8;
    numbers[index] = littleEndian
      ? view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
      : view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
  }
  return numbers;
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
