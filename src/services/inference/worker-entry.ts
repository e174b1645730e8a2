import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errors } from '../platform/errors.js';

/**
 * The compiled entry file of a worker that stands beside `moduleUrl`. A worker cannot load TypeScript, so when this
 * runs from sources (in tests) it is the build's file. Throws INTERNAL when there is no build.
 */
export function workerEntry(moduleUrl: string, name: string): URL {
  const beside = new URL(`./${name}.js`, moduleUrl);
  if (existsSync(fileURLToPath(beside))) return beside;
  const at = beside.href.lastIndexOf('/src/');
  const built =
    at === -1
      ? beside
      : new URL(`${beside.href.slice(0, at)}/dist/${beside.href.slice(at + '/src/'.length)}`);
  if (existsSync(fileURLToPath(built))) return built;
  throw errors.INTERNAL({ problem: `there is no ${fileURLToPath(built)}: run npm run build first` });
}
