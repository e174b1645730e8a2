import { InvalidArgumentError } from 'commander';

/** A position of the log: a whole number from 0. */
export function parsePosition(text: string): number {
  const position = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(position))
    throw new InvalidArgumentError('expected a position: a whole number from 0');
  return position;
}
