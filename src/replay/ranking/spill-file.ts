import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errors } from '../../services/platform/errors.js';
import { newId } from '../../services/platform/new-id.js';
import type { Spill } from './spill.js';

/**
 * A file of its own in `directory`, made when it is first needed. Its name is taken away at once, so that the space is given back however
 * the process ends. Calls are synchronous: bytes go to the page cache, in pieces of some ten
 * kilobytes.
 */
export function spillFile(directory: string): Spill {
  const pieces: { readonly at: number; readonly length: number }[] = [];
  const path = join(directory, `tmp-scores-${newId()}`);
  let fileBytes = 0;
  let file: number | undefined;

  const opened = (): number => {
    if (file !== undefined) return file;
    mkdirSync(directory, { recursive: true });
    file = openSync(path, 'wx+');
    rmSync(path);
    return file;
  };
  return {
    put: (bytes) => {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(opened(), bytes, written, bytes.length - written, fileBytes + written);
      }
      pieces.push({ at: fileBytes, length: bytes.length });
      fileBytes += bytes.length;
      return pieces.length - 1;
    },
    get: (number) => {
      const piece = pieces[number];
      if (piece === undefined) throw errors.INTERNAL({ problem: `nothing was put aside as ${number}` });
      const bytes = new Uint8Array(piece.length);
      for (let read = 0; read < piece.length;) {
        const count = readSync(opened(), bytes, read, piece.length - read, piece.at + read);
        if (count === 0) throw errors.INTERNAL({ problem: `${path} ends before what was put into it` });
        read += count;
      }
      return bytes;
    },
    close: () => {
      pieces.length = 0;
      if (file === undefined) return;
      closeSync(file);
      file = undefined;
    },
  };
}
