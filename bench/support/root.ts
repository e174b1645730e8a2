import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The checkout: the nearest folder above this file that holds package.json. */
export const root = checkout(import.meta.dirname);

function checkout(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : checkout(dirname(directory));
}
