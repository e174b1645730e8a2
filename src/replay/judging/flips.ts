import type { Flips } from '../report/report-schema.js';
import { intervalOf } from './interval-of.js';
import type { JudgedShare } from './judged-share.js';
import { shareInterval } from './judged-share.js';
import type { LabelCells, LabelTally } from './label-tally.js';

/** How labels changed between the sides, counted over all compared rows and, for right and wrong, over the judged ones. */
export interface FlipCounts {
  readonly labels: readonly string[];
  readonly rows: number;
  readonly flipped: number;
  readonly judged: number;
  readonly controlRight: number;
  readonly rightToWrong: number;
  readonly wrongToRight: number;
  /** Rows by the codes of both labels, control first. */
  readonly matrix: readonly (readonly number[])[];
  /** Those of them whose truth is known. */
  readonly judgedMatrix: readonly (readonly number[])[];
  /** Of each label, judged rows that have it as truth, by who was right. */
  readonly classes: readonly ClassCounts[];
  /** Undefined: no row has a subject. */
  readonly cells: LabelCells | undefined;
}

export interface ClassCounts {
  /** Rows whose truth it is. */
  readonly rows: number;
  /** Of those, right by the control, by the candidate, and by one of them alone. */
  readonly controlRight: number;
  readonly candidateRight: number;
  readonly controlOnly: number;
  readonly candidateOnly: number;
  /** Judged rows for which a side says this label. */
  readonly controlSaid: number;
  readonly candidateSaid: number;
}

/** `labels`: in the order of the report; all that a tally names are among them. */
export function flipCounts(labels: readonly string[], tally: LabelTally): FlipCounts {
  const codes = new Map(labels.map((label, code) => [label, code]));
  const table = (): number[][] => labels.map(() => labels.map(() => 0));
  const matrix = table();
  const judgedMatrix = table();
  const classes = labels.map(() => emptyClass());
  const sums = { rows: 0, flipped: 0, judged: 0, controlRight: 0, rightToWrong: 0, wrongToRight: 0 };
  for (const { truth, control, candidate, rows } of tally.counts) {
    const [before, after] = [codes.get(control) ?? -1, codes.get(candidate) ?? -1];
    add(matrix, before, after, rows);
    sums.rows += rows;
    if (control !== candidate) sums.flipped += rows;
    if (truth === null) continue;
    add(judgedMatrix, before, after, rows);
    sums.judged += rows;
    if (control === truth) sums.controlRight += rows;
    if (control === truth && candidate !== truth) sums.rightToWrong += rows;
    if (control !== truth && candidate === truth) sums.wrongToRight += rows;
    countClass(classes, { truth: codes.get(truth) ?? -1, before, after }, rows);
  }
  return { labels, ...sums, matrix, judgedMatrix, classes, cells: tally.cells };
}

function emptyClass(): { -readonly [Key in keyof ClassCounts]: number } {
  return {
    rows: 0,
    controlRight: 0,
    candidateRight: 0,
    controlOnly: 0,
    candidateOnly: 0,
    controlSaid: 0,
    candidateSaid: 0,
  };
}

function countClass(
  classes: readonly { -readonly [Key in keyof ClassCounts]: number }[],
  { truth, before, after }: { readonly truth: number; readonly before: number; readonly after: number },
  rows: number,
): void {
  const [ofTruth, ofBefore, ofAfter] = [classes[truth], classes[before], classes[after]];
  if (ofBefore !== undefined) ofBefore.controlSaid += rows;
  if (ofAfter !== undefined) ofAfter.candidateSaid += rows;
  if (ofTruth === undefined) return;
  ofTruth.rows += rows;
  if (before === truth) ofTruth.controlRight += rows;
  if (after === truth) ofTruth.candidateRight += rows;
  if (before === truth && after !== truth) ofTruth.controlOnly += rows;
  if (before !== truth && after === truth) ofTruth.candidateOnly += rows;
}

function add(table: readonly number[][], outer: number, inner: number, rows: number): void {
  const line = table[outer];
  if (line !== undefined) line[inner] = (line[inner] ?? 0) + rows;
}

/** Labels that change, among all compared rows. */
export function flipShare({ flipped, rows, cells }: FlipCounts): JudgedShare {
  return {
    successes: flipped,
    trials: rows,
    cells: cells === undefined ? undefined : { rows: cells.rows, successes: cells.flipped },
  };
}

/** Labels that were right and are wrong, among the rows whose truth is known. */
export function negativeFlipShare({ rightToWrong, judged, cells }: FlipCounts): JudgedShare {
  return {
    successes: rightToWrong,
    trials: judged,
    cells: cells === undefined ? undefined : { rows: cells.judged, successes: cells.rightToWrong },
  };
}

/** The counts as they stand in the report; null without rows or labels. */
export function flipsOf(counts: FlipCounts | undefined): Flips | null {
  if (counts === undefined) return null;
  const rate = shareInterval(flipShare(counts));
  if (rate.kind === 'undefined') return null;
  return {
    rows: counts.rows,
    flipped: counts.flipped,
    rate: rate.estimate,
    interval: intervalOf(rate),
    labels: [...counts.labels],
    matrix: counts.matrix.map((line) => [...line]),
    judged: counts.judged,
    judgedMatrix: counts.judgedMatrix.map((line) => [...line]),
    rightToWrong: counts.rightToWrong,
    wrongToRight: counts.wrongToRight,
  };
}
