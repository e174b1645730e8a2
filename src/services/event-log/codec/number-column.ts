import type { ByteSink, ByteSource } from './byte-sink.js';
import { type Packed, MalformedPayload, asCount, asNumber } from './packed.js';

/*
 * Numbers of one column, in the smallest of these forms that gives every one of them back bit for bit (NaN apart,
 * which has one form). The numbers themselves stand in the frame's raw bytes, little-endian; widths are 1, 2 or 4.
 */
export const numberKinds = {
  /** [3, base, width]: base + unsigned */
  integers: 3,
  /** [4]: IEEE doubles */
  doubles: 4,
  /** [5]: IEEE singles, when no value loses by it */
  singles: 5,
  /** [6, base, width, digits]: (base + unsigned) / 10^digits, correctly rounded */
  decimals: 6,
} as const;

const spanMax = 2 ** 32;
const powersOfTen = [1, 10, 100, 1_000, 10_000] as const;

export function encodeNumbers(values: readonly number[], sink: ByteSink): Packed {
  return encodeScanned(values, scanNumbers(values), sink);
}

/** What one look at a column tells. `integers`: their span when all are integers that fit. */
export interface NumberScan {
  readonly isConstant: boolean;
  readonly integers: Span | undefined;
}

/** Undefined when a value is no number. */
export function scanNumbers(values: readonly number[]): NumberScan;
export function scanNumbers(values: readonly unknown[]): NumberScan | undefined;
export function scanNumbers(values: readonly unknown[]): NumberScan | undefined {
  const [first] = values;
  let min = Infinity;
  let max = -Infinity;
  let isConstant = true;
  let areIntegers = true;
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row];
    if (typeof value !== 'number') return undefined;
    if (isConstant && !Object.is(value, first)) isConstant = false;
    if (!areIntegers) continue;
    if (!Number.isSafeInteger(value) || (value === 0 && 1 / value < 0)) areIntegers = false;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { isConstant, integers: areIntegers && max - min < spanMax ? { min, max } : undefined };
}

/** As `encodeNumbers`, when the column was looked at already. */
export function encodeScanned(values: readonly number[], { integers }: NumberScan, sink: ByteSink): Packed {
  if (integers !== undefined) {
    const width = widthOf(integers);
    writeIntegers(values, integers.min, width, sink);
    return [numberKinds.integers, integers.min, width];
  }
  const decimals = decimalSpan(values);
  const singles = decimals !== undefined && widthOf(decimals) < 4 ? false : fitSingles(values);
  if (decimals !== undefined && !singles) {
    const width = widthOf(decimals);
    writeDecimals(values, decimals, width, sink);
    return [numberKinds.decimals, decimals.min, width, decimals.digits];
  }
  if (singles) writeSingles(values, sink);
  else writeDoubles(values, sink);
  return [singles ? numberKinds.singles : numberKinds.doubles];
}

export function decodeNumbers(
  packed: readonly unknown[],
  count: number,
  source: ByteSource,
): ArrayLike<number> {
  switch (packed[0]) {
    case numberKinds.integers:
      return readUnsigned(asNumber(packed[1], 'a base'), asCount(packed[2], 'a width'), 1, count, source);
    case numberKinds.decimals: {
      const power = powersOfTen[asCount(packed[3], 'digits')];
      if (power === undefined) throw new MalformedPayload('too many digits');
      return readUnsigned(asNumber(packed[1], 'a base'), asCount(packed[2], 'a width'), power, count, source);
    }
    case numberKinds.singles: {
      const at = source.take(count * 4);
      const values = new Float64Array(count);
      for (let row = 0; row < count; row += 1) values[row] = source.view.getFloat32(at + row * 4, true);
      return values;
    }
    case numberKinds.doubles: {
      const at = source.take(count * 8);
      const values = new Float64Array(count);
      for (let row = 0; row < count; row += 1) values[row] = source.view.getFloat64(at + row * 8, true);
      return values;
    }
    default:
      throw new MalformedPayload(`unknown form of numbers ${String(packed[0])}`);
  }
}

