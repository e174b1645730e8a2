import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import { openAppender } from '../../src/services/event-log/remote-appender.js';
import { listSegments, readSegmentStart } from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { acquireWriterLock } from '../../src/services/event-log/writer-lock.js';
import { systemClock as clock } from '../../src/services/platform/clock.js';
import { samplePredictions, seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const script = fileURLToPath(new URL('../support/log-child.mjs', import.meta.url));
/** Fewer for a look: with HINDCAST_KILL_ROUNDS. */
const killRounds = Number(process.env['HINDCAST_KILL_ROUNDS'] ?? 200);

function startChild(...args: string[]): ChildProcess & { stdout: NonNullable<ChildProcess['stdout']> } {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  return child;
}

async function firstLine(child: { stdout: NonNullable<ChildProcess['stdout']> }): Promise<string> {
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the child ended without a word');
}

async function ids(directory: string, fromPosition = 0): Promise<string[]> {
  const reader = await openSegmentLogReader({ directory });
  const found: string[] = [];
  for await (const batch of reader.read({ fromPosition })) {
    for (const event of batch) {
      const expected = fromPosition + found.length;
      if (event.position !== expected) throw new Error(`position ${event.position} at ${expected}`);
      found.push(event.id);
    }
  }
  await reader.close();
  return found;
}

describe('segment log: one writer', () => {
  it('refuses a second writer, naming the first, in this process and in another', async () => {
    const directory = await temporaryFolder();
    const child = startChild('hold', directory);
    expect(await firstLine(child)).toBe('ready');
    await expect(openSegmentLog({ directory, clock })).rejects.toMatchObject({
      code: 'LOG_IN_USE',
      message: expect.stringContaining(`pid ${child.pid}`),
    });
    child.stdin?.end();
    await once(child, 'exit');
    const log = await openSegmentLog({ directory, clock });
    await expect(openSegmentLog({ directory, clock })).rejects.toMatchObject({
      code: 'LOG_IN_USE',
      message: expect.stringContaining(`pid ${process.pid}`),
    });
    await log.close();
  });

  it('takes over the lock of a process that is gone, also when its id lives again', async () => {
    const directory = await temporaryFolder();
    const child = startChild('hold', directory);
    await firstLine(child);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const afterKill = await openSegmentLog({ directory, clock });
    expect((await afterKill.head()).nextPosition).toBe(1);
    await afterKill.close();
    const reused = {
      id: randomUUID(),
      pid: process.pid,
      startedAt: 'another boot 1',
      host: hostname(),
      socketPath: 'x',
    };
    await writeFile(join(directory, 'writer.lock'), JSON.stringify(reused));
    await (await openSegmentLog({ directory, clock })).close();
    expect((await readdir(directory)).filter((name) => name.startsWith('writer.'))).toEqual([]);
  });

  it('lets exactly one of many take a stale lock, over and over', async () => {
    const directory = await temporaryFolder();
    for (let round = 0; round < 20; round += 1) {
      const stale = {
        id: randomUUID(),
        pid: process.pid,
        startedAt: 'gone',
        host: hostname(),
        socketPath: 'x',
      };
      await writeFile(join(directory, 'writer.lock'), JSON.stringify(stale));
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireWriterLock(directory)));
      const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(winners).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LOG_IN_USE' });
      }
      await winners[0]?.release();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('takes over from a taker that died between its claim and the lock', async () => {
    const directory = await temporaryFolder();
    const gone = (id: string) =>
      JSON.stringify({ id, pid: process.pid, startedAt: 'gone', host: hostname(), socketPath: 'x' });
    const [stale, taker] = [randomUUID(), randomUUID()];
    await writeFile(join(directory, 'writer.lock'), gone(stale));
    await writeFile(join(directory, `writer.lock.claim-${stale}`), gone(taker));
    const lock = await acquireWriterLock(directory);
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('segment log: events of other processes', () => {
  it('stores them through the socket, and tells the holder before it answers', async () => {
    const directory = await temporaryFolder();
    const told: StoredEvent[] = [];
    const log = await openSegmentLog({
      directory,
      clock,
      onForeignAppend: async (events) => {
        await Promise.resolve();
        told.push(...events);
      },
    });
    await log.append(samplePredictions(4));
    const mode = (await stat(join(directory, 'writer.sock'))).mode & 0o777;
    expect(mode).toBe(0o600);
    const child = startChild('append', directory, '3');
    const answer: unknown = JSON.parse(await firstLine(child));
    expect(answer).toMatchObject({ via: 'socket', firstPosition: 4 });
    expect(told.map((event) => event.position)).toEqual([4, 5, 6]);
    expect(await ids(directory)).toHaveLength(7);
    await log.close();
  });

  it('takes the lock when nobody holds it, and passes errors on when somebody does', async () => {
    const directory = await temporaryFolder();
    const own = await openAppender({ directory, clock });
    expect(own.via).toBe('lock');
    await own.append(samplePredictions(2));
    const other = await openAppender({ directory, clock });
    expect(other.via).toBe('socket');
    const events = samplePredictions(50, 2);
    const receipts = await Promise.all(events.map((event) => other.append([event])));
    expect(new Set(receipts.map((receipt) => receipt.firstPosition)).size).toBe(50);
    await expect(other.append([])).rejects.toMatchObject({ code: 'LOG_EVENT_INVALID' });
    await own.close();
    await expect(other.append(events.slice(0, 1))).rejects.toThrow(/closed|went away/);
    await other.close();
    expect(await ids(directory)).toHaveLength(52);
  });

  it('finds a socket elsewhere when the path of the folder is long', async () => {
    const directory = join(await temporaryFolder(), 'a-rather-long-name-'.repeat(6));
    const log = await openSegmentLog({ directory, clock });
    const holder: unknown = JSON.parse(await readFile(join(directory, 'writer.lock'), 'utf8'));
    expect(holder).toMatchObject({ pid: process.pid, socketPath: expect.not.stringContaining(directory) });
    const other = await openAppender({ directory, clock });
    await other.append(samplePredictions(1));
    await other.close();
    await log.close();
  });
});

describe('segment log: a writer that is killed', () => {
  it('leaves a lock that is taken over even while nobody has collected the ended process', async () => {
    const directory = await temporaryFolder();
    // The shell starts the writer, and then becomes a program that never asks for it.
    const parent = spawn(
      'sh',
      ['-c', '"$0" "$@" & exec sleep 60', process.execPath, script, 'write', directory, String(64 * 1024)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    for await (const line of createInterface({ input: parent.stdout })) {
      if (line !== '') break;
    }
    const holder: unknown = JSON.parse(await readFile(join(directory, 'writer.lock'), 'utf8'));
    const pid = Number(Reflect.get(Object(holder), 'pid'));
    process.kill(pid, 'SIGKILL');
    while (!/\) Z/.test(await readFile(`/proc/${pid}/stat`, 'utf8')))
      await new Promise<void>((resolve) => setImmediate(resolve));
    const log = await openSegmentLog({ directory, clock });
    await log.close();
    parent.kill('SIGKILL');
  });

  it(`loses nothing that it acknowledged, in ${killRounds} rounds (HINDCAST_KILL_ROUNDS), and readers never see anything wrong`, async () => {
    const directory = await temporaryFolder();
    const random = seededRandom(31);
    /** By position; collected outside the process that is killed. */
    const acknowledged: string[] = [];
    const sum = { rounds: 0, acknowledged: 0, storedUnacknowledged: 0, tornTails: 0, readsMeanwhile: 0 };
    let openMsMax = 0;
    let checkedUntil = 0;
    for (let round = 0; round < killRounds; round += 1) {
      // Every other life compresses too, and may be killed in the middle of that.
      const child = startChild('write', directory, String(64 * 1024), round % 2 === 1 ? 'compress' : '');
      const ended = once(child, 'exit');
      // Often soon after the start, when a segment is turned or the lock just taken over.
      const killAfter = 1 + Math.floor(random() ** 2 * 1_500);
      let received = 0;
      let readable = 0;
      let reading: Promise<void> | undefined;
      for await (const line of createInterface({ input: child.stdout })) {
        const [id, position] = line.split(' ');
        acknowledged[Number(position)] = id ?? '';
        received += 1;
        // This process reads while the child writes, turns segments and compresses them.
        const from = sum.readsMeanwhile % 4 === 0 ? 0 : checkedUntil;
        reading ??= ids(directory, from).then((found) => {
          if (from + found.length < readable) throw new Error('a reader went back');
          readable = from + found.length;
          sum.readsMeanwhile += 1;
          reading = undefined;
        });
        if (received === killAfter) child.kill('SIGKILL');
      }
      await reading;
      await ended;
      const start = performance.now();
      const log = await openSegmentLog({ directory, clock, segmentBytes: 64 * 1024 });
      openMsMax = Math.max(openMsMax, performance.now() - start);
      if (log.recovery.tornTail !== undefined) sum.tornTails += 1;
      await log.close();
      expect(received).toBeGreaterThanOrEqual(killAfter);
      // Everything now and then, otherwise what this round wrote.
      const from = round % 25 === 24 || round === killRounds - 1 ? 0 : checkedUntil;
      const stored = await ids(directory, from);
      expect(new Set(stored).size).toBe(stored.length);
      let counted = 0;
      acknowledged.forEach((id, position) => {
        counted += 1;
        if (position >= from && stored[position - from] !== id) {
          throw new Error(`round ${round}: position ${position} is lost`);
        }
      });
      checkedUntil = from + stored.length;
      sum.rounds += 1;
      sum.acknowledged = counted;
      sum.storedUnacknowledged = checkedUntil - counted;
    }
    const verified = await verifyLog({ directory, deep: true });
    expect(verified).toMatchObject({ events: checkedUntil, damage: undefined });
    let compressed = 0;
    for (const segment of await listSegments(directory)) {
      if ((await readSegmentStart(directory, segment))?.isCompressed === true) compressed += 1;
    }
    if (killRounds >= 100) expect(compressed).toBeGreaterThan(0);
    console.log(
      `kill -9: ${JSON.stringify(sum)}, lost 0, ${verified.segments} segments, ${compressed} compressed, slowest opening ${openMsMax.toFixed(0)} ms`,
    );
  }, 1_800_000);
});
