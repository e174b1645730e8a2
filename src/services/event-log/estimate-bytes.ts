/** About how many bytes a value takes in JSON; cheap, and never far too small. Follows at most 64 levels. */
export function estimateBytes(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number' || typeof value === 'bigint') return 9;
  if (typeof value !== 'object' || value === null) return 4;
  if (ArrayBuffer.isView(value)) return value.byteLength + 4;
  // What is deeper is refused by the codec.
  if (depth > 64) return 4;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value) bytes += estimateBytes(item, depth + 1);
    return bytes;
  }
  for (const [key, item] of Object.entries(value)) bytes += key.length + 3 + estimateBytes(item, depth + 1);
  return bytes;
}