function writeSingles(values: readonly number[], sink: ByteSink): void {
  const { buffer, at } = sink.reserve(values.length * 4);
  for (let row = 0; row < values.length; row += 1) buffer.writeFloatLE(values[row] ?? 0, at + row * 4);
}

function writeDoubles(values: readonly number[], sink: ByteSink): void {
  const { buffer, at } = sink.reserve(values.length * 8);
  for (let row = 0; row < values.length; row += 1) buffer.writeDoubleLE(values[row] ?? 0, at + row * 8);
}

interface Span {
  readonly min: number;
  readonly max: number;
}

interface DecimalSpan extends Span {
  readonly digits: number;
  readonly power: number;
}

/** The fewest digits after the point that every value has; most columns of real numbers have few, or many. */
function decimalSpan(values: readonly number[]): DecimalSpan | undefined {
  let digits = 1;
  for (const value of values) {
    while (!isDecimal(value, powersOfTen[digits] ?? 1)) {
      digits += 1;
      if (digits >= powersOfTen.length) return undefined;
    }
  }
  const power = powersOfTen[digits] ?? 1;
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    // A value may have the form with fewer digits and, by rounding, not with more.
    if (!isDecimal(value, power)) return undefined;
    const scaled = Math.round(value * power);
    if (scaled < min) min = scaled;
    if (scaled > max) max = scaled;
  }
  return max - min < spanMax ? { digits, power, min, max } : undefined;
}

function isDecimal(value: number, power: number): boolean {
  const scaled = Math.round(value * power);
  return scaled / power === value && Number.isSafeInteger(scaled) && !(value === 0 && 1 / value < 0);
}

function fitSingles(values: readonly number[]): boolean {
  for (const value of values) {
    if (Math.fround(value) !== value && !Number.isNaN(value)) return false;
  }
  return true;
}

function widthOf(span: Span): 1 | 2 | 4 {
  const size = span.max - span.min;
  return size < 256 ? 1 : size < 65_536 ? 2 : 4;
}

function writeIntegers(values: readonly number[], base: number, width: 1 | 2 | 4, sink: ByteSink): void {
  const { buffer, at } = sink.reserve(values.length * width);
  if (width === 1) {
    for (let row = 0; row < values.length; row += 1) buffer[at + row] = (values[row] ?? 0) - base;
    return;
  }
  for (let row = 0; row < values.length; row += 1) {
    writeUnsigned(buffer, at + row * width, width, (values[row] ?? 0) - base);
  }
}

function writeDecimals(
  values: readonly number[],
  { power, min }: DecimalSpan,
  width: 1 | 2 | 4,
  sink: ByteSink,
): void {
  const { buffer, at } = sink.reserve(values.length * width);
  for (let row = 0; row < values.length; row += 1) {
    writeUnsigned(buffer, at + row * width, width, Math.round((values[row] ?? 0) * power) - min);
  }
}

function writeUnsigned(buffer: Buffer, at: number, width: 1 | 2 | 4, unsigned: number): void {
  buffer[at] = unsigned;
  if (width === 1) return;
  buffer[at + 1] = unsigned >>> 8;
  if (width === 2) return;
  buffer[at + 2] = unsigned >>> 16;
  buffer[at + 3] = unsigned >>> 24;
}

function readUnsigned(
  base: number,
  width: number,
  power: number,
  count: number,
  source: ByteSource,
): ArrayLike<number> {
  if (width !== 1 && width !== 2 && width !== 4) throw new MalformedPayload(`numbers of ${width} bytes`);
  const at = source.take(count * width);
  const { bytes, view } = source;
  // Small integers keep the form that the engine has for them, in an array of their own kind.
  const small = power === 1 && width < 4 && base >= -(2 ** 30) && base < 2 ** 30;
  const values = small ? new Int32Array(count) : new Float64Array(count);
  for (let row = 0; row < count; row += 1) {
    const unsigned =
      width === 1
        ? (bytes[at + row] ?? 0)
        : width === 2
          ? view.getUint16(at + row * 2, true)
          : view.getUint32(at + row * 4, true);
    values[row] = power === 1 ? base + unsigned : (base + unsigned) / power;
  }
  return values;
}
