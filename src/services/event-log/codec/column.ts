import type { ByteSink, ByteSource } from './byte-sink.js';
import { distinctMax, readCodes, writeCodes } from './codes.js';
import type { NameTable } from './name-table.js';
import { decodeNode, encodeNode } from './node.js';
import { type NumberScan, decodeNumbers, encodeScanned, numberKinds, scanNumbers } from './number-column.js';
import { type Packed, MalformedPayload, asCount, asList } from './packed.js';
import { shareObjects } from './shared-objects.js';
import { decodeUuids, encodeUuids } from './uuid-bytes.js';
import { assertWellFormed } from './well-formed.js';

/*
 * The values of one field over the rows of a group. A column that is no list is a constant: that value in every
 * row. Otherwise its first item tells the form; 3 to 6 are numbers (number-column.ts). What is said to be raw
 * stands in the frame's raw bytes, each column's after the one's before it.
 */
const kinds = {
  /** [1, name index]: a constant text from the frame's table */
  constantName: 1,
  /** [2, node]: a constant of any kind */
  constantNode: 2,
  /** [7]: lower-case UUIDs, 16 raw bytes each */
  uuids: 7,
  /** [8, scalar…]: distinct texts, booleans and null; raw codes of 1 byte, or 2 (little-endian) past 256 of them */
  dictionary: 8,
  /** [9, scalar…]: texts, booleans and null, one a row */
  scalars: 9,
  /** [10, node…]: anything, one a row */
  nodes: 10,
  /** [11, column]: row i is null when bit (i & 7) of raw byte (i >> 3) is 0; the column, after it, holds the others */
  nullable: 11,
  /** [12, node…]: objects that many rows share, with raw codes as for a dictionary; decoded once and frozen */
  sharedNodes: 12,
} as const;

/** What encoding a frame shares between its columns. */
export interface EncodeTarget {
  readonly table: NameTable;
  readonly sink: ByteSink;
}

/** What decoding a frame shares between its columns. */
export interface DecodeSource {
  readonly names: readonly string[];
  readonly source: ByteSource;
}

/** Throws LOG_EVENT_INVALID when a value has no form. `values` is not empty and holds no undefined. */
export function encodeColumn(values: readonly unknown[], target: EncodeTarget): Packed {
  const [first] = values;
  if (typeof first === 'number') {
    const scan = scanNumbers(values);
    if (scan !== undefined && areNumbers(values, scan)) {
      return scan.isConstant
        ? encodeConstant(first, values, target)
        : encodeScanned(values, scan, target.sink);
    }
  } else if (typeof first === 'string') {
    if (isConstant(values, first)) return encodeConstant(first, values, target);
    const packed = encodeTexts(values, target);
    if (packed !== undefined) return packed;
  } else if (typeof first !== 'object' && isConstant(values, first)) {
    return encodeConstant(first, values, target);
  }
  const found = countKinds(values);
  if (found.nulls === values.length) return null;
  if (found.numbers > 0 && found.numbers + found.nulls === values.length)
    return encodeNullable(values, target);
  if (found.numbers > 0 || found.others > 0) {
    return [kinds.nodes, ...values.map((value) => encodeNode(value, target.table))];
  }
  return encodeTexts(values, target) ?? null;
}

export function decodeColumn(packed: unknown, count: number, from: DecodeSource): ArrayLike<unknown> {
  if (!Array.isArray(packed)) return constant(decodeNode(packed, from.names), count);
  const column: readonly unknown[] = packed;
  switch (column[0]) {
    case kinds.constantName: {
      const name = from.names[asCount(column[1], 'a name')];
      if (name === undefined) throw new MalformedPayload('a name is not in the table');
      return constant(name, count);
    }
    case kinds.constantNode:
      return constant(decodeNode(column[1], from.names), count);
    case numberKinds.integers:
    case numberKinds.doubles:
    case numberKinds.singles:
    case numberKinds.decimals:
      return decodeNumbers(column, count, from.source);
    case kinds.uuids:
      return decodeUuids(count, from.source);
    case kinds.dictionary:
      return readCodes(column.slice(1), count, from.source);
    case kinds.scalars:
      return exactRows(column, count);
    case kinds.nodes:
      return exactRows(column, count).map((node) => decodeNode(node, from.names));
    case kinds.nullable:
      return decodeNullable(column[1], count, from);
    case kinds.sharedNodes: {
      const nodes = column.slice(1).map((node) => deepFreeze(decodeNode(node, from.names)));
      return readCodes(nodes, count, from.source);
    }
    default:
      throw new MalformedPayload(`unknown column form ${String(column[0])}`);
  }
}

/** The text that a column holds in every row, or undefined when it is no constant text: cheap filtering. */
export function constantText(packed: unknown, names: readonly string[]): string | undefined {
  if (typeof packed === 'string') return packed;
  if (Array.isArray(packed) && packed[0] === kinds.constantName) return names[asCount(packed[1], 'a name')];
  return undefined;
}

