import { expect, it } from 'vitest';
import { writeLabelCodes } from '../../../src/replay/label-codes.js';
import type { Column } from '../../../src/schemas/columns.js';

function codesOf(column: Column, rows: number): { readonly codes: number[]; readonly asked: string[] } {
  const asked: string[] = [];
  const target = new Int32Array(rows + 1).fill(7);
  const codeOf = (label: string): number => {
    if (!asked.includes(label)) asked.push(label);
    return asked.indexOf(label);
  };
  writeLabelCodes({ column, from: 0, until: rows, codeOf, target, at: 1 });
  expect(target[0]).toBe(7);
  return { codes: [...target.subarray(1)], asked };
}

const valid = Uint8Array.of(1, 1, 0, 1, 1);
const columns: readonly (readonly [string, Column])[] = [
  ['integers', { kind: 'integer', values: BigInt64Array.of(3n, 300n, 99n, 3n, -1n), valid }],
  ['numbers', { kind: 'number', values: Float64Array.of(3, 300, 99, 3, -1), valid }],
  ['texts', { kind: 'text', values: ['3', '300', '99', '3', '-1'], valid }],
];

it.each(columns)('labels that are %s get their codes, and a null is asked for by nobody', (_, column) => {
  expect(codesOf(column, 5)).toEqual({ codes: [0, 1, -1, 0, 2], asked: ['3', '300', '-1'] });
});

it('a label that is half a number is one of its own', () => {
  const column: Column = { kind: 'number', values: Float64Array.of(1.5, 1, 1.5, -0), valid: undefined };
  expect(codesOf(column, 4)).toEqual({ codes: [0, 1, 0, 2], asked: ['1.5', '1', '0'] });
});
