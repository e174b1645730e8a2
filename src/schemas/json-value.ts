import { z } from 'zod';

/** What a JSON text can hold. Numbers are IEEE doubles: integers beyond ±2^53 travel as decimal strings. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A plain JSON object, checked at its outermost level only: inputs are kept as received, never copied or reordered. */
export const JsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  { error: 'expected a JSON object of field: value' },
);

/** One value of a declared feature or of a model's output. Floats may be NaN or infinite: models do return them. */
export type Scalar = string | number | boolean | null;
export const Scalar = z.custom<Scalar>(
  (value) =>
    value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
  { error: 'expected a string, a number, a boolean or null' },
);
