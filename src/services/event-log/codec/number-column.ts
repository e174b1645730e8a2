import { type Packed, MalformedPayload, asBytes, asCount, asNumber } from './packed.js';

/*
 * Numbers of one column, in the smallest of these forms that gives every one of them back bit for bit (NaN apart,
 * which has one form). Widths are 1, 2 or 4 bytes; all little-endian.
 */
export const numberKinds = {
  /** [3, base, width, bytes]: base + unsigned */
  integers: 3,
  /** [4, bytes]: IEEE doubles */
  doubles: 4,
  /** [5, bytes]: IEEE singles, when no value loses by it */
  singles: 5,
  /** [6, digits, base, width, bytes]: (base + unsigned) / 10^digits, correctly rounded */
  decimals: 6,
} as const;

const spanMax = 2 ** 32;
const powersOfTen = [1, 10, 100, 1_000, 10_000];

export function encodeNumbers(values: readonly number[]): Packed {
  const integers = integerSpan(values);
  if (integers !== undefined) {
    return [numberKinds.integers, integers.min, ...packUnsigned(values, 1, integers)];
  }
  const decimals = decimalForm(values);
  if (decimals !== undefined && (widthOf(decimals) < 4 || !fitSingles(values))) {
    return [
      numberKinds.decimals,
      decimals.digits,
      decimals.min,
      ...packUnsigned(values, powersOfTen[decimals.digits] ?? 1, decimals),
    ];
  }
  return fitSingles(values) ? encodeSingles(values) : encodeDoubles(values);
}

export function decodeNumbers(packed: readonly unknown[], count: number): number[] {
  switch (packed[0]) {
    case numberKinds.integers:
      return unpackUnsigned(asBytes(packed[3], 'integers'), asCount(packed[2], 'a width'), count, {
        base: asNumber(packed[1], 'a base'),
        divisor: 1,
      });
    case numberKinds.decimals:
      return unpackUnsigned(asBytes(packed[4], 'decimals'), asCount(packed[3], 'a width'), count, {
        base: asNumber(packed[2], 'a base'),
        divisor: powersOfTen[asCount(packed[1], 'digits')] ?? Number.NaN,
      });
    case numberKinds.singles: {
      const view = viewOf(asBytes(packed[1], 'singles'), count, 4);
      const values: number[] = [];
      for (let row = 0; row < count; row += 1) values.push(view.getFloat32(row * 4, true));
      return values;
    }
    case numberKinds.doubles: {
      const view = viewOf(asBytes(packed[1], 'doubles'), count, 8);
      const values: number[] = [];
      for (let row = 0; row < count; row += 1) values.push(view.getFloat64(row * 8, true));
      return values;
    }
    default:
      throw new MalformedPayload(`unknown form of numbers ${String(packed[0])}`);
  }
}

interface Span {
  readonly min: number;
  readonly max: number;
}

function integerSpan(values: readonly number[]): Span | undefined {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (!Number.isSafeInteger(value) || (value === 0 && 1 / value < 0)) return undefined;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return max - min < spanMax ? { min, max } : undefined;
}

function decimalForm(values: readonly number[]): (Span & { readonly digits: number }) | undefined {
  let digits = 1;
  for (const value of values) {
    // Most real numbers have few decimals or many; the first value that has many ends the search.
    while (!isDecimal(value, digits)) {
      digits += 1;
      if (digits >= powersOfTen.length) return undefined;
    }
  }
  const power = powersOfTen[digits] ?? 1;
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (!isDecimal(value, digits)) return undefined;
    const scaled = Math.round(value * power);
    if (scaled < min) min = scaled;
    if (scaled > max) max = scaled;
  }
  return max - min < spanMax ? { digits, min, max } : undefined;
}

function isDecimal(value: number, digits: number): boolean {
  const power = powersOfTen[digits] ?? 1;
  const scaled = Math.round(value * power);
  return scaled / power === value && Number.isSafeInteger(scaled) && !(value === 0 && 1 / value < 0);
}

function fitSingles(values: readonly number[]): boolean {
  for (const value of values) {
    if (Math.fround(value) !== value && value === value) return false;
  }
  return true;
}

function widthOf(span: Span): 1 | 2 | 4 {
  const size = span.max - span.min;
  return size < 256 ? 1 : size < 65_536 ? 2 : 4;
}

function packUnsigned(values: readonly number[], power: number, span: Span): [number, Uint8Array] {
  const width = widthOf(span);
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const value of values) {
    const unsigned = (power === 1 ? value : Math.round(value * power)) - span.min;
    if (width === 1) bytes[at] = unsigned;
    else if (width === 2) view.setUint16(at, unsigned, true);
    else view.setUint32(at, unsigned, true);
    at += width;
  }
  return [width, bytes];
}

function unpackUnsigned(
  bytes: Uint8Array,
  width: number,
  count: number,
  { base, divisor }: { base: number; divisor: number },
): number[] {
  const view = viewOf(bytes, count, width);
  const values: number[] = [];
  for (let row = 0; row < count; row += 1) {
    const unsigned =
      width === 1
        ? (bytes[row] ?? 0)
        : width === 2
          ? view.getUint16(row * 2, true)
          : view.getUint32(row * 4, true);
    values.push(divisor === 1 ? base + unsigned : (base + unsigned) / divisor);
  }
  return values;
}

function encodeSingles(values: readonly number[]): Packed {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < values.length; row += 1) view.setFloat32(row * 4, values[row] ?? 0, true);
  return [numberKinds.singles, bytes];
}

function encodeDoubles(values: readonly number[]): Packed {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < values.length; row += 1) view.setFloat64(row * 8, values[row] ?? 0, true);
  return [numberKinds.doubles, bytes];
}

function viewOf(bytes: Uint8Array, count: number, width: number): DataView {
  if ((width !== 1 && width !== 2 && width !== 4 && width !== 8) || bytes.byteLength !== count * width) {
    throw new MalformedPayload('a column has another length than its rows');
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
