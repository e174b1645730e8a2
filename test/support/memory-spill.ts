import { tmpdir } from 'node:os';
import { spillFile } from '../../src/replay/ranking/spill-file.js';
import type { Spill } from '../../src/replay/ranking/spill.js';

/** For tests whose scores all have room in memory, so that no file is made. */
export function memorySpill(): Spill {
  return spillFile(tmpdir());
}
