import { tmpdir } from 'node:os';
import { spillFile } from '../../src/replay/ranking/spill-file.js';
import type { Spill } from '../../src/replay/ranking/spill.js';

/** Has room for whatever a test puts aside, so that no file is made. */
export function memorySpill(): Spill {
  return spillFile({ directory: tmpdir(), memoryBytesMax: 2 ** 30 });
}
