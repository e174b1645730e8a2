import type { NameTable } from './name-table.js';
import { decodeNode, encodeNode } from './node.js';
import { decodeNumbers, encodeNumbers, numberKinds } from './number-column.js';
import { type Packed, MalformedPayload, asBytes, asCount, asList } from './packed.js';
import { assertWellFormed } from './well-formed.js';
import { uuidsFromBytes, uuidsToBytes } from './uuid-bytes.js';

/*
 * The values of one field over the rows of a group. A column that is no list is a constant: that value in every
 * row. Otherwise its first item tells the form; 3 to 6 are numbers (number-column.ts).
 */
const kinds = {
  /** [1, name index]: a constant text from the frame's table */
  constantName: 1,
  /** [2, node]: a constant of any kind */
  constantNode: 2,
  /** [7, bytes]: lower-case UUIDs, 16 bytes each */
  uuids: 7,
  /** [8, [scalar…], code bytes]: distinct texts, booleans and null; codes of 1 byte, or 2 past 256 of them */
  dictionary: 8,
  /** [9, [scalar…]]: texts, booleans and null, one a row */
  scalars: 9,
  /** [10, [node…]]: anything, one a row */
  nodes: 10,
  /** [11, bitmap, column]: row i is null when bit (i & 7) of byte (i >> 3) is 0; the column holds the others */
  nullable: 11,
  /** [12, [node…], code bytes]: objects that many rows share; decoded once and frozen */
  sharedNodes: 12,
} as const;

const dictionaryMax = 65_536;

/** Throws LOG_EVENT_INVALID when a value has no form. `values` is not empty and holds no undefined. */
export function encodeColumn(values: readonly unknown[], table: NameTable): Packed {
  let numbers = 0;
  let nulls = 0;
  let objects = 0;
  let texts = 0;
  let constant = true;
  const first = values[0];
  for (const value of values) {
    switch (typeof value) {
      case 'number':
        numbers += 1;
        break;
      case 'string':
        texts += 1;
        break;
      case 'boolean':
        break;
      default:
        if (value === null) nulls += 1;
        else objects += 1;
    }
    if (constant && !Object.is(value, first)) constant = false;
  }
  if (objects === 0 && constant) return encodeConstant(first, values.length, table);
  if (numbers === values.length) return encodeNumbers(values.filter(isNumber));
  if (objects === values.length) return encodeObjects(values, table);
  if (numbers > 0 && numbers + nulls === values.length) return encodeNullable(values, table);
  if (objects > 0 || numbers > 0) {
    return [kinds.nodes, values.map((value) => encodeNode(value, table))];
  }
  return encodeTexts(values, texts === values.length);
}

export function decodeColumn(packed: unknown, count: number, names: readonly string[]): unknown[] {
  if (!Array.isArray(packed)) return constant(decodeNode(packed, names), count);
  const column: readonly unknown[] = packed;
  switch (column[0]) {
    case kinds.constantName: {
      const name = names[asCount(column[1], 'a name')];
      if (name === undefined) throw new MalformedPayload('a name is not in the table');
      return constant(name, count);
    }
    case kinds.constantNode:
      return Array.from({ length: count }, () => decodeNode(column[1], names));
    case numberKinds.integers:
    case numberKinds.doubles:
    case numberKinds.singles:
    case numberKinds.decimals:
      return decodeNumbers(column, count);
    case kinds.uuids:
      return uuidsFromBytes(exactBytes(column[1], count * 16), count);
    case kinds.dictionary:
      return decodeCodes(asList(column[1], 'a dictionary'), column[2], count);
    case kinds.scalars:
      return exactList(column[1], count);
    case kinds.nodes:
      return exactList(column[1], count).map((node) => decodeNode(node, names));
    case kinds.nullable:
      return decodeNullable(column, count, names);
    case kinds.sharedNodes: {
      const nodes = asList(column[1], 'objects').map((node) => deepFreeze(decodeNode(node, names)));
      return decodeCodes(nodes, column[2], count);
    }
    default:
      throw new MalformedPayload(`unknown column form ${String(column[0])}`);
  }
}

/** The constant that a column holds in every row, or undefined when it is no text constant: cheap filtering. */
export function constantText(packed: unknown, names: readonly string[]): string | undefined {
  if (typeof packed === 'string') return packed;
  if (Array.isArray(packed) && packed[0] === kinds.constantName) return names[asCount(packed[1], 'a name')];
  return undefined;
}

