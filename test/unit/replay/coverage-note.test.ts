import { describe, expect, it } from 'vitest';
import { coverageNote } from '../../../src/replay/report/coverage-note.js';
import type { Flips } from '../../../src/replay/report/report-schema.js';

function flips(matrix: number[][], judgedMatrix: number[][]): Flips {
  const sum = (cells: number[][]) => cells.flat().reduce((total, count) => total + count, 0);
  return {
    rows: sum(matrix),
    flipped: 0,
    rate: 0,
    interval: { lower: 0, upper: 1, level: 0.95 },
    labels: ['refuse', 'grant'],
    matrix,
    judged: sum(judgedMatrix),
    judgedMatrix,
    rightToWrong: 0,
    wrongToRight: 0,
  };
}

describe('the note on where truth is known', () => {
  it('names the decisions whose outcomes hardly anybody sees', () => {
    const note = coverageNote(
      flips(
        [
          [5_000, 1_000],
          [800, 9_000],
        ],
        [
          [0, 20],
          [790, 8_900],
        ],
      ),
    );
    expect(note).toContain('0.0 % of the rows with control refuse and candidate refuse');
    expect(note).toContain('98.9 % of the rows with control grant and candidate grant');
  });

  it('is silent where truths are as many everywhere, where cells are too small to tell, and without any truth', () => {
    const even = [
      [500, 100],
      [100, 500],
    ];
    expect(coverageNote(flips(even, even))).toBeUndefined();
    expect(
      coverageNote(
        flips(
          [
            [500, 9],
            [100, 500],
          ],
          [
            [490, 0],
            [98, 490],
          ],
        ),
      ),
    ).toBeUndefined();
    expect(
      coverageNote(
        flips(even, [
          [0, 0],
          [0, 0],
        ]),
      ),
    ).toBeUndefined();
    expect(coverageNote(null)).toBeUndefined();
  });
});
