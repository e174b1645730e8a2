import type {
  EventType,
  PredictionFailed,
  PredictionRejected,
  PredictionServed,
} from '../../schemas/events.js';

/** The events of which the answer to a request is made: one a row. */
export type AnswerEvent = PredictionServed | PredictionFailed | PredictionRejected;

export const answerEventTypes: readonly AnswerEvent['type'][] = [
  'PredictionServed',
  'PredictionFailed',
  'PredictionRejected',
];

export function isAnswerEvent<E extends { readonly type: EventType }>(
  event: E,
): event is Extract<E, { readonly type: AnswerEvent['type'] }> {
  return answerEventTypes.some((type) => type === event.type);
}
