import { mkdir } from 'node:fs/promises';
import { encodeEvents } from '../../src/services/event-log/event-codec.js';
import { nodeFileSystem } from '../../src/services/event-log/segment-log/file-system.js';
import { SegmentWriter } from '../../src/services/event-log/segment-log/segment-writer.js';
import { limits } from '../../src/services/platform/limits.js';
import { samplePredictions, sampleStartMicros } from '../../test/support/sample-events.js';
import { batchesOf } from './log-batches.js';

/** Different frames in a large log; they come again and again, since encoding each anew would take minutes. */
const framesDifferent = 64;

/** Writes a log of at least so many events in frames of `frameEvents`, with the log's own writer. */
export async function writeLargeLog(
  directory: string,
  { events, frameEvents }: { readonly events: number; readonly frameEvents: number },
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const frames = batchesOf(samplePredictions(framesDifferent * frameEvents), frameEvents).map((batch) => ({
    batch,
    payload: encodeEvents(batch),
  }));
  const writer = await SegmentWriter.open({
    folder: { directory, fileSystem: nodeFileSystem },
    segmentBytes: limits.segmentBytes,
    end: undefined,
    headSequence: 0,
  });
  for (let written = 0, index = 0; written < events; written += frameEvents, index += 1) {
    const frame = frames[index % frames.length];
    if (frame === undefined) throw new Error('a frame is needed');
    await writer.commit(frame.batch, frame.payload, { recordedAt: sampleStartMicros + index, inPlace: true });
  }
  await writer.close();
}
