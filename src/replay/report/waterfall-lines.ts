import type { Waterfall } from './report-schema.js';

/** The waterfall in words, without steps that took nothing away; `kept` rows are what is left, not what was taken. */
export function waterfallLines(
  waterfall: Waterfall,
): readonly { readonly what: string; readonly rows: number; readonly kept: boolean }[] {
  const taken = (what: string, rows: number) => (rows === 0 ? [] : [{ what, rows, kept: false }]);
  return [
    { what: 'recorded in range', rows: waterfall.recorded, kept: true },
    ...taken('left out by exceptions of the gate file', waterfall.ignored),
    ...taken('not reached when it was interrupted', waterfall.notReached),
    ...taken('out of the sample', waterfall.outOfSample),
    ...taken('served by the candidate itself', waterfall.servedByCandidate),
    ...taken('inside the time the candidate was trained on', waterfall.trainedOn),
    ...taken('without a usable answer of the control', waterfall.controlUnanswered),
    ...taken('on which the candidate failed', waterfall.candidateFailed),
    { what: 'compared', rows: waterfall.compared, kept: true },
    ...taken('without truth', waterfall.withoutTruth),
    { what: 'judged on their truth', rows: waterfall.judged, kept: true },
  ];
}