/** For objects that are the same for many rows (`provenance`): by identity first, then by content. */
export function encodeSharedObjects(values: readonly unknown[], table: NameTable): Packed {
  const codeOfObject = new Map<unknown, number>();
  const codeOfContent = new Map<string, number>();
  const nodes: Packed[] = [];
  const codes: number[] = [];
  for (const value of values) {
    let code = codeOfObject.get(value);
    if (code === undefined) {
      const node = encodeNode(value, table);
      const content = JSON.stringify(node);
      code = codeOfContent.get(content);
      if (code === undefined) {
        code = nodes.length;
        nodes.push(node);
        codeOfContent.set(content, code);
      }
      codeOfObject.set(value, code);
    }
    codes.push(code);
  }
  if (nodes.length > dictionaryMax) return [kinds.nodes, codes.map((code) => nodes[code] ?? null)];
  return [kinds.sharedNodes, nodes, packCodes(codes, nodes.length)];
}

function encodeConstant(value: unknown, count: number, table: NameTable): Packed {
  if (typeof value !== 'string') {
    const node = encodeNode(value, table);
    return Array.isArray(node) ? [kinds.constantNode, node] : node;
  }
  const uuid = uuidsToBytes([value]);
  if (count === 1 && uuid !== undefined) return [kinds.uuids, uuid];
  return [kinds.constantName, table.indexOf(value)];
}

function encodeObjects(values: readonly unknown[], table: NameTable): Packed {
  return [kinds.nodes, values.map((value) => encodeNode(value, table))];
}

function encodeNullable(values: readonly unknown[], table: NameTable): Packed {
  const bitmap = new Uint8Array((values.length + 7) >> 3);
  const present: unknown[] = [];
  for (let row = 0; row < values.length; row += 1) {
    if (values[row] === null) continue;
    bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) | (1 << (row & 7));
    present.push(values[row]);
  }
  return [kinds.nullable, bitmap, encodeColumn(present, table)];
}

function decodeNullable(column: readonly unknown[], count: number, names: readonly string[]): unknown[] {
  const bitmap = exactBytes(column[1], (count + 7) >> 3);
  let present = 0;
  for (let row = 0; row < count; row += 1) present += ((bitmap[row >> 3] ?? 0) >> (row & 7)) & 1;
  const inner = decodeColumn(column[2], present, names);
  const values: unknown[] = [];
  let next = 0;
  for (let row = 0; row < count; row += 1) {
    if ((((bitmap[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) values.push(null);
    else {
      values.push(inner[next]);
      next += 1;
    }
  }
  return values;
}

function encodeTexts(values: readonly unknown[], onlyTexts: boolean): Packed {
  const uuids = onlyTexts ? uuidsToBytes(values) : undefined;
  if (uuids !== undefined) return [kinds.uuids, uuids];
  const codeOfValue = new Map<unknown, number>();
  const distinct: Packed[] = [];
  const codes: number[] = [];
  // Past half of the rows a dictionary saves nothing; small ones are worth trying whatever their share.
  const distinctMax = Math.min(dictionaryMax, Math.max(16, values.length >> 1));
  for (const value of values) {
    let code = codeOfValue.get(value);
    if (code === undefined) {
      code = distinct.length;
      if (code === distinctMax) return [kinds.scalars, values.map(asScalar)];
      distinct.push(asScalar(value));
      codeOfValue.set(value, code);
    }
    codes.push(code);
  }
  return distinct.length === values.length
    ? [kinds.scalars, distinct]
    : [kinds.dictionary, distinct, packCodes(codes, distinct.length)];
}

function asScalar(value: unknown): Packed {
  if (typeof value === 'string') {
    assertWellFormed(value);
    return value;
  }
  return typeof value === 'boolean' ? value : null;
}

function packCodes(codes: readonly number[], distinct: number): Uint8Array {
  if (distinct <= 256) return Uint8Array.from(codes);
  const bytes = new Uint8Array(codes.length * 2);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < codes.length; row += 1) view.setUint16(row * 2, codes[row] ?? 0, true);
  return bytes;
}

function decodeCodes(distinct: readonly unknown[], packed: unknown, count: number): unknown[] {
  const wide = distinct.length > 256;
  const bytes = exactBytes(packed, wide ? count * 2 : count);
  const values: unknown[] = [];
  for (let row = 0; row < count; row += 1) {
    const code = wide ? (bytes[row * 2] ?? 0) | ((bytes[row * 2 + 1] ?? 0) << 8) : (bytes[row] ?? 0);
    if (code >= distinct.length) throw new MalformedPayload('a code is not in the dictionary');
    values.push(distinct[code]);
  }
  return values;
}

function exactBytes(packed: unknown, length: number): Uint8Array {
  const bytes = asBytes(packed, 'a column');
  if (bytes.byteLength !== length) throw new MalformedPayload('a column has another length than its rows');
  return bytes;
}

function exactList(packed: unknown, count: number): unknown[] {
  const list = asList(packed, 'a column');
  if (list.length !== count) throw new MalformedPayload('a column has another length than its rows');
  return [...list];
}

function constant(value: unknown, count: number): unknown[] {
  return Array.from({ length: count }, () => value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}
