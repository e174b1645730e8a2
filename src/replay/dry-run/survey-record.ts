import type { RecordedBatch } from '../../projections/datasets/recorded-predictions.js';
import { exactMoments } from '../../stats/exact-moments.js';
import { logLossClip } from '../../stats/log-loss.js';
import type { Moments } from '../../stats/moments.js';
import type { Eligibility, ExcludedRows } from '../eligible-rows.js';
import { eligibleRows } from '../eligible-rows.js';
import { judgedLosses } from '../judging/judged-losses.js';
import type { OutputPairing } from '../output-pairing.js';
import { pairRows } from '../pair-rows.js';
import { recordedOutputs } from '../recorded-outputs.js';
import { chunkOf } from '../row-chunks.js';
import type { ServedVersion } from '../served-versions.js';
import { servedVersions } from '../served-versions.js';

/** What the record alone says of a replay. */
export interface RecordSurvey {
  readonly excluded: ExcludedRows & { readonly controlUnanswered: number };
  /** Rows that would be compared, and those of them whose truth is known. */
  readonly compared: number;
  readonly judged: number;
  readonly served: readonly ServedVersion[];
  /** Of what was answered then, over the judged rows: log loss, or the absolute error of a regression. */
  readonly loss: Moments;
  /** Why there is no loss; undefined: there is, or no row has a truth. */
  readonly problem: string | undefined;
}

/** Reads outputs and truths of every eligible row, and runs nothing. Memory holds a few batches. */
export async function surveyRecord(options: {
  readonly batches: AsyncIterable<RecordedBatch>;
  readonly rules: Eligibility;
  readonly pairing: OutputPairing;
  readonly threshold: number;
  /** See `RecordedCount`. */
  readonly scoresAreSingle: boolean;
  readonly onRows: (rowsRead: number) => void;
  readonly signal: AbortSignal | undefined;
}): Promise<RecordSurvey> {
  const { rules, pairing, threshold, signal } = options;
  const excluded: ExcludedRows = { outOfSample: 0, servedByCandidate: 0, trainedOn: 0 };
  const served = servedVersions();
  const losses = exactMoments();
  let problem: string | undefined;
  let controlUnanswered = 0;
  let compared = 0;
  let judged = 0;
  let rowsRead = 0;

  for await (const batch of options.batches) {
    signal?.throwIfAborted();
    const eligible = eligibleRows(batch, rules, excluded);
    served.add(batch, eligible);
    const chunk = chunkOf(batch, eligible);
    // The record on both sides: what is wanted of the pairs is the control's alone.
    const outputs = recordedOutputs(chunk, pairing, threshold);
    const pairs = pairRows({
      pairing,
      chunk,
      control: outputs,
      candidate: outputs,
      clip: options.scoresAreSingle ? logLossClip.float32 : logLossClip.float64,
    });
    const { row, loss, problem: found } = judgedLosses(pairs.rows);
    compared += pairs.rows.rows;
    judged += row.length;
    controlUnanswered += pairs.controlUnanswered;
    if (row.length > 0) problem ??= found;
    for (const value of loss?.control ?? []) losses.add(value);
    chunk.release();
    rowsRead += batch.rows;
    options.onRows(rowsRead);
  }
  return {
    excluded: { ...excluded, controlUnanswered },
    compared,
    judged,
    served: served.list(),
    loss: losses.moments(),
    problem,
  };
}
