import { listSegments } from './segment-file.js';
import { firstKept } from './start-file.js';

/** The segments that belong to the log, by first position, ascending; the first begins at `first` unless it is missing. */
export async function keptSegments(
  directory: string,
): Promise<{ readonly first: number; readonly segments: readonly number[] }> {
  // In this order: one that is dropped in between is left out, and never taken for one that is missing.
  const listed = await listSegments(directory);
  const first = await firstKept(directory);
  return { first, segments: listed.filter((segment) => segment >= first) };
}
