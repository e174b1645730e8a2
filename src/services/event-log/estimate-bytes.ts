/** About how many bytes a value takes in JSON; cheap, and never far too small. Follows at most 64 levels. */
export function estimateBytes(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return value.length + 2;
    case 'number':
    case 'bigint':
      return 9;
    case 'object': {
      if (value === null) return 1;
      if (ArrayBuffer.isView(value)) return value.byteLength + 4;
      // Deeper values are refused by the codec.
      if (depth > 64) return 1;
      let bytes = 2;
      if (Array.isArray(value)) {
        for (const item of value) bytes += estimateBytes(item, depth + 1);
        return bytes;
      }
      for (const [key, item] of Object.entries(value))
        bytes += key.length + 3 + estimateBytes(item, depth + 1);
      return bytes;
    }
    default:
      return 1;
  }
}
