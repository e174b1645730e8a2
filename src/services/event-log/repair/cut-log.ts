import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock.js';
import { nodeFileSystem } from '../segment-log/file-system.js';
import { HeadWriter } from '../segment-log/head-file.js';
import { segmentName } from '../segment-log/segment-file.js';
import { indexName } from '../segment-log/segment-index.js';
import type { CutPlan } from './plan-cut.js';

/**
 * Cuts the log as planned; the caller holds the writer's lock. What is cut is kept aside in `cut/<position>-<time>/`:
 * the end of one segment as `<segment>-<offset>.bin`, later segments as they were, and `cut.json`, which says what
 * they are. Returns that folder, relative to the log. Nothing is appended. When it stops half way, the log is as
 * damaged as it was before, at the same position, and the same cut can be made again.
 */
export async function cutLog(plan: CutPlan, options: { readonly clock: Clock }): Promise<string> {
  const { directory, end } = plan;
  const at = new Date(options.clock.nowMicros() / 1000).toISOString();
  const name = join('cut', `${end.nextPosition}-${at.replaceAll(/[:.]/g, '-')}`);
  const aside = join(directory, name);
  await mkdir(aside, { recursive: true, mode: 0o700 });
  const tail = `${end.segment}-${end.offset}.bin`;
  const segment = join(directory, segmentName(end.segment));
  if (plan.tailBytes > 0) await copyTail(segment, end.offset, join(aside, tail));
  await writeDescription(join(aside, 'cut.json'), {
    what: `Bytes cut from the log by "hindcast log repair": every event from position ${end.nextPosition} on.`,
    at,
    fromPosition: String(end.nextPosition),
    untilPosition: String(plan.headPosition),
    hashBefore: Buffer.from(end.hash).toString('hex'),
    files: [
      ...(plan.tailBytes > 0
        ? [{ file: tail, of: segmentName(end.segment), fromByte: end.offset, bytes: plan.tailBytes }]
        : []),
      ...plan.segments.map((later) => ({ file: segmentName(later), whole: true })),
    ],
  });
  await nodeFileSystem.syncDirectory(aside);
  await nodeFileSystem.syncDirectory(join(directory, 'cut'));
  // From the last one, so that at every moment the log is sound up to the same position, and ends there or is damaged.
  for (const later of plan.segments.toReversed()) {
    await rename(join(directory, segmentName(later)), join(aside, segmentName(later)));
    await rm(join(directory, indexName(later)), { force: true });
  }
  await rm(join(directory, indexName(end.segment)), { force: true });
  const file = await open(segment, 'r+');
  try {
    await file.truncate(end.offset);
    await file.sync();
  } finally {
    await file.close();
  }
  await nodeFileSystem.syncDirectory(directory);
  const head = await HeadWriter.open(
    { directory, fileSystem: nodeFileSystem },
    { sequence: plan.headSequence, head: end },
  );
  await head.close();
  return name;
}

async function copyTail(from: string, offset: number, to: string): Promise<void> {
  const target = await open(to, 'wx', 0o600);
  try {
    for await (const chunk of createReadStream(from, { start: offset })) {
      if (!(chunk instanceof Buffer)) throw new TypeError('bytes are expected');
      await target.appendFile(chunk);
    }
    await target.sync();
  } finally {
    await target.close();
  }
}

async function writeDescription(path: string, description: object): Promise<void> {
  await writeFile(path, `${JSON.stringify(description, undefined, 2)}\n`, { mode: 0o600, flush: true });
}
