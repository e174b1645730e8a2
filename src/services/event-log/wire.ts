import type { Socket } from 'node:net';
import { z } from 'zod';
import { HindcastError, type ErrorCode, catalogue, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';

/*
 * Between an appender and the holder of the lock, over a local socket: messages of 4 bytes length (of what follows),
 * 4 bytes request number (both little-endian, unsigned), then the body. A request's body is a frame's payload
 * (event-codec.ts); the answer's is JSON.
 */
const prefixBytes = 8;
const messageBytesMax = limits.frameBytesMax;

export const Answer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('receipt'), firstPosition: z.int(), recordedAt: z.int() }),
  z.strictObject({
    kind: z.literal('error'),
    code: z.string(),
    status: z.int(),
    exitCode: z.int(),
    message: z.string(),
    action: z.string(),
    details: z.record(z.string(), z.unknown()),
  }),
]);
export type Answer = z.infer<typeof Answer>;

export function encodeMessage(request: number, body: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(prefixBytes + body.byteLength);
  message.writeUInt32LE(body.byteLength + 4, 0);
  message.writeUInt32LE(request, 4);
  message.set(body, prefixBytes);
  return message;
}

/** Calls `onMessage` for each whole message that arrives; destroys a socket that sends what is none. */
export function receiveMessages(socket: Socket, onMessage: (request: number, body: Buffer) => void): void {
  let parts: Buffer[] = [];
  let bytes = 0;
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    bytes += part.byteLength;
    while (bytes >= prefixBytes) {
      if (parts.length > 1 && (parts[0]?.byteLength ?? 0) < prefixBytes) parts = [Buffer.concat(parts)];
      const length = parts[0]?.readUInt32LE(0) ?? 0;
      if (length < 4 || length > messageBytesMax) {
        socket.destroy();
        return;
      }
      if (bytes < 4 + length) return;
      const whole = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
      const rest = whole.subarray(4 + length);
      parts = rest.byteLength === 0 ? [] : [rest];
      bytes = rest.byteLength;
      onMessage(whole.readUInt32LE(4), whole.subarray(prefixBytes, 4 + length));
    }
  });
}

/** An error as it is sent; what is not from the catalogue becomes INTERNAL. */
export function errorAnswer(error: unknown): Answer {
  const known =
    error instanceof HindcastError
      ? error
      : errors.INTERNAL({ problem: error instanceof Error ? error.message : String(error) });
  const { code, status, exitCode, message, action, details } = known;
  return { kind: 'error', code, status, exitCode, message, action, details };
}

/** The same error on the other side. */
export function errorFrom(answer: Extract<Answer, { kind: 'error' }>): HindcastError {
  const { code, status, exitCode, message, action, details } = answer;
  if (!isErrorCode(code)) return errors.INTERNAL({ problem: message });
  return new HindcastError({ code, status, exitCode, message, action, details });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}
