import { describe, expect, it } from 'vitest';
import { textTable } from '../../../src/cli/text-table.js';

describe('a text table', () => {
  it('aligns numbers to the right and text to the left', () => {
    expect(
      textTable(
        ['name', 'n'],
        [
          ['a', '1'],
          ['bb', '10'],
        ],
      ),
    ).toBe('name   n\n────  ──\na      1\nbb    10');
  });

  it('cuts what is too wide and keeps a row on one line', () => {
    expect(
      textTable(['x'], [['line\nbreak'], ['y'.repeat(100)]], 12)
        .split('\n')
        .slice(2),
    ).toEqual(['line break', `${'y'.repeat(11)}…`]);
  });
});
