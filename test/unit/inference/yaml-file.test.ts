import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { limits } from '../../../src/services/platform/limits.js';
import { readYamlFile } from '../../../src/services/platform/yaml-file.js';

const folder = await mkdtemp(join(tmpdir(), 'hindcast-yaml-'));
afterAll(() => rm(folder, { recursive: true }));
const Schema = z.strictObject({ name: z.string(), gates: z.array(z.strictObject({ max: z.number() })) });

async function read(content: string | Uint8Array): Promise<unknown> {
  const path = join(folder, 'file.yaml');
  await writeFile(path, content);
  return readYamlFile(path, Schema);
}

it('gives value and text of a file that fits', async () => {
  const text = 'name: x # a comment\ngates: [{ max: 1 }]\n';
  expect(await read(text)).toEqual({ kind: 'read', value: { name: 'x', gates: [{ max: 1 }] }, text });
});

it('names line and field of each thing that does not fit', async () => {
  expect(await read('name: 7\ngates:\n  - max: 1\n  - max: much\n')).toEqual({
    kind: 'invalid',
    problem: expect.stringMatching(/^line 1, name: .*got 7; line 4, gates\[1\]\.max: .*got "much"$/),
  });
  expect(await read('name: x\ngates:\n  - min: 1\n')).toMatchObject({
    problem: expect.stringMatching(/line 3, gates\[0\]/),
  });
});

it('tells an absent file from one that cannot be used', async () => {
  expect(await readYamlFile(join(folder, 'nowhere.yaml'), Schema)).toEqual({ kind: 'absent' });
  expect(await readYamlFile(folder, Schema)).toMatchObject({ kind: 'invalid' });
});

it('refuses what is no text, too large, empty, or grows by aliases', async () => {
  expect(await read(Uint8Array.of(0x6e, 0xff, 0xfe))).toMatchObject({
    problem: 'the file is not UTF-8 text',
  });
  expect(await read(`name: "${'x'.repeat(limits.yamlBytesMax)}"`)).toMatchObject({
    problem: expect.stringContaining('at most'),
  });
  expect(await read('')).toMatchObject({ kind: 'invalid' });
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefg'
      .split('')
      .map((key, i) => `${key}: &${key} [${Array.from({ length: 9 }, () => `*${'abcdef'[i]}`).join()}]`),
  ];
  expect(await read(bomb.join('\n'))).toMatchObject({ problem: expect.stringMatching(/alias/i) });
});
