/*
 * The wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), as much of it as it takes to exchange some
 * fields of a message and leave all others as they stand, byte for byte.
 */

export interface WireField {
  readonly number: number;
  /** Tag and value as they stand in the message. */
  readonly whole: Uint8Array;
  /** Of a length-delimited field, its content; else empty. */
  readonly value: Uint8Array;
  /** Of a field of whole numbers below 2^53. */
  readonly varint: number | undefined;
}

/** The fields of a message in order; undefined: no message, or bytes that are none. */
export function fieldsOf(message: Uint8Array | undefined): readonly WireField[] | undefined {
  if (message === undefined) return undefined;
  const fields: WireField[] = [];
  let at = 0;
  while (at < message.length) {
    const tag = varintAt(message, at);
    if (tag === undefined) return undefined;
    const field = fieldAt(message, at, tag);
    if (field === undefined) return undefined;
    fields.push(field);
    at += field.whole.length;
  }
  return fields;
}

/**
 * Whether a message has a field of one of these numbers. Makes nothing of the fields on the way, of which a tree ensemble's attributes have
 * hundreds of thousands. False for bytes that are no message.
 */
export function hasField(message: Uint8Array, numbers: readonly number[]): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = message[at];
      if (byte === undefined) return Number.NaN;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if (numbers.includes(Math.floor(tag / 8))) return true;
    const kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      at += length;
    } else return false;
  }
  return false;
}

function fieldAt(message: Uint8Array, from: number, tag: Varint): WireField | undefined {
  const number = Math.floor(tag.value / 8);
  const none: Uint8Array = new Uint8Array();
  const field = (until: number, value = none, varint?: number): WireField | undefined =>
    until > message.length ? undefined : { number, whole: message.subarray(from, until), value, varint };
  switch (tag.value % 8) {
    case 0: {
      const varint = varintAt(message, tag.until);
      return varint === undefined ? undefined : field(varint.until, none, varint.value);
    }
    case 1:
      return field(tag.until + 8);
    case 2: {
      const length = varintAt(message, tag.until);
      if (length === undefined) return undefined;
      const until = length.until + length.value;
      return field(until, message.subarray(length.until, until));
    }
    case 5:
      return field(tag.until + 4);
    default:
      return undefined;
  }
}

interface Varint {
  readonly value: number;
  readonly until: number;
}

function varintAt(bytes: Uint8Array, from: number): Varint | undefined {
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    const byte = bytes[from + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, until: from + index + 1 };
  }
  return undefined;
}

export function varintField(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8), ...varint(value)]);
}

export function lengthDelimited(number: number, value: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.from([...varint(number * 8 + 2), ...varint(value.length)]), value]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80);
  bytes.push(left);
  return bytes;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
