import type { Scalar } from '../schemas/json-value.js';
import type { SqlValue } from '../projections/duckdb/open-duckdb.js';

/** A foreign table's value as JSON has it: 64-bit integers beyond 2^53 become decimal text, so that no digit is lost. */
export function foreignScalar(value: SqlValue | undefined): Scalar {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

/** Microseconds UTC of a timestamp (micros in a bigint), an ISO text (UTC without an offset), or seconds since 1970. */
export function foreignInstant(value: SqlValue | undefined): number | undefined {
  // Nothing that is logged happened before 1973 in microseconds, nor after the year 5138 in seconds.
  if (typeof value === 'bigint') return value > 100_000_000_000n ? Number(value) : Number(value) * 1_000_000;
  if (typeof value === 'number') return Math.round(value * 1_000_000);
  if (typeof value !== 'string') return undefined;
  const hasZone = /(?:z|[+-]\d{2}:?\d{2})$/i.test(value);
  const millis = Date.parse(hasZone ? value : `${value.replace(' ', 'T')}Z`);
  return Number.isNaN(millis) ? undefined : millis * 1000;
}
