import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { backupData, type BackupResult } from '../../src/cli/backup/backup-data.js';
import { restoreData } from '../../src/cli/backup/restore-data.js';
import type { StoredEvent } from '../../src/schemas/events.js';
import { cutLog } from '../../src/services/event-log/repair/cut-log.js';
import { replaceSegment } from '../../src/services/event-log/repair/replace-segment.js';
import { planCut } from '../../src/services/event-log/repair/plan-cut.js';
import { compressSegment } from '../../src/services/event-log/segment-log/compress-segment.js';
import { nodeFileSystem } from '../../src/services/event-log/segment-log/file-system.js';
import { listSegments, segmentName } from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog, type SegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { openArtefactStore } from '../../src/services/inference/artefact-store.js';
import { emptyRegistry } from '../../src/services/inference/registry.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { samplePredictions, sampleStartMicros } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);
let folder = '';
let data = '';
let target = '';
let next = 0;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = join(folder, 'data');
  target = join(folder, 'backup');
  next = 0;
});

const openLog = async (): Promise<SegmentLog> =>
  await openSegmentLog({ directory: join(data, 'log'), clock, segmentBytes: 16_384 });

async function append(log: SegmentLog, frames: number): Promise<void> {
  for (let frame = 0; frame < frames; frame += 1) {
    await log.append(samplePredictions(10, 1 + next, next));
    next += 10;
  }
}

async function backup(onCopy: (bytes: number) => void = () => undefined): Promise<BackupResult> {
  return await backupData({
    dataDirectory: data,
    target,
    registry: emptyRegistry,
    clock,
    hindcastVersion: '0.0.0',
    onCopy,
    onVerify: () => undefined,
  });
}

const restore = async (name: string) =>
  await restoreData({
    backup: target,
    dataDirectory: join(folder, name),
    deep: true,
    onCopy: () => undefined,
    onVerify: () => undefined,
  });

async function idsIn(directory: string, untilPosition: number): Promise<string[]> {
  const reader = await openSegmentLogReader({ directory: join(directory, 'log') });
  const events: StoredEvent[] = [];
  for await (const batch of reader.read({ untilPosition })) events.push(...batch);
  await reader.close();
  return events.map((event) => event.id);
}

