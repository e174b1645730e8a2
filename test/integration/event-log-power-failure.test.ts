import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import type { FileSystem } from '../../src/services/event-log/segment-log/file-system.js';
import { listSegments } from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { type DiskImage, type Luck, powerFailureFileSystem, writeImage } from '../support/power-failure.js';
import { samplePredictions, sampleStartMicros, seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);
const segmentBytes = 4_096;
const events = samplePredictions(36);
const appends = Array.from({ length: 12 }, (_, index) => events.slice(index * 3, index * 3 + 3));

/** The machine at one moment: what would be on its disk, and what somebody was told by then. */
interface Moment {
  readonly disk: DiskImage;
  readonly acknowledged: number;
  /** Retention was asked to drop what stands before this. */
  readonly droppedBefore: number;
}

/** Nothing of what was not synced reached the disk, or some of it by chance. */
const lucks = (seed: number): readonly Luck[] =>
  [0, 0.4, 0.8].map((share) => ({ random: seededRandom(seed + share * 10), share }));

/** A log that is opened, appended to over several segments, and shortened by retention, in all its moments. */
async function lifeOf(directory: string): Promise<readonly Moment[]> {
  const moments: Moment[] = [];
  let [acknowledged, droppedBefore] = [0, 0];
  const fileSystem = await powerFailureFileSystem(directory, (image) => {
    for (const luck of lucks(moments.length))
      moments.push({ disk: image(luck), acknowledged, droppedBefore });
  });
  const log = await openSegmentLog({ directory, clock, segmentBytes, fileSystem });
  for (const [index, append] of appends.entries()) {
    await log.append(append);
    acknowledged += append.length;
    if (index !== 8) continue;
    droppedBefore = (await listSegments(directory))[2] ?? 0;
    expect(droppedBefore).toBeGreaterThan(0);
    await log.dropBefore(droppedBefore);
  }
  await log.close();
  return moments;
}

/** What was acknowledged is there, in order, once, or was dropped; the log is whole and goes on. */
async function expectSound(
  directory: string,
  moment: Moment,
  where: string,
  disk?: FileSystem,
): Promise<void> {
  const { acknowledged, droppedBefore } = moment;
  const log = await openSegmentLog({
    directory,
    clock,
    segmentBytes,
    ...(disk === undefined ? {} : { fileSystem: disk }),
  });
  const stored: StoredEvent[] = [];
  for await (const batch of log.read()) stored.push(...batch);
  const first = stored[0]?.position ?? 0;
  expect([0, droppedBefore], where).toContain(first);
  const until = Math.max(acknowledged, first + stored.length);
  expect(
    stored.map((event) => event.id),
    where,
  ).toEqual(events.slice(first, until).map((event) => event.id));
  const receipt = await log.append(samplePredictions(1, 77));
  expect(receipt.firstPosition, where).toBe(until);
  await log.close();
  expect((await verifyLog({ directory, deep: true })).damage, where).toBeUndefined();
}

describe('segment log: a power failure', () => {
  it('keeps every acknowledged event, before each call to the disk, whatever of the rest reached it', async () => {
    const folder = await temporaryFolder();
    const moments = await lifeOf(join(folder, 'log'));
    let whileOpening = 0;
    for (const [index, moment] of moments.entries()) {
      const directory = join(folder, `moment-${index}`);
      await mkdir(directory);
      await writeImage(directory, moment.disk);
      const where = `moment ${index} of ${moments.length}, ${moment.acknowledged} acknowledged`;
      if (index % 61 !== 0) {
        await expectSound(directory, moment, where);
      } else {
        // The power fails once more while the log is opened, at each call of that.
        const again: DiskImage[] = [];
        const fileSystem = await powerFailureFileSystem(directory, (image) => {
          for (const luck of lucks(again.length)) again.push(image(luck));
        });
        await (await openSegmentLog({ directory, clock, segmentBytes, fileSystem })).close();
        for (const [second, disk] of again.entries()) {
          const copy = join(folder, `moment-${index}-${second}`);
          await mkdir(copy);
          await writeImage(copy, disk);
          await expectSound(copy, moment, `${where}, and again at ${second}`);
          await rm(copy, { recursive: true });
          whileOpening += 1;
        }
      }
      await rm(directory, { recursive: true });
    }
    console.log(`power failures: ${moments.length}, and ${whileOpening} while opening after one; lost 0`);
    expect(moments.at(-1)).toMatchObject({ acknowledged: events.length });
    expect(whileOpening).toBeGreaterThan(50);
  }, 180_000);
});
