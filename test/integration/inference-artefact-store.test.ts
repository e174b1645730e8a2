import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openArtefactStore } from '../../src/services/inference/artefact-store.js';

const folder = await mkdtemp(join(tmpdir(), 'hindcast-artefacts-'));
afterAll(() => rm(folder, { recursive: true }));
let nextFolder = 0;
function fresh() {
  nextFolder += 1;
  const directory = join(folder, String(nextFolder), 'artefacts');
  return { directory, store: openArtefactStore(directory) };
}
const bytes = Buffer.from('the bytes of a model');
const sha256 = createHash('sha256').update(bytes).digest('hex');

it('keeps bytes under their SHA-256, and gives them back', async () => {
  const { store, directory } = fresh();
  expect(await store.put(bytes)).toEqual({ sha256, bytes: bytes.length });
  expect(await readFile(store.path(sha256))).toEqual(bytes);
  expect(await store.read(sha256)).toEqual(bytes);
  await expect(store.verify(sha256)).resolves.toBeUndefined();
  expect(await readdir(directory)).toEqual([sha256]);
});

it('puts the same bytes again without harm, also from two sides at once', async () => {
  const { store, directory } = fresh();
  const answers = await Promise.all([
    store.put(bytes),
    store.put(bytes),
    openArtefactStore(directory).put(bytes),
  ]);
  expect(new Set(answers.map((answer) => answer.sha256))).toEqual(new Set([sha256]));
  expect(await readdir(directory)).toEqual([sha256]);
});

it('notices a byte that changed, and a put makes it right again', async () => {
  const { store } = fresh();
  await store.put(bytes);
  await writeFile(store.path(sha256), 'the bytes of a mo_el');
  await expect(store.read(sha256)).rejects.toMatchObject({ code: 'ARTEFACT_DAMAGED', exitCode: 3 });
  await expect(store.verify(sha256)).rejects.toThrow(/whose digest is/);
  await store.put(bytes);
  await expect(store.verify(sha256)).resolves.toBeUndefined();
});

it('says which artefact is missing', async () => {
  const { store } = fresh();
  await expect(store.read(sha256)).rejects.toMatchObject({
    code: 'ARTEFACT_DAMAGED',
    message: expect.stringContaining('there is no file'),
  });
});

it('never makes a path of something that is no digest', () => {
  const { store } = fresh();
  expect(() => store.path('../../etc/passwd')).toThrow(expect.objectContaining({ code: 'ARTEFACT_DAMAGED' }));
});
