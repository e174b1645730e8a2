import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';

export const idempotencyHeader = 'idempotency-key';

/**
 * The digest under which a request with an Idempotency-Key is recorded: of the key, scoped to the model and to the
 * Authorization header as it was sent, so that nobody is given what another one asked. Throws IDEMPOTENCY_KEY_INVALID.
 */
export function idempotencyDigest(request: IncomingMessage, model: string): string {
  const key = onlyKey(request.rawHeaders);
  return shortDigest(JSON.stringify([request.headers.authorization ?? null, model, key]));
}

/** The first 122 bits of a SHA-256, written as a UUID of version 8 (RFC 9562, 5.8). */
export function shortDigest(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3] ?? '8';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** From the raw headers, since Node joins repeated ones into a single text. */
function onlyKey(rawHeaders: readonly string[]): string {
  const keys = rawHeaders.filter(
    (_text, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === idempotencyHeader,
  );
  const [key = ''] = keys;
  const problem =
    keys.length > 1
      ? `stands ${keys.length} times in the request`
      : key === ''
        ? 'is empty'
        : key.length > limits.idempotencyKeyCharactersMax
          ? `has ${key.length} characters`
          : /^[\x21-\x7e]+$/.test(key)
            ? undefined
            : 'holds a space or a character outside ASCII';
  if (problem === undefined) return key;
  throw errors.IDEMPOTENCY_KEY_INVALID({ problem, charactersMax: limits.idempotencyKeyCharactersMax });
}
