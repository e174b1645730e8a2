import type { PredictionServed } from '../../schemas/events.js';

/** About how many bytes a value takes in JSON; cheap, and never far too small. Follows at most 64 levels. */
export function estimateBytes(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number' || typeof value === 'bigint') return 9;
  if (typeof value !== 'object' || value === null) return 4;
  if (ArrayBuffer.isView(value)) return value.byteLength + 4;
  // What is deeper is refused by the codec.
  if (depth > 64) return 4;
  if (Array.isArray(value)) {
    let bytes = 2;
    for (const item of value) bytes += estimateBytes(item, depth + 1);
    return bytes;
  }
  return estimateFields(Object.keys(value), Object.values(value), depth);
}

function estimateFields(keys: readonly string[], values: readonly unknown[], depth: number): number {
  let bytes = 2;
  for (let index = 0; index < keys.length; index += 1) {
    bytes += (keys[index] ?? '').length + 3 + estimateBytes(values[index], depth + 1);
  }
  return bytes;
}

/** What the fields take that have a length known beforehand, ids at their longest, with all keys. */
const envelopeBytes = 1_024;

/** As `estimateBytes`; looks only at what can be of any length. */
export function estimatePredictionBytes({ stream, traceparent, data, sensitive }: PredictionServed): number {
  const { provenance } = data;
  return (
    envelopeBytes +
    stream.length +
    (traceparent?.length ?? 0) +
    data.model.length +
    data.version.length +
    (provenance.kind === 'imported' ? provenance.source.length : estimateBytes(provenance.runtime)) +
    estimateBytes(data.outputs) +
    estimateBytes(sensitive)
  );
}
