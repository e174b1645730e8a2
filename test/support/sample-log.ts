import type { NewEvent } from '../../src/schemas/events.js';
import { compressSegment } from '../../src/services/event-log/segment-log/compress-segment.js';
import { nodeFileSystem } from '../../src/services/event-log/segment-log/file-system.js';
import { listSegments } from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { sampleOfEveryType, samplePredictions, sampleStartMicros, seededRandom } from './sample-events.js';

/** A small log with every event type, every form of column and node, and its first segment compressed. */
export async function writeSampleLog(directory: string): Promise<void> {
  const clock = manualClock(sampleStartMicros);
  const log = await openSegmentLog({ directory, clock, segmentBytes: 16 * 1024 });
  for (const frame of sampleFrames()) {
    await log.append(frame);
    clock.advance(1_234_567);
  }
  await log.close();
  const [first = 0] = await listSegments(directory);
  const compressed = await compressSegment(
    { directory, fileSystem: nodeFileSystem },
    first,
    new AbortController().signal,
  );
  if (compressed.kind !== 'compressed') throw new Error(`the first segment was ${compressed.kind}`);
}

function sampleFrames(): readonly NewEvent[][] {
  const random = seededRandom(17);
  const served = samplePredictions(64, 3);
  const imported = samplePredictions(6, 4).map((event) => ({
    ...event,
    data: { ...event.data, provenance: { kind: 'imported' as const, source: 'table.csv' } },
  }));
  return [
    sampleOfEveryType(),
    served,
    withInputs(oddInputs()),
    ...oddInputs().map((inputs) => withInputs([inputs])),
    [...served.slice(0, 5), ...imported, ...sampleOfEveryType().slice(1, 4), ...served.slice(5, 8)],
    // More different texts than one byte can name.
    withInputs(Array.from({ length: 600 }, (_, row) => ({ code: `c${row % 290}` }))),
    withInputs(
      Array.from({ length: 40 }, (_, row) => ({
        wide: Math.floor(random() * 2 ** 31),
        middle: -40_000 + row * 1_000,
        mixed: [1, 'a', null, true, { nested: [row] }][row % 5],
        single: Math.fround(random()),
        double: random(),
        sparse: row % 3 === 0 ? null : row / 8,
        big: 2n ** 63n + BigInt(row),
      })),
    ),
  ];
}

function withInputs(rows: readonly object[]): NewEvent[] {
  return samplePredictions(rows.length, 9).map((event, row) =>
    Object.assign(event, { sensitive: { inputs: rows[row] } }),
  );
}

/** What a careless reader gets wrong. */
function oddInputs(): readonly object[] {
  return [
    { nan: Number.NaN, up: Infinity, down: -Infinity, zero: -0, list: [-0, Number.NaN] },
    {
      tiny: 5e-324,
      huge: 1.7976931348623157e308,
      up: 2 ** 63,
      down: -(2 ** 63),
      most: 2 ** 53,
      third: 1 / 3,
    },
    { unsigned: 2n ** 64n - 1n, signed: -(2n ** 63n), list: [7n] },
    {
      bytes: Uint8Array.of(0, 1, 254, 255),
      none: new Uint8Array(0),
      int8: Int8Array.of(-128, 127),
      clamped: Uint8ClampedArray.of(255),
      int16: Int16Array.of(-32_768),
      uint16: Uint16Array.of(65_535),
      int32: Int32Array.of(-(2 ** 31)),
      uint32: Uint32Array.of(2 ** 32 - 1),
      float32: Float32Array.of(0.5, Number.NaN, -0),
      float64: Float64Array.of(0.1, -Infinity),
      int64: BigInt64Array.of(-(2n ** 63n)),
      uint64: BigUint64Array.of(2n ** 64n - 1n),
    },
    JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":1,"":2,"a.b":[{"__proto__":null}],"toString":null}',
    ),
    { empty: '', zero: '\u0000', accents: 'é', wide: '日本', pair: '😀', long: 'x'.repeat(300), '😀': 1 },
    { nothing: null, yes: true, no: false, list: [], object: {}, deep: [[[{ a: [{ b: null }] }]]] },
    { upper: '0198F3A2-7B1C-7DEF-8A90-1234567890AB', lower: '0198f3a2-7b1c-7def-8a90-1234567890ab' },
  ];
}
