import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chunkStore } from '../../../src/replay/ranking/chunk-store.js';
import { placementRanking, type PairedPlacements } from '../../../src/replay/ranking/paired-placements.js';
import { decodeScores, encodeScores, type ScoreChunk } from '../../../src/replay/ranking/score-chunk.js';
import { spillFile } from '../../../src/replay/ranking/spill-file.js';
import { pairedAuc, pairedAucOfSums } from '../../../src/stats/auc.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-ranking-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const spill = () => spillFile(folder);

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

function ranked(
  chunks: readonly ScoreChunk[],
  { rowsExpected = 200_000, makeSpill = spill } = {},
): PairedPlacements {
  const ranking = placementRanking({ rowsExpected, makeSpill });
  for (const chunk of chunks) ranking.add(chunk);
  return ranking.finish();
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
    const placements = ranked(chunked({ control, candidate, label }));
    const expected = pairedAuc({ controlScores: control, candidateScores: candidate, labels: label });
    expect(pairedAucOfSums(placements)).toEqual(expected);
  });

  it.each([
    ['more rows than were expected', 1_000],
    ['fewer rows than were expected', 20_000_000],
  ])('does so too with %s', (_, rowsExpected) => {
    const candidate = Float64Array.from(smooth, (score) => -score);
    const chunks = chunked({ control: smooth, candidate, label });
    expect(ranked(chunks, { rowsExpected })).toEqual(ranked(chunks));
  });

  it('gives the same sums to the last bit for chunks in any order', () => {
    const candidate = Float64Array.from(smooth, (score, row) => score + (row % 7));
    const chunks = chunked({ control: smooth, candidate, label });
    expect(ranked(chunks.toReversed())).toEqual(ranked(chunks));
  });

  it('ranks scores of 32 bits that are followed by some that need 64', () => {
    const control = Float64Array.from(smooth, (score, row) => (row < 150_000 ? Math.fround(score) : score));
    const candidate = Float64Array.from(control, (score) => Math.fround(score / 2));
    const narrow = chunked({
      control: Float32Array.from(control),
      candidate: Float32Array.from(candidate),
      label,
    });
    const wide = chunked({ control, candidate, label });
    const cut = Math.floor(150_000 / 4_096);
    const mixed = [...narrow.slice(0, cut), ...wide.slice(cut), ...narrow.slice(0, 2)];
    expect(ranked(mixed)).toEqual(ranked([...wide, ...wide.slice(0, 2)]));
  });

  it('leaves no file behind', () => {
    expect(readdirSync(folder)).toEqual([]);
  });

  it('adds placements up by the cell of the subject', () => {
    const cell = Uint16Array.from(label, (_, row) => row % 1_000);
    const candidate = Float64Array.from(smooth, (score) => -score);
    const { cells, controlTwiceWins, candidateTwiceWins, positives, negatives } = ranked(
      chunked({ control: smooth, candidate, label, cell }),
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

it('keeps in memory what has room there, and the rest in a file that no end of the process leaves behind', () => {
  const file = spill();
  const pieces: number[] = [];
  const store = chunkStore({
    ...file,
    put: (bytes) => {
      pieces.push(bytes.length);
      return file.put(bytes);
    },
  });
  const chunkOf = (seed: number): ScoreChunk => ({
    rows: 100_000,
    control: new Float64Array(100_000).fill(seed),
    candidate: new Float32Array(100_000).fill(2 * seed),
    label: new Uint8Array(100_000).fill(seed % 2),
    cell: undefined,
  });
  for (let seed = 0; seed < 40; seed += 1) expect(store.put(chunkOf(seed))).toBe(seed);
  const spilledBytes = pieces.reduce((sum, bytes) => sum + bytes, 0);
  // 40 chunks of 1.3 MB, 8 MB of them in memory.
  expect(spilledBytes).toBeGreaterThan(40e6);
  expect(spilledBytes).toBeLessThan(46e6);
  expect(readdirSync(folder)).toEqual([]);
  for (const seed of [0, 5, 6, 7, 39]) expect(store.get(seed)).toEqual(chunkOf(seed));
  store.close();
});

it('ranks as many rows as have no room in memory, to the same result', () => {
  const random = seededRandom(43);
  const rows = 3_000_000;
  const label = Uint8Array.from({ length: rows }, () => (random.uniform() < 0.3 ? 1 : 0));
  const control = Float32Array.from(label, (positive) => 0.2 * positive + random.uniform());
  const candidate = Float32Array.from(control, (score) => score + 0.3 * random.uniform());
  const spills = { made: 0 };
  const counted = () => {
    const made = spill();
    return {
      ...made,
      put: (bytes: Uint8Array) => {
        spills.made += 1;
        return made.put(bytes);
      },
    };
  };
  const found = pairedAucOfSums(
    ranked(chunked({ control, candidate, label }), { rowsExpected: rows, makeSpill: counted }),
  );
  expect(spills.made).toBeGreaterThan(100);
  expect(readdirSync(folder)).toEqual([]);
  const expected = pairedAuc({ controlScores: control, candidateScores: candidate, labels: label });
  expect(found).toEqual(expected);
}, 60_000);

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
