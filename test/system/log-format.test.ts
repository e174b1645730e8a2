import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventTypes } from '../../src/schemas/events.js';
import { codeOf } from '../../src/services/event-log/codec/event-types.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { describeWith, pythonMsgpack } from '../support/optional.js';
import { root } from '../support/run-command.js';
import { writeSampleLog } from '../support/sample-log.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Written by the first release; never written again. */
const committed = join(root, 'test', 'oracles', 'sample-log');

/** What we read, in the form in which the decoder in Python prints it. */
async function ourLines(directory: string): Promise<unknown[]> {
  const reader = await openSegmentLogReader({ directory });
  const events: unknown[] = [];
  for await (const batch of reader.read()) for (const event of batch) events.push(marked(event));
  await reader.close();
  return events;
}

function pythonLines(directory: string): { events: unknown[]; summary: Record<string, unknown> } {
  const script = join(root, 'test', 'oracles', 'read_log.py');
  const { stdout, stderr, status } = spawnSync(pythonMsgpack.command, [script, directory], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(stderr);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  return { events: lines.slice(0, -1), summary: Object(lines.at(-1)) };
}

function marked(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (typeof value === 'bigint') return { $integer: String(value) };
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const values = Array.from(Object(value), (item: unknown) =>
      typeof item === 'bigint' ? String(item) : marked(item),
    );
    return { $array: value.constructor.name, values };
  }
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== 'object' || value === null) return value;
  // Not by assignment: one of the keys is __proto__.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, marked(item)]));
}

describeWith(pythonMsgpack, 'the log held against a reader written from docs/log-format.md', () => {
  it('reads the committed log, every form of it, as we do', async () => {
    const { events, summary } = pythonLines(committed);
    const ours = await ourLines(committed);
    expect(events).toStrictEqual(ours);
    expect(events.map((event) => JSON.stringify(event))).toEqual(ours.map((event) => JSON.stringify(event)));
    const verified = await verifyLog({ directory: committed, deep: true });
    expect(verified.damage).toBeUndefined();
    expect(summary).toMatchObject({ events: verified.events, frames: verified.frames, hash: verified.hash });
    expect(summary['compressedFrames']).toBeGreaterThan(0);
    expect(summary['indexes']).toBeGreaterThan(1);
    const forms = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((form) => `form ${form}`);
    const tags = [0, 1, 2, 3, 4].map((tag) => `tag ${tag}`);
    expect(summary['met']).toEqual(
      expect.arrayContaining([
        ...forms,
        ...tags,
        'constant',
        'several groups',
        'codes of 1 byte',
        'codes of 2 bytes',
        'integers of 1',
        'integers of 2',
        'integers of 4',
        'segment of form 1',
        'segment of form 2',
        'BigUint64Array',
        'Float32Array',
      ]),
    );
    console.log(`log format: ${events.length} events of the committed log are the same in Python`);
  });

  it('reads a log of today, with every event type, as we do', async () => {
    const directory = process.env['HINDCAST_SAMPLE_LOG'] ?? (await temporaryFolder());
    await writeSampleLog(directory);
    const { events } = pythonLines(directory);
    expect(events).toStrictEqual(await ourLines(directory));
  });
});

describe('docs/log-format.md', () => {
  it('names every event type with its number, also for the reader in Python', async () => {
    const page = await readFile(join(root, 'docs', 'log-format.md'), 'utf8');
    const script = await readFile(join(root, 'test', 'oracles', 'read_log.py'), 'utf8');
    for (const type of eventTypes) {
      expect(page).toContain(`| ${codeOf(type)} | \`${type}\` |`);
      expect(script).toContain(`${codeOf(type)}: "${type}"`);
    }
  });
});