/** As `encodeColumn` for one row, whose texts need no place in the table. */
export function encodeLoneValue(value: unknown, target: EncodeTarget): Packed {
  if (typeof value === 'string') {
    if (encodeUuids([value], target.sink)) return [kinds.uuids];
    assertWellFormed(value);
    return [kinds.scalars, value];
  }
  const node = encodeNode(value, target.table);
  return Array.isArray(node) ? [kinds.constantNode, node] : node;
}

/** For objects that are the same for many rows (`provenance`): each stored once. */
export function encodeSharedObjects(values: readonly unknown[], target: EncodeTarget): Packed {
  const { nodes, codes } = shareObjects(values, target.table);
  if (nodes.length > distinctMax) return [kinds.nodes, ...codes.map((code) => nodes[code] ?? null)];
  writeCodes(codes, nodes.length, target.sink);
  return [kinds.sharedNodes, ...nodes];
}

function encodeConstant(value: unknown, values: readonly unknown[], target: EncodeTarget): Packed {
  if (typeof value !== 'string') {
    const node = encodeNode(value, target.table);
    return Array.isArray(node) ? [kinds.constantNode, node] : node;
  }
  if (values.length === 1 && encodeUuids(values, target.sink)) return [kinds.uuids];
  return [kinds.constantName, target.table.indexOf(value)];
}

function encodeNullable(values: readonly unknown[], target: EncodeTarget): Packed {
  const { buffer, at } = target.sink.reserve((values.length + 7) >> 3);
  buffer.fill(0, at, at + ((values.length + 7) >> 3));
  const present: unknown[] = [];
  for (let row = 0; row < values.length; row += 1) {
    if (values[row] === null) continue;
    buffer[at + (row >> 3)] = (buffer[at + (row >> 3)] ?? 0) | (1 << (row & 7));
    present.push(values[row]);
  }
  return [kinds.nullable, encodeColumn(present, target)];
}

function decodeNullable(inner: unknown, count: number, from: DecodeSource): unknown[] {
  const at = from.source.take((count + 7) >> 3);
  const isPresent = (row: number) => (((from.source.bytes[at + (row >> 3)] ?? 0) >> (row & 7)) & 1) === 1;
  let present = 0;
  for (let row = 0; row < count; row += 1) if (isPresent(row)) present += 1;
  const column = decodeColumn(inner, present, from);
  const values: unknown[] = [];
  let next = 0;
  for (let row = 0; row < count; row += 1) {
    if (isPresent(row)) {
      values.push(column[next]);
      next += 1;
    } else values.push(null);
  }
  return values;
}

/** Texts, booleans and null; undefined when there is something else. */
function encodeTexts(values: readonly unknown[], target: EncodeTarget): Packed | undefined {
  if (encodeUuids(values, target.sink)) return [kinds.uuids];
  const codeOfValue = new Map<unknown, number>();
  const distinct: Packed[] = [];
  const codes: number[] = [];
  // Past half of the rows a dictionary saves nothing; small ones are worth trying whatever their share.
  const most = Math.min(distinctMax, Math.max(16, values.length >> 1));
  // When so many are all different, the others are taken to be: keys and the like need no look at each of them.
  const firstDistinct = values.length > 256 ? 128 : 16;
  for (const value of values) {
    let code = codeOfValue.get(value);
    if (code === undefined) {
      code = distinct.length;
      if (code === most || (code === firstDistinct && codes.length === code)) return encodeScalars(values);
      if (!isScalar(value)) return undefined;
      distinct.push(value);
      codeOfValue.set(value, code);
    }
    codes.push(code);
  }
  if (distinct.length === values.length) return [kinds.scalars, ...distinct];
  writeCodes(codes, distinct.length, target.sink);
  return [kinds.dictionary, ...distinct];
}

function encodeScalars(values: readonly unknown[]): Packed | undefined {
  const packed: Packed[] = [kinds.scalars];
  for (const value of values) {
    if (!isScalar(value)) return undefined;
    packed.push(value);
  }
  return packed;
}

/** Throws LOG_EVENT_INVALID for a text with a lone surrogate. */
function isScalar(value: unknown): value is string | boolean | null {
  if (typeof value === 'string') assertWellFormed(value);
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

function isConstant(values: readonly unknown[], first: unknown): boolean {
  for (const value of values) if (!Object.is(value, first)) return false;
  return true;
}

/** `scan`: of these values, which found nothing but numbers. */
function areNumbers(values: readonly unknown[], scan: NumberScan | undefined): values is readonly number[] {
  return values.length > 0 && scan !== undefined;
}

function countKinds(values: readonly unknown[]): { numbers: number; nulls: number; others: number } {
  let numbers = 0;
  let nulls = 0;
  let others = 0;
  for (const value of values) {
    if (typeof value === 'number') numbers += 1;
    else if (value === null) nulls += 1;
    else if (typeof value !== 'string' && typeof value !== 'boolean') others += 1;
  }
  return { numbers, nulls, others };
}

function exactRows(column: readonly unknown[], count: number): unknown[] {
  if (column.length !== count + 1) throw new MalformedPayload('a column has another length than its rows');
  return asList(column, 'a column').slice(1);
}

function constant(value: unknown, count: number): unknown[] {
  const values: unknown[] = [];
  for (let row = 0; row < count; row += 1) values.push(value);
  return values;
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}
