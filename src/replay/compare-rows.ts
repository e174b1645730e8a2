import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import { errors } from '../services/platform/errors.js';
import { limits } from '../services/platform/limits.js';
import type { ReplayLane } from './replay-lane.js';

/** The batches `from` to `until` (exclusive) of a range, by number. */
export interface BlockRange {
  readonly from: number;
  readonly until: number;
}

/** How far a comparison came. */
export interface Reach {
  readonly rowsRead: number;
  /** The first block that was not read. */
  readonly nextBlock: number;
  /** Everything was read; false: it was interrupted, and what was read by then is judged. */
  readonly isComplete: boolean;
  /** By number of the lane: why it was given up; the others went on without it. */
  readonly failures: ReadonlyMap<number, unknown>;
}

/**
 * Reads the record once and puts it before every candidate. A block is always the same rows of the record, those of one
 * batch; its number is that of the batch in the whole range. Reading, inference in workers and judging overlap; memory holds a few batches.
 */
export async function compareRows(options: {
  readonly batches: AsyncIterable<RecordedBatch>;
  /** Number of the first batch. */
  readonly firstBlock: number;
  readonly lanes: readonly ReplayLane[];
  readonly onRows: (rowsRead: number) => void;
  readonly signal: AbortSignal | undefined;
}): Promise<Reach> {
  const { lanes, signal } = options;
  const failures = new Map<number, unknown>();
  const withEach = async (work: (lane: ReplayLane) => Promise<void>): Promise<void> => {
    for (const [index, lane] of lanes.entries()) {
      if (failures.has(index)) continue;
      try {
        await work(lane);
      } catch (error) {
        failures.set(index, error);
      }
    }
  };
  let block = options.firstBlock;
  let rowsRead = 0;
  let isShort = false;
  for await (const batch of options.batches) {
    if (signal?.aborted === true || failures.size === lanes.length) {
      batch.release();
      break;
    }
    if (isShort) throw errors.INTERNAL({ problem: `a batch before block ${block} is not full` });
    isShort = batch.rows !== limits.rowsPerInferenceRunMax;
    const shared = lanes.length === 1 ? batch : releasedByAll(batch, lanes.length);
    const number = block;
    await withEach((lane) => lane.accept(number, shared));
    block += 1;
    rowsRead += batch.rows;
    options.onRows(rowsRead);
  }
  await withEach((lane) => lane.drain());
  return { rowsRead, nextBlock: block, isComplete: signal?.aborted !== true, failures };
}

/** Several candidates see the same arrays; the last that lets go of them gives them back. */
function releasedByAll(batch: RecordedBatch, users: number): RecordedBatch {
  let left = users;
  return {
    ...batch,
    release: () => {
      left -= 1;
      if (left === 0) batch.release();
    },
  };
}