describe('backup', () => {
  it('taken while events are appended holds exactly what was durable when it began, and restores', async () => {
    const log = await openLog();
    await append(log, 40);
    const artefacts = openArtefactStore(join(data, 'artefacts'));
    const model = await artefacts.put(Buffer.from('a model'));
    const acknowledged = next;
    let appending: Promise<void> = Promise.resolve();
    // Between any two pieces that are copied, more is appended, over many segments.
    const { manifest } = await backup(() => {
      appending = appending.then(async () => await append(log, 5));
    });
    await appending;
    expect(next).toBeGreaterThan(acknowledged);
    expect(manifest.log).toMatchObject({ firstPosition: '0', nextPosition: String(acknowledged) });
    expect(await verifyLog({ directory: join(target, 'log'), deep: true })).toMatchObject({
      damage: undefined,
      events: acknowledged,
      hash: manifest.log.hash,
    });

    const { verified } = await restore('restored');
    expect(verified.events).toBe(acknowledged);
    const restored = join(folder, 'restored');
    expect(await idsIn(restored, Infinity)).toEqual(await idsIn(data, acknowledged));
    const indexes = (await readdir(join(restored, 'log'))).filter((name) => name.endsWith('.index'));
    expect(indexes).toHaveLength((await listSegments(join(restored, 'log'))).length - 1);
    expect(await verifyLog({ directory: join(restored, 'log') })).toMatchObject({ damage: undefined });
    await openArtefactStore(join(restored, 'artefacts')).verify(model.sha256);
    // The restored log is a log like any other: it goes on.
    const again = await openSegmentLog({ directory: join(restored, 'log'), clock });
    expect((await again.append(samplePredictions(1))).firstPosition).toBe(acknowledged);
    await again.close();
    await log.close();
    expect(await verifyLog({ directory: join(restored, 'log') })).toMatchObject({ damage: undefined });
  });

  it('taken while retention drops segments holds the rest whole, and follows when it is taken again', async () => {
    const log = await openLog();
    await append(log, 60);
    const segments = await listSegments(join(data, 'log'));
    const [, second = 0, third = 0] = segments.slice(2);
    let dropping: Promise<unknown> | undefined;
    // As soon as the first piece is copied, the oldest segments go: some were copied, some were not.
    const { manifest } = await backup(() => {
      dropping ??= log.dropBefore(second);
    });
    await dropping;
    const verified = await verifyLog({ directory: join(target, 'log'), deep: true });
    expect(verified.damage).toBeUndefined();
    expect(verified.events).toBe(next - Number(manifest.log.firstPosition));
    expect(manifest.log.nextPosition).toBe(String(next));
    await restore('restored');

    await append(log, 5);
    await log.dropBefore(third);
    const again = await backup();
    expect(again.manifest.log).toMatchObject({ firstPosition: String(third), nextPosition: String(next) });
    expect(await listSegments(join(target, 'log'))).toEqual(await listSegments(join(data, 'log')));
    expect((await restore('restored-again')).verified).toMatchObject({
      events: next - third,
      dropped: { events: third },
    });
    await log.close();
  });

  it('into the same folder copies only what is new, and leaves one whole backup', async () => {
    const log = await openLog();
    await append(log, 40);
    const first = await backup();
    const nothingNew = await backup();
    expect(nothingNew.copiedFiles).toBe(0);
    const sealedBefore = (await listSegments(join(data, 'log'))).length - 1;
    await append(log, 40);
    const second = await backup();
    // Of the others, all but the head, which is written anew.
    expect(second.keptFiles).toBe(sealedBefore);
    expect(second.copiedFiles).toBe(second.manifest.files.length - second.keptFiles - 1);
    expect(second.manifest.log.nextPosition).toBe(String(next));
    expect(first.manifest.log.nextPosition).not.toBe(second.manifest.log.nextPosition);
    await log.close();
    await restore('restored');
    expect(await idsIn(join(folder, 'restored'), Infinity)).toEqual(await idsIn(data, Infinity));
    expect((await readdir(folder)).toSorted()).toEqual(['backup', 'data', 'restored']);
  });

  it('follows when sealed segments are compressed, and its older copies of them still mend the log', async () => {
    const log = await openLog();
    await append(log, 60);
    await backup();
    await log.close();
    const directory = join(data, 'log');
    const [first = 0, second = 0] = await listSegments(directory);
    for (const segment of [first, second]) {
      const place = { directory, fileSystem: nodeFileSystem };
      const { signal } = new AbortController();
      expect((await compressSegment(place, segment, signal)).kind).toBe('compressed');
    }
    const path = join(directory, segmentName(second));
    const compressed = await readFile(path);
    const bytes = Buffer.from(compressed);
    bytes[300] = (bytes[300] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const source = join(target, 'log');
    expect(await replaceSegment({ directory, segment: second, source, clock })).toBeDefined();
    expect(await verifyLog({ directory, deep: true })).toMatchObject({ damage: undefined, events: next });
    await writeFile(path, compressed);
    expect((await backup()).copiedFiles).toBe(2);
    expect((await restore('restored')).verified.events).toBe(next);
    expect(await idsIn(join(folder, 'restored'), Infinity)).toEqual(await idsIn(data, Infinity));
  });

  it('copies anew what was damaged in the backup before', async () => {
    const log = await openLog();
    await append(log, 40);
    await log.close();
    await backup();
    const victim = join(target, 'log', segmentName(0));
    const bytes = await readFile(victim);
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    await writeFile(victim, bytes);
    await expect(restore('no')).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    expect((await backup()).copiedFiles).toBe(1);
    expect((await restore('yes')).verified.events).toBe(next);
  });

  it('of a damaged log fails with the place, and the backup before is as it was', async () => {
    const log = await openLog();
    await append(log, 40);
    await backup();
    await append(log, 10);
    await log.close();
    const before = await readFile(join(target, 'backup.json'), 'utf8');
    const segment = (await listSegments(join(data, 'log'))).at(-1) ?? 0;
    const path = join(data, 'log', segmentName(segment));
    const bytes = await readFile(path);
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(backup()).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    expect(await readFile(join(target, 'backup.json'), 'utf8')).toBe(before);
    await expect(stat(`${target}.part`)).rejects.toMatchObject({ code: 'ENOENT' });
    await restore('restored');
  });

  it('is never replaced by a log that lacks what it holds: after a cut, or from another data folder', async () => {
    const log = await openLog();
    await append(log, 40);
    await log.close();
    await backup();
    const directory = join(data, 'log');
    await cutLog(await planCut(directory, 200), { clock });
    await expect(backup()).rejects.toMatchObject({ code: 'BACKUP_REFUSED' });
    const again = await openLog();
    // Other events at the positions that were cut, and more of them than before.
    for (let frame = 0; frame < 60; frame += 1)
      await again.append(samplePredictions(10, 777 + frame, 50_000));
    await again.close();
    await expect(backup()).rejects.toMatchObject({ code: 'BACKUP_REFUSED' });
    expect((await restore('restored')).verified.events).toBe(400);
  });

  it('is refused into a folder that holds something else, and into the data folder', async () => {
    const log = await openLog();
    await append(log, 2);
    await log.close();
    await mkdir(target);
    await writeFile(join(target, 'precious.txt'), 'mine');
    await expect(backup()).rejects.toMatchObject({ code: 'BACKUP_REFUSED' });
    expect(await readdir(target)).toEqual(['precious.txt']);
    target = join(data, 'backup');
    await expect(backup()).rejects.toMatchObject({ code: 'BACKUP_REFUSED' });
  });

  it('puts the earlier backup back when it was interrupted between its two renames', async () => {
    const log = await openLog();
    await append(log, 20);
    await log.close();
    await backup();
    await cp(target, `${target}.old`, { recursive: true });
    await rm(target, { recursive: true });
    await mkdir(`${target}.part`);
    await writeFile(join(`${target}.part`, 'half'), 'written');
    expect((await backup()).copiedFiles).toBe(0);
    expect((await restore('restored')).verified.events).toBe(next);
    expect((await readdir(folder)).toSorted()).toEqual(['backup', 'data', 'restored']);
  });

  it('of a model that the registry names and the store lacks fails with its digest', async () => {
    const log = await openLog();
    await append(log, 2);
    await log.close();
    const artefacts = openArtefactStore(join(data, 'artefacts'));
    const { sha256 } = await artefacts.put(Buffer.from('a model'));
    await writeFile(artefacts.path(sha256), 'another');
    await expect(backup()).rejects.toMatchObject({
      code: 'ARTEFACT_DAMAGED',
      message: expect.stringContaining(sha256),
    });
  });
});

describe('restore', () => {
  it('refuses a folder that is not empty, a folder without a backup, and any file that differs', async () => {
    const log = await openLog();
    await append(log, 40);
    await log.close();
    await openArtefactStore(join(data, 'artefacts')).put(Buffer.from('a model'));
    await expect(restore('restored')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    const { manifest } = await backup();
    await expect(restore('data')).rejects.toMatchObject({ code: 'RESTORE_REFUSED' });
    for (const { path } of manifest.files) {
      const file = join(target, path);
      const bytes = await readFile(file);
      await writeFile(file, Buffer.concat([bytes, Buffer.from([0])]));
      await expect(restore('restored')).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
      await rm(file);
      await expect(restore('restored')).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
      await writeFile(file, bytes);
    }
    await expect(stat(join(folder, 'restored'))).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(join(folder, 'restored'));
    await restore('restored');
  });
});
