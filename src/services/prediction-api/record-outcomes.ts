import type { OutcomeObserved } from '../../schemas/events.js';
import { streamOf } from '../../schemas/events.js';
import type { Scalar } from '../../schemas/json-value.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import type { EventAppender } from '../event-log/event-log.js';
import { receiptPosition } from '../event-log/receipt-position.js';
import type { Clock } from '../platform/clock.js';
import { errors } from '../platform/errors.js';
import { newId } from '../platform/new-id.js';
import type { OutcomeReference } from './recent-predictions.js';

export interface OutcomeToRecord extends OutcomeReference {
  readonly truth: Scalar;
  /** Microseconds UTC; undefined: now. */
  readonly observedAt?: number | undefined;
}

export interface OutcomeReply {
  readonly id: string;
  /** Null while the event waits in the spool. */
  readonly position: number | null;
  /** Whether a prediction that it speaks of is known. An unmatched outcome is kept, and matches later. */
  readonly matched: boolean;
}

export type RecordOutcomes = (outcomes: readonly OutcomeToRecord[]) => Promise<readonly OutcomeReply[]>;

/** The use case: check → append → reply with what matched. All outcomes of a call are durable, or none. */
export function createRecordOutcomes(options: {
  readonly log: EventAppender;
  readonly clock: Clock;
  readonly origin: OutcomeObserved['data']['origin'];
  readonly source?: string;
  /** The manifest of any version of the model: truth must fit its task. Throws MODEL_NOT_FOUND. */
  readonly manifestOf: (model: string) => ModelManifest;
  /** For each reference: is the prediction known? */
  readonly known: (references: readonly OutcomeReference[]) => Promise<readonly boolean[]>;
}): RecordOutcomes {
  const { log, clock, origin, source, manifestOf, known } = options;
  return async (outcomes) => {
    const now = clock.nowMicros();
    const events = outcomes.map((outcome, index): OutcomeObserved => {
      const problem = problemOf(outcome, manifestOf(outcome.model));
      if (problem !== undefined)
        throw errors.OUTCOME_INVALID({
          problem: outcomes.length === 1 ? problem : `outcome ${index}: ${problem}`,
        });
      const observedAt = outcome.observedAt ?? now;
      return {
        type: 'OutcomeObserved',
        schemaVersion: 1,
        id: newId(),
        stream: streamOf('outcome', outcome.model),
        occurredAt: observedAt,
        data: {
          model: outcome.model,
          ...(outcome.predictionId === undefined ? undefined : { predictionId: outcome.predictionId }),
          ...(outcome.requestId === undefined
            ? undefined
            : { requestId: outcome.requestId, row: outcome.row ?? 0 }),
          ...(outcome.key === undefined ? undefined : { key: outcome.key }),
          truth: normalised(outcome.truth),
          observedAt,
          origin,
          ...(source === undefined ? undefined : { source }),
        },
      };
    });
    const receipt = await log.append(events);
    const matched = await known(outcomes);
    return events.map((event, index) => ({
      id: event.id,
      position: receiptPosition(receipt, index),
      matched: matched[index] ?? false,
    }));
  };
}

/** Binary truth is 0 or 1, whatever form it came in. */
function normalised(truth: Scalar): Scalar {
  return typeof truth === 'boolean' ? Number(truth) : truth;
}

function problemOf(outcome: OutcomeToRecord, manifest: ModelManifest): string | undefined {
  const named = [outcome.predictionId, outcome.requestId, outcome.key].filter(
    (value) => value !== undefined,
  ).length;
  if (named !== 1)
    return `it names its prediction in ${named} ways, and exactly one of predictionId, requestId (with row) and key is expected`;
  const truth = normalised(outcome.truth);
  if (truth === null) return 'truth is null';
  if (manifest.task === 'binary-classification' && truth !== 0 && truth !== 1) {
    return `truth is ${JSON.stringify(outcome.truth)}, and ${manifest.name} expects 0 or 1`;
  }
  if (manifest.task === 'regression' && (typeof truth !== 'number' || !Number.isFinite(truth))) {
    return `truth is ${JSON.stringify(outcome.truth)}, and ${manifest.name} expects a number`;
  }
  if (manifest.classes !== undefined && typeof truth !== 'boolean' && !manifest.classes.includes(truth)) {
    return `truth is ${JSON.stringify(outcome.truth)}, and ${manifest.name} expects one of ${manifest.classes.join(', ')}`;
  }
  return undefined;
}
