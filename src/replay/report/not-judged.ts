import type { ReplayReport } from './report-schema.js';

/** What the verdict does not cover; printed with every report. `hasSubjects`: some row names its subject. */
export function notJudged({
  hasSubjects,
  measuresLatency,
}: {
  readonly hasSubjects: boolean;
  readonly measuresLatency: boolean;
}): ReplayReport['notJudged'] {
  return [
    {
      what: 'dependence between rows',
      why: hasSubjects
        ? 'intervals allow for rows of one subject being alike, but for recall, calibration, searched slices and the share of small errors; nothing allows for a busy hour'
        : 'no row names a subject, so intervals take rows as independent; rows that share a key or a busy hour make them too narrow',
    },
    ...(measuresLatency
      ? []
      : [
          {
            what: 'latency',
            why: 'the candidate runs in batches here, which says little about single requests; latency.ratioAtMost in a gate file measures it',
          },
        ]),
    { what: 'rows without truth', why: 'how they would have turned out is not guessed' },
  ];
}
