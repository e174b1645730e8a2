import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Outcome, OutcomeMany } from '../../../schemas/http-bodies.js';
import { errors } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import { parseBody } from '../parse-body.js';
import type { OutcomeToRecord, RecordOutcomes } from '../record-outcomes.js';
import { placeInLog } from '../place-in-log.js';
import { documented } from '../route-docs.js';

/** POST /v1/outcomes: ground truth, one or many. 200 when every one matched a prediction, 202 when one did not (yet). */
export function outcomesRoute(
  app: FastifyInstance,
  options: { readonly record: RecordOutcomes; readonly models: () => readonly string[] },
): void {
  app.post(
    '/v1/outcomes',
    documented({
      summary: 'Record ground truth',
      description:
        'Name the prediction by predictionId, by requestId with row, or by your own key. "model" may be left out when there is one model. ' +
        'An outcome whose prediction is not known yet is kept and answered 202 with matched: false.',
      body: z.union([Outcome, OutcomeMany]),
      response: z.object({
        outcomes: z.array(
          z.object({
            id: z.string(),
            position: z.string().nullable(),
            durability: z.literal('spooled').optional(),
            matched: z.boolean(),
          }),
        ),
      }),
    }),
    async (request, reply) => {
      const outcomes = requestedOutcomes(request.body).map((outcome) => ({
        ...outcome,
        model: outcome.model ?? onlyModel(options.models()),
      }));
      const recorded = await options.record(outcomes);
      const status = recorded.every((outcome) => outcome.matched) ? 200 : 202;
      return reply
        .code(status)
        .send({ outcomes: recorded.map((outcome) => ({ ...outcome, ...placeInLog(outcome.position) })) });
    },
  );
}

type RequestedOutcome = Omit<OutcomeToRecord, 'model'> & { readonly model: string | undefined };

function requestedOutcomes(body: unknown): RequestedOutcome[] {
  const many = typeof body === 'object' && body !== null && 'outcomes' in body;
  const outcomes = many ? parseBody(OutcomeMany, body).outcomes : [parseBody(Outcome, body)];
  if (outcomes.length === 0) throw errors.BATCH_EMPTY({});
  if (outcomes.length > limits.rowsPerRequestMax) {
    throw errors.BATCH_TOO_LARGE({ rows: outcomes.length, rowsMax: limits.rowsPerRequestMax });
  }
  return outcomes.map((outcome) => ({
    model: outcome.model,
    predictionId: outcome.predictionId,
    requestId: outcome.requestId,
    row: outcome.row,
    key: outcome.key,
    truth: outcome.truth,
    observedAt: outcome.observedAt === undefined ? undefined : Date.parse(outcome.observedAt) * 1000,
  }));
}

function onlyModel(models: readonly string[]): string {
  const [model, ...others] = models;
  if (model === undefined) throw errors.OUTCOME_INVALID({ problem: 'no model is registered' });
  if (others.length > 0)
    throw errors.OUTCOME_INVALID({
      problem: `"model" is missing, and there are several (${models.join(', ')})`,
    });
  return model;
}
