/** Everything that can grow has its limit here; fullness is an answer from the catalogue, never a growing array. */
export const limits = {
  bodyBytesMax: 8 * 1024 * 1024,
  rowsPerRequestMax: 4_096,
  rowsPerInferenceRunMax: 4_096,
  inferenceQueueRowsMax: 65_536,
  eventBytesMax: 1024 * 1024,
  appendEventsMax: 16_384,
  appendQueueEventsMax: 131_072,
  frameBytesMax: 64 * 1024 * 1024,
  segmentBytes: 64 * 1024 * 1024,
  rawBodyBytesMax: 4_096,
  rejectedEventsPerSecondMax: 50,
  readBatchEventsMax: 8_192,
  sqlMemoryMegabytes: 256,
  tailEventsPerPart: 262_144,
  categoriesMax: 10_000,
} as const;
