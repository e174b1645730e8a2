/** What the verdict does not cover in this release; printed with every report. */
export const notJudged: readonly { readonly what: string; readonly why: string }[] = [
  {
    what: 'dependence between rows',
    why: 'intervals take rows as independent; rows that share a subject, a key or a busy hour make them too narrow',
  },
  { what: 'latency', why: 'the candidate runs in batches here, which says little about single requests' },
  { what: 'rows without truth', why: 'how they would have turned out is not guessed' },
];
