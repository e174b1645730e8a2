import { expect, it } from 'vitest';
import { codedInput, withCodedStrings } from '../../../src/services/inference/coded-strings.js';
import {
  concatBytes,
  fieldsOf,
  hasField,
  lengthDelimited,
  textOf,
  varintField,
} from '../../../src/services/inference/protobuf-wire.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const encoder = (input: string, ...more: readonly Uint8Array[]): Uint8Array =>
  lengthDelimited(
    1,
    concatBytes([
      lengthDelimited(1, bytes(input)),
      lengthDelimited(2, bytes('encoded')),
      lengthDelimited(4, bytes('LabelEncoder')),
      ...more,
    ]),
  );
/** One string input of shape [rows, 1], and some nodes. */
const modelOf = (...nodes: readonly Uint8Array[]): Uint8Array => {
  const shape = concatBytes([
    lengthDelimited(1, lengthDelimited(2, bytes('rows'))),
    lengthDelimited(1, varintField(1, 1)),
  ]);
  const tensor = concatBytes([varintField(1, 8), lengthDelimited(2, shape)]);
  const input = concatBytes([
    lengthDelimited(1, bytes('text')),
    lengthDelimited(2, lengthDelimited(1, tensor)),
  ]);
  return concatBytes([
    varintField(1, 8),
    lengthDelimited(7, concatBytes([...nodes, lengthDelimited(11, input)])),
    lengthDelimited(8, varintField(2, 18)),
  ]);
};
/** Operator, inputs and output of each node, in order. */
const nodesOf = (model: Uint8Array | undefined): readonly string[] => {
  const graph = fieldsOf(model)?.find(({ number }) => number === 7)?.value;
  const nodes = fieldsOf(graph)?.filter(({ number }) => number === 1) ?? [];
  return nodes.map(({ value }) => {
    const parts = fieldsOf(value) ?? [];
    const named = (wanted: number) =>
      parts.filter(({ number }) => number === wanted).map((part) => textOf(part.value));
    return `${named(4).join()}(${named(1).join(', ')}) → ${named(2).join()}`;
  });
};
const { codes, dictionary } = codedInput('text');

it('encodes the dictionary where an encoder alone takes the strings, and gathers what it gives', () => {
  expect(nodesOf(withCodedStrings(modelOf(encoder('text')), ['text']))).toEqual([
    `LabelEncoder(${dictionary}) → encoded/hindcast-of-dictionary`,
    `Gather(encoded/hindcast-of-dictionary, ${codes}) → encoded`,
  ]);
});

it('gathers the strings before everything else where several nodes take them', () => {
  const nodes = [encoder('text'), encoder('text')];
  expect(nodesOf(withCodedStrings(modelOf(...nodes), ['text']))).toEqual([
    `Gather(${dictionary}, ${codes}) → text`,
    'LabelEncoder(text) → encoded',
    'LabelEncoder(text) → encoded',
  ]);
});

it('gathers the strings where a graph inside a node might take them too', () => {
  const inner = lengthDelimited(5, lengthDelimited(6, lengthDelimited(2, bytes('inner'))));
  expect(nodesOf(withCodedStrings(modelOf(encoder('text', inner)), ['text']))[0]).toBe(
    `Gather(${dictionary}, ${codes}) → text`,
  );
});

it('leaves a model alone that imports no operators of the default domain', () => {
  const [version, graph] = fieldsOf(modelOf(encoder('text'))) ?? [];
  const other = lengthDelimited(8, lengthDelimited(1, bytes('ai.onnx.ml')));
  const model = concatBytes([version!.whole, graph!.whole, other]);
  expect(withCodedStrings(model, ['text'])).toBeUndefined();
});

it('finds a field behind others of every kind, and none in bytes that end too early', () => {
  const fixed = concatBytes([
    Uint8Array.of(3 * 8 + 1, ...bytes('12345678')),
    Uint8Array.of(4 * 8 + 5, 1, 2, 3, 4),
  ]);
  const message = concatBytes([
    varintField(1, 300),
    fixed,
    lengthDelimited(2, bytes('text')),
    varintField(9, 1),
  ]);
  expect(hasField(message, [9])).toBe(true);
  expect(hasField(message, [8, 10])).toBe(false);
  expect(hasField(message.subarray(0, -2), [9])).toBe(false);
  expect(fieldsOf(message)?.map(({ number }) => number)).toEqual([1, 3, 4, 2, 9]);
  expect(fieldsOf(message.subarray(0, -1))).toBeUndefined();
});
