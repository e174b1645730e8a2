import { chmod, rm } from 'node:fs/promises';
import { type Socket, createServer } from 'node:net';
import { NewEvent, type StoredEvent } from '../../schemas/events.js';
import { errors } from '../platform/errors.js';
import { decodeEvents } from './event-codec.js';
import type { EventAppender } from './event-log.js';
import { type Answer, encodeMessage, errorAnswer, receiveMessages } from './wire.js';

/** Takes events from other processes of the same user, for the holder of the lock. */
export async function serveAppends(options: {
  readonly socketPath: string;
  readonly log: EventAppender;
  /** Awaited before the answer. */
  readonly onForeignAppend: (events: readonly StoredEvent[]) => Promise<void> | void;
}): Promise<{ close(): Promise<void> }> {
  const { socketPath, log, onForeignAppend } = options;
  const sockets = new Set<Socket>();
  const answering = new Set<Promise<void>>();

  async function answer(socket: Socket, request: number, body: Buffer): Promise<void> {
    const text = JSON.stringify(await appendForeign(body, log, onForeignAppend));
    if (!socket.destroyed) socket.write(encodeMessage(request, Buffer.from(text)));
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away needs no answer; its events are stored all the same.
    socket.on('error', () => socket.destroy());
    receiveMessages(socket, (request, body) => {
      const work = answer(socket, request, body).finally(() => answering.delete(work));
      answering.add(work);
    });
  });
  // A socket file of a process that is gone; the lock is ours.
  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.off('error', reject);
      resolve();
    });
  });
  await chmod(socketPath, 0o600);

  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(answering);
      for (const socket of sockets) socket.end(() => socket.destroy());
      await closed;
      await rm(socketPath, { force: true });
    },
  };
}

async function appendForeign(
  body: Buffer,
  log: EventAppender,
  onForeignAppend: (events: readonly StoredEvent[]) => Promise<void> | void,
): Promise<Answer> {
  try {
    const events = decodeEvents(body, { firstPosition: 0, recordedAt: 0 }).map(asNewEvent);
    const { firstPosition, recordedAt } = await log.append(events);
    await onForeignAppend(
      events.map((event, index) => ({ ...event, position: firstPosition + index, recordedAt })),
    );
    return { kind: 'receipt', firstPosition, recordedAt };
  } catch (error) {
    return errorAnswer(error);
  }
}

/** Without what the decoder adds; the log gives the true ones. */
function asNewEvent({ position: _position, recordedAt: _recordedAt, ...event }: StoredEvent): NewEvent {
  const parsed = NewEvent.safeParse(event);
  if (parsed.success) return parsed.data;
  throw errors.LOG_EVENT_INVALID({ problem: parsed.error.issues[0]?.message ?? 'not an event' });
}
