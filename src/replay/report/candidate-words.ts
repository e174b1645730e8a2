import type { ReplayReport } from './report-schema.js';

const givenShown = 3;

/**
 * The candidate with what it was given instead of the record, without which a verdict would be read as one on the record:
 * `v2 given temp = null`. `name`: as it was named, when not its version.
 */
export function candidateWords(
  { candidate, settings: { given } }: Pick<ReplayReport, 'candidate' | 'settings'>,
  name = candidate.version,
): string {
  if (given.length === 0) return name;
  const more = given.length > givenShown ? ` and ${given.length - givenShown} more values` : '';
  return `${name} given ${given.slice(0, givenShown).join(', ')}${more}`;
}
