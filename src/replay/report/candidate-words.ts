import type { ReplayReport } from './report-schema.js';

const givenShown = 3;

/** The candidate with what it was given instead of the record, without which a verdict would be read as one on the record: `v2 given temp = null`. */
export function candidateWords({
  candidate,
  settings: { given },
}: Pick<ReplayReport, 'candidate' | 'settings'>): string {
  if (given.length === 0) return candidate.version;
  const more = given.length > givenShown ? ` and ${given.length - givenShown} more values` : '';
  return `${candidate.version} given ${given.slice(0, givenShown).join(', ')}${more}`;
}
