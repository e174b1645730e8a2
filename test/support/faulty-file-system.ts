import {
  type FileSystem,
  type LogFile,
  nodeFileSystem,
} from '../../src/services/event-log/segment-log/file-system.js';

type Operation = 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'syncDirectory' | 'freeBytes';

/** One call that the log made, in order of calls. */
export interface Call {
  readonly operation: Operation;
  readonly path: string;
  readonly index: number;
  /** The thread waits for it. */
  readonly inPlace: boolean;
}

/** `fail`: with this code, after this share of the bytes was written. `short`: only this share is taken, and said so. */
export type Fault =
  | { readonly kind: 'fail'; readonly code: string; readonly doneShare: number }
  | { readonly kind: 'short'; readonly share: number };

/** The real file system, with the faults that `faultFor` asks for. */
export function faultyFileSystem(faultFor: (call: Call) => Fault | undefined): FileSystem & {
  readonly calls: readonly Call[];
} {
  const calls: Call[] = [];

  function meet(operation: Operation, path: string, inPlace = false): Fault | undefined {
    const call = { operation, path, index: calls.length, inPlace };
    calls.push(call);
    return faultFor(call);
  }

  async function run<Result>(
    operation: Operation,
    path: string,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const fault = meet(operation, path);
    if (fault?.kind !== 'fail') return await work();
    if (fault.doneShare === 1) await work();
    throw failure(fault.code, operation);
  }

  function fileOver(file: LogFile, path: string): LogFile {
    return {
      async write(bytes, at) {
        const fault = meet('write', path);
        if (fault === undefined) return await file.write(bytes, at);
        const part = partOf(bytes, fault);
        if (part.length > 0) await file.write(part, at);
        if (fault.kind === 'fail') throw failure(fault.code, 'write');
        return part.length;
      },
      writeNow(bytes, at) {
        const fault = meet('write', path, true);
        if (fault === undefined) return file.writeNow(bytes, at);
        const part = partOf(bytes, fault);
        if (part.length > 0) file.writeNow(part, at);
        if (fault.kind === 'fail') throw failure(fault.code, 'write');
        return part.length;
      },
      sync: async () => await run('sync', path, async () => await file.sync()),
      truncate: async (length) => await run('truncate', path, async () => await file.truncate(length)),
      close: async () => await file.close(),
    };
  }

  return {
    calls,
    async open(path, mode) {
      const file = await nodeFileSystem.open(path, mode);
      try {
        return await run('open', path, async () => fileOver(file, path));
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    rename: async (from, to) => await run('rename', to, async () => await nodeFileSystem.rename(from, to)),
    remove: async (path) => await run('remove', path, async () => await nodeFileSystem.remove(path)),
    syncDirectory: async (path) =>
      await run('syncDirectory', path, async () => await nodeFileSystem.syncDirectory(path)),
    freeBytes: async (path) => await run('freeBytes', path, async () => await nodeFileSystem.freeBytes(path)),
  };
}

function partOf(bytes: Uint8Array, fault: Fault): Uint8Array {
  const wanted = Math.floor(bytes.byteLength * (fault.kind === 'short' ? fault.share : fault.doneShare));
  // A short write that takes nothing would be no progress, which the system never reports.
  return bytes.subarray(0, fault.kind === 'short' ? Math.max(1, wanted) : wanted);
}

function failure(code: string, operation: string): Error {
  return Object.assign(new Error(`${code}: planted, ${operation}`), { code });
}
