import type { ScoreChunk } from './score-chunk.js';
import { decodeScores, encodeScores } from './score-chunk.js';
import type { Spill } from './spill.js';

/** Chunks of scores by number: the first ones in memory, what has no room there in a spill. */
export interface ChunkStore {
  /** Keeps the chunk, whose arrays nobody else may change from here on; gives its number: 0, 1, 2 … */
  put(chunk: ScoreChunk): number;
  get(number: number): ScoreChunk;
  readonly count: number;
  close(): void;
}

/** So much of one store is in memory. */
const memoryBytesMax = 8 * 1024 * 1024;

export function chunkStore(spill: Spill): ChunkStore {
  const kept: (ScoreChunk | number)[] = [];
  let bytes = 0;
  return {
    put: (chunk) => {
      const size = bytesOf(chunk);
      if (bytes + size <= memoryBytesMax) {
        bytes += size;
        kept.push(chunk);
      } else kept.push(spill.put(encodeScores(chunk)));
      return kept.length - 1;
    },
    get: (number) => {
      const chunk = kept[number] ?? 0;
      return typeof chunk === 'number' ? decodeScores(spill.get(chunk)) : chunk;
    },
    get count() {
      return kept.length;
    },
    close: () => {
      kept.length = 0;
      spill.close();
    },
  };
}

function bytesOf({ control, candidate, label, cell }: ScoreChunk): number {
  return control.byteLength + candidate.byteLength + label.byteLength + (cell?.byteLength ?? 0);
}
