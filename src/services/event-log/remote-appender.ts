import { type Socket, connect } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { NewEvent } from '../../schemas/events.js';
import type { Clock } from '../platform/clock.js';
import { HindcastError, errors } from '../platform/errors.js';
import { encodeEvents } from './event-codec.js';
import type { AppendReceipt, EventAppender } from './event-log.js';
import { openSegmentLog } from './segment-log/segment-log.js';
import { validateEvents } from './validate-events.js';
import { Answer, encodeMessage, errorFrom, receiveMessages } from './wire.js';
import { findLockHolder } from './writer-lock.js';

/** `via`: whether this process holds the log itself, or sends its events to the one that does. */
export type Appender = EventAppender & {
  readonly via: 'lock' | 'socket';
  close(): Promise<void>;
};

const connectAttemptsMax = 100;
const connectPauseMs = 20;

/**
 * Something that takes events for the log in a folder, whoever holds it: the log itself when nobody does (it is
 * made when there is none), else a connection to the process that does. Throws LOG_IN_USE when that one does not
 * answer. Appends through a connection that breaks are rejected with LOG_WRITE_FAILED: they may have been stored.
 */
export async function openAppender(options: {
  readonly directory: string;
  readonly clock: Clock;
}): Promise<Appender> {
  const directory = resolve(options.directory);
  // The holder may be just starting (no socket yet) or just ending (lock free in a moment).
  for (let attempt = 1; ; attempt += 1) {
    try {
      const log = await openSegmentLog({ directory, clock: options.clock });
      return {
        via: 'lock',
        append: async (events) => await log.append(events),
        close: async () => await log.close(),
      };
    } catch (error) {
      if (!(error instanceof HindcastError && error.code === 'LOG_IN_USE')) throw error;
      const holder = await findLockHolder(directory);
      const socket = holder === undefined ? undefined : await tryConnect(holder.socketPath);
      if (socket !== undefined) return appendThrough(socket);
      if (attempt === connectAttemptsMax) throw error;
    }
    await delay(connectPauseMs);
  }
}

async function tryConnect(path: string): Promise<Socket | undefined> {
  return await new Promise((done, fail) => {
    const socket = connect(path);
    const refused = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') done(undefined);
      else fail(error);
    };
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      done(socket);
    });
  });
}

function appendThrough(socket: Socket): Appender {
  interface Pending {
    readonly settle: (answer: AppendReceipt) => void;
    readonly fail: (reason: unknown) => void;
  }
  const pending = new Map<number, Pending>();
  let requests = 0;
  let ended: HindcastError | undefined;

  const end = (problem: string, cause?: unknown) => {
    ended ??= errors.LOG_WRITE_FAILED({ problem }, cause);
    for (const { fail } of pending.values()) fail(ended);
    pending.clear();
  };
  socket.on('error', (error) => end('the process that holds the log went away', error));
  socket.on('close', () => end('the process that holds the log closed the connection'));
  receiveMessages(socket, (request, body) => {
    const waiting = pending.get(request);
    pending.delete(request);
    const answer = Answer.parse(JSON.parse(body.toString('utf8')));
    if (answer.kind === 'error') waiting?.fail(errorFrom(answer));
    else waiting?.settle({ firstPosition: answer.firstPosition, recordedAt: answer.recordedAt });
  });

  return {
    via: 'socket',
    async append(events: readonly NewEvent[]): Promise<AppendReceipt> {
      if (ended !== undefined) throw ended;
      if (events.length === 0) throw errors.LOG_EVENT_INVALID({ problem: 'an append holds no event' });
      validateEvents(events);
      const payload = encodeEvents(events);
      requests = (requests + 1) % 2 ** 32;
      const request = requests;
      return await new Promise((settle, fail) => {
        pending.set(request, { settle, fail });
        socket.write(encodeMessage(request, payload));
      });
    },
    async close() {
      ended ??= errors.LOG_CLOSED({});
      await new Promise<void>((done) => {
        if (socket.destroyed) done();
        else {
          socket.once('close', () => done());
          socket.end(() => socket.destroy());
        }
      });
    },
  };
}
