import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { pairedPlacements } from '../../../src/replay/ranking/paired-placements.js';
import { decodeScores, encodeScores, type ScoreChunk } from '../../../src/replay/ranking/score-chunk.js';
import { spillFile } from '../../../src/replay/ranking/spill-file.js';
import { pairedAuc, pairedAucOfSums } from '../../../src/stats/auc.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-ranking-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
/** Too little memory for anything, so that every piece goes through a file. */
const smallSpill = () => spillFile({ directory: folder, memoryBytesMax: 100 });

function chunked(scores: {
  readonly control: Float64Array | Float32Array;
  readonly candidate: Float64Array | Float32Array;
  readonly label: Uint8Array;
  readonly cell?: Uint16Array;
}): ScoreChunk[] {
  const chunks: ScoreChunk[] = [];
  for (let from = 0; from < scores.label.length; from += 4_096) {
    const until = Math.min(scores.label.length, from + 4_096);
    chunks.push({
      rows: until - from,
      control: scores.control.subarray(from, until),
      candidate: scores.candidate.subarray(from, until),
      label: scores.label.subarray(from, until),
      cell: scores.cell?.subarray(from, until),
    });
  }
  return chunks;
}

describe('ranking outside of memory', () => {
  const random = seededRandom(41);
  const rows = 200_000;
  const label = Uint8Array.from({ length: rows }, () => (random.uniform() < 0.1 ? 1 : 0));
  const smooth = Float64Array.from(label, (positive) => positive + 2 * random.normal());
  const kinds: readonly (readonly [string, Float64Array | Float32Array, Float64Array | Float32Array])[] = [
    ['scores that all differ', smooth, Float64Array.from(smooth, (score) => score + random.normal())],
    [
      'many ties',
      Float32Array.from(smooth, (score) => Math.round(4 * score) / 4),
      Float32Array.from(smooth, (score) => Math.round(score)),
    ],
    [
      'one score that nine in ten rows share',
      Float32Array.from(smooth, (score) => (random.uniform() < 0.9 ? 0.25 : score)),
      Float32Array.from(smooth),
    ],
    [
      'all but a few scores within a millionth of the range',
      Float64Array.from(smooth, (score, row) => (row % 1_000 === 0 ? score * 1e6 : score)),
      Float64Array.from(smooth, (score) => score ** 3),
    ],
    ['one score for all', new Float32Array(rows).fill(0.5), Float32Array.from(smooth)],
  ];

  it.each(kinds)('gives the comparison that ranking in memory gives: %s', (_, control, candidate) => {
    const placements = pairedPlacements(chunked({ control, candidate, label }), smallSpill);
    const expected = pairedAuc({ controlScores: control, candidateScores: candidate, labels: label });
    expect(pairedAucOfSums(placements)).toEqual(expected);
  });

  it('leaves no file behind', () => {
    expect(readdirSync(folder)).toEqual([]);
  });

  it('adds placements up by the cell of the subject', () => {
    const cell = Uint16Array.from(label, (_, row) => row % 1_000);
    const candidate = Float64Array.from(smooth, (score) => -score);
    const { cells, controlTwiceWins, candidateTwiceWins, positives, negatives } = pairedPlacements(
      chunked({ control: smooth, candidate, label, cell }),
      smallSpill,
    );
    const sum = (values: Float64Array | undefined) => values?.reduce((total, value) => total + value, 0);
    expect(sum(cells?.positives)).toBe(positives);
    expect(sum(cells?.negatives)).toBe(negatives);
    expect(sum(cells?.controlOfPositives)).toBe(controlTwiceWins);
    expect(sum(cells?.controlOfNegatives)).toBe(controlTwiceWins);
    expect(sum(cells?.candidateOfPositives)).toBe(candidateTwiceWins);
    expect(cells?.positives[5]).toBe(
      label.reduce((count, one, row) => count + (row % 1_000 === 5 ? one : 0), 0),
    );
  });
});

it.each([true, false])('scores come back from bytes as they were, with subjects: %s', (hasCells) => {
  const chunk: ScoreChunk = {
    rows: 3,
    control: Float32Array.of(0.1, 0.5, 1),
    candidate: Float64Array.of(0.1, -0, 1e-300),
    label: Uint8Array.of(0, 1, 1),
    cell: hasCells ? Uint16Array.of(7, 1_023, 0) : undefined,
  };
  expect(decodeScores(encodeScores(chunk))).toEqual(chunk);
});
