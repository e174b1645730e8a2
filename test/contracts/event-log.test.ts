import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { describeEventLogContract } from './event-log-contract.js';

describeEventLogContract('memory', async (clock) => {
  const log = createMemoryLog({ clock });
  return { log, reader: async () => ({ ...log, close: async () => {} }), remove: async () => {} };
});

for (const segmentBytes of [16 * 1024, 8 * 1024 * 1024]) {
  describeEventLogContract(`segments of ${segmentBytes} bytes`, async (clock) => {
    const directory = await mkdtemp(join(tmpdir(), 'hindcast-log-'));
    return {
      log: await openSegmentLog({ directory, clock, segmentBytes }),
      reader: async () => await openSegmentLogReader({ directory }),
      remove: async () => await rm(directory, { recursive: true }),
    };
  });
}

describeEventLogContract('segments with buffered durability', async (clock) => {
  const directory = await mkdtemp(join(tmpdir(), 'hindcast-log-'));
  const durability = { mode: 'buffered', windowMs: 20 } as const;
  return {
    log: await openSegmentLog({ directory, clock, segmentBytes: 64 * 1024, durability }),
    reader: async () => await openSegmentLogReader({ directory }),
    remove: async () => await rm(directory, { recursive: true }),
  };
});
