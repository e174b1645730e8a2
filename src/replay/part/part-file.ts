import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { Scalar } from '../../schemas/json-value.js';
import { GateFile } from '../../schemas/gate-file.js';
import { errors, type HindcastError } from '../../services/platform/errors.js';
import { ReplayExpectation } from '../report/report-schema.js';
import { decodeState, encodeState } from './state-codec.js';
import { ReplayPart } from './replay-part.js';

/** What was asked for, the same in every part. */
const PartRequest = z.strictObject({
  /** `name@version`. */
  model: z.string(),
  control: z.string(),
  /** Microseconds UTC. */
  fromMicros: z.int(),
  untilMicros: z.int(),
  knownUntil: z.int().optional(),
  expect: ReplayExpectation,
  sample: z.int().optional(),
  seed: z.int(),
  where: z.string().optional(),
  /** Path of the gate file as it was given, and what it said. */
  gates: z.string().optional(),
  gateFile: GateFile.optional(),
  missingFeature: z.enum(['fail', 'null', 'default']),
  set: z.record(z.string(), Scalar).optional(),
  slices: z.array(z.string()).optional(),
});
export type PartRequest = z.infer<typeof PartRequest>;

/** What the record said when the part was made: parts that differ in it do not fit together. */
const PartRecord = z.strictObject({
  rows: z.int(),
  rowsWithTruth: z.int(),
  ignored: z.int(),
  lastPosition: z.int().optional(),
  knownUntil: z.int().optional(),
  candidateDigest: z.string(),
  controlDigest: z.string().optional(),
});
export type PartRecord = z.infer<typeof PartRecord>;

export const PartHeader = z.strictObject({
  /** The release that wrote it: what is in a part is its own. */
  hindcast: z.string(),
  /** `index` of 1 to `of`. */
  shard: z.strictObject({ index: z.int(), of: z.int() }),
  request: PartRequest,
  record: PartRecord,
  scoreChunks: z.int(),
});
export type PartHeader = z.infer<typeof PartHeader>;

const Contents = z.strictObject({ header: PartHeader, part: ReplayPart });

/*
 * A part on disk:
 *
 *   hindcast replay part 1\n
 *   length of the text that follows, in bytes, as 8 decimal digits or more, \n
 *   header and part as JSON (state-codec.ts)
 *   score chunks (ranking/score-chunk.ts), each behind its length in 4 bytes, little-endian
 *   SHA-256 of everything before, 32 bytes
 */
const magic = 'hindcast replay part 1\n';
const digestBytes = 32;

/** Written aside and renamed, so that a file by this name is whole. */
export async function writePartFile(
  path: string,
  contents: { readonly header: PartHeader; readonly part: ReplayPart },
  scores: Iterable<Uint8Array>,
): Promise<void> {
  const aside = `${path}.writing`;
  const file = await open(aside, 'w');
  const hash = createHash('sha256');
  const write = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    await file.writeFile(bytes);
  };
  try {
    const text = Buffer.from(encodeState(contents));
    await write(Buffer.from(`${magic}${String(text.length).padStart(8, '0')}\n`));
    await write(text);
    for (const chunk of scores) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(chunk.length);
      await write(length);
      await write(chunk);
    }
    await file.writeFile(hash.digest());
    await file.sync();
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(aside, path);
}

/**
 * Reads a part, and hands its score chunks to `onScores` in order. Throws REPLAY_PART_INVALID for a file that is no part, is damaged,
 * or was written by another release than `hindcast`.
 */
export async function readPartFile(
  path: string,
  hindcast: string,
  onScores?: (chunk: Uint8Array) => void,
): Promise<{ readonly header: PartHeader; readonly part: ReplayPart }> {
  const invalid = (problem: string, cause?: unknown) => errors.REPLAY_PART_INVALID({ path, problem }, cause);
  const file = await opened(path);
  try {
    const { size } = await file.stat();
    if (size < magic.length + digestBytes) throw invalid('it is no part of a replay');
    const bytes = reader(file, size - digestBytes, () => invalid('it ends too early'));
    const first = Buffer.from(await bytes.take(magic.length)).toString();
    if (first !== magic) throw invalid('it is no part of a replay');
    if (!(await isWhole(file, size))) throw invalid('its checksum does not fit its contents');
    const length = Number(await bytes.line(32));
    if (!Number.isSafeInteger(length)) throw invalid('its beginning is damaged');
    const contents = contentsOf(Buffer.from(await bytes.take(length)).toString(), hindcast, invalid);
    for (let chunk = 0; chunk < contents.header.scoreChunks; chunk += 1) {
      const scores = await bytes.take(Buffer.from(await bytes.take(4)).readUInt32LE());
      onScores?.(scores);
    }
    return contents;
  } finally {
    await file.close();
  }
}

/** Whether the digest at the end is that of everything before it. */
async function isWhole(file: FileHandle, size: number): Promise<boolean> {
  const hash = createHash('sha256');
  const bytes = reader(file, size, () => errors.INTERNAL({ problem: 'a part changed while it was read' }));
  while (bytes.left > digestBytes) {
    hash.update(await bytes.take(Math.min(bytes.left - digestBytes, 1024 * 1024)));
  }
  return hash.digest().equals(await bytes.take(digestBytes));
}

function contentsOf(
  text: string,
  hindcast: string,
  invalid: (problem: string, cause?: unknown) => HindcastError,
): z.infer<typeof Contents> {
  let decoded: unknown;
  try {
    decoded = decodeState(text);
  } catch (error) {
    throw invalid('its text cannot be read', error);
  }
  const written = z.object({ header: z.object({ hindcast: z.string() }) }).safeParse(decoded);
  if (written.success && written.data.header.hindcast !== hindcast) {
    throw invalid(`release ${written.data.header.hindcast} wrote it, and this is ${hindcast}`);
  }
  const parsed = Contents.safeParse(decoded);
  if (!parsed.success) throw invalid('its text does not have the form of a part', parsed.error);
  return parsed.data;
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw errors.REPLAY_PART_INVALID({ path, problem }, error);
  }
}

/** The first `size` bytes of a file, one piece after the other. */
function reader(file: FileHandle, size: number, tooShort: () => HindcastError) {
  let at = 0;
  const take = async (length: number): Promise<Uint8Array> => {
    if (at + length > size) throw tooShort();
    const bytes = new Uint8Array(length);
    for (let read = 0; read < length;) {
      const { bytesRead } = await file.read(bytes, read, length - read, at + read);
      if (bytesRead === 0) throw tooShort();
      read += bytesRead;
    }
    at += length;
    return bytes;
  };
  return {
    take,
    /** Text until the end of the line, at most so many bytes. */
    line: async (most: number): Promise<string> => {
      let text = '';
      for (let length = 0; length < most; length += 1) {
        const letter = String.fromCharCode((await take(1))[0] ?? 0);
        if (letter === '\n') return text;
        text += letter;
      }
      return 'no number';
    },
    get left(): number {
      return size - at;
    },
  };
}
