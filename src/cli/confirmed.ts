import { createInterface } from 'node:readline/promises';
import { errors } from '../services/platform/errors.js';

/** Asks on the terminal; `yes` answers beforehand. Throws USAGE_INVALID where nobody can be asked. */
export async function confirmed(question: string, { yes }: { readonly yes: boolean }): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw errors.USAGE_INVALID({ problem: 'Nobody can be asked here; add --yes to go on without.' });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
