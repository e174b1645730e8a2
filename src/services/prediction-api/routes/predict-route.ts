import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { PredictMany, PredictOne, PredictRow } from '../../../schemas/http-bodies.js';
import { errors } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import { newId } from '../../platform/new-id.js';
import { errorBody } from '../error-handler.js';
import { firstProblem, parseBody } from '../parse-body.js';
import { idempotencyDigest, idempotencyHeader } from '../idempotency-key.js';
import { placeInLog } from '../place-in-log.js';
import { documented } from '../route-docs.js';
import type {
  PredictionReply,
  RecordPredictions,
  RefusedRow,
  RowReply,
  RowToPredict,
} from '../record-prediction.js';

type Reply = { readonly status: number; readonly body: unknown };

/** POST /v1/models/{model}/predict: one row or many; answered when every served row is durable. */
export function predictRoute(app: FastifyInstance, record: RecordPredictions): void {
  app.post<{ Params: { model: string } }>(
    '/v1/models/:model/predict',
    documented({
      summary: 'Predict one row or many',
      description:
        'Send one row as {"inputs": {...}} or many as {"rows": [{"inputs": {...}}, ...]}. Each row may carry a key (your own name for it) and a subject. ' +
        'The reply leaves after the predictions are durable ("durability": "durable"), or, when the server is configured so, up to bufferWindowMs before ("buffered"). A row that breaks the contract is listed in "rejected"; the others are served. ' +
        'With an Idempotency-Key the request can be repeated: within 10 minutes the same key and body get the recorded answer, with Idempotent-Replayed: true; ' +
        'another body is answered 409. Keys belong to the access token and the model; an answer without a served row is not kept.',
      headers: z.object({
        'Idempotency-Key': z.string().min(1).max(limits.idempotencyKeyCharactersMax).optional(),
      }),
      body: z.union([
        PredictOne,
        z.strictObject({ rows: z.array(PredictRow), requestId: z.string().optional() }),
      ]),
      params: z.object({ model: z.string() }),
      response: predictResponse,
      replyHeaders: {
        'Idempotent-Replayed': 'true when the answer is that of an earlier request with the same key',
      },
    }),
    async (request, reply) => {
      const traceparent = request.headers['traceparent'];
      const { rows, malformed, requestId } = requestedRows(request.body);
      const { model } = request.params;
      const result: PredictionReply | undefined =
        rows.length === 0
          ? undefined
          : await record({
              model,
              requestId: requestId ?? newId(),
              traceparent: typeof traceparent === 'string' ? traceparent : undefined,
              rows,
              idempotency:
                request.headers[idempotencyHeader] === undefined
                  ? undefined
                  : { key: idempotencyDigest(request.raw, model), body: request.bodyDigest },
            });
      if (result?.replayed === true) void reply.header('idempotent-replayed', 'true');
      const { status, body } = replyTo(model, result, malformed);
      return reply.code(status).send(body);
    },
  );
}

const predictResponse = z.object({
  requestId: z.string(),
  model: z.string(),
  version: z.string(),
  durability: z.enum(['durable', 'buffered']).optional(),
  bufferWindowMs: z.int().optional(),
  predictions: z.array(
    z.object({
      row: z.int(),
      predictionId: z.string(),
      position: z.string().nullable(),
      durability: z.literal('spooled').optional(),
      outputs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
      violations: z.array(z.object({ field: z.string(), kind: z.string(), message: z.string() })).optional(),
    }),
  ),
  rejected: z
    .array(
      z.object({
        row: z.int(),
        error: z.object({ code: z.string(), message: z.string(), action: z.string() }),
      }),
    )
    .optional(),
});

interface Malformed {
  readonly index: number;
  readonly problem: string;
}

function requestedRows(body: unknown): {
  rows: RowToPredict[];
  malformed: Malformed[];
  requestId: string | undefined;
} {
  if (typeof body !== 'object' || body === null || !('rows' in body)) {
    const one = parseBody(PredictOne, body);
    return { rows: [one], malformed: [], requestId: one.requestId };
  }
  const many = parseBody(PredictMany, body);
  if (many.rows.length === 0) throw errors.BATCH_EMPTY({});
  if (many.rows.length > limits.rowsPerRequestMax) {
    throw errors.BATCH_TOO_LARGE({ rows: many.rows.length, rowsMax: limits.rowsPerRequestMax });
  }
  const rows: RowToPredict[] = [];
  const malformed: Malformed[] = [];
  for (const [index, candidate] of many.rows.entries()) {
    const parsed = PredictRow.safeParse(candidate);
    if (!parsed.success) malformed.push({ index, problem: firstProblem(parsed.error) });
    else rows.push(malformed.length === 0 ? parsed.data : { ...parsed.data, row: index });
  }
  return { rows, malformed, requestId: many.requestId };
}

function replyTo(model: string, result: PredictionReply | undefined, malformed: readonly Malformed[]): Reply {
  // The ordinary reply, without a look for what is not there.
  if (result !== undefined && malformed.length === 0 && result.rows.every((row) => row.kind === 'served')) {
    return {
      status: 200,
      body: {
        requestId: result.requestId,
        model,
        version: result.version,
        ...promised(result),
        predictions: result.rows.map(served),
      },
    };
  }
  const rejected = [
    ...malformed.map((row) => ({
      row: row.index,
      ...errorBody(errors.ROW_INVALID({ problem: row.problem })),
    })),
    ...(result?.rows ?? [])
      .filter((row): row is RefusedRow => row.kind === 'rejected')
      .map((row) => ({ row: row.row, ...errorBody(row.error), violations: row.violations })),
  ].toSorted((a, b) => a.row - b.row);
  const predictions = (result?.rows ?? []).flatMap((row) => (row.kind === 'served' ? [served(row)] : []));
  const first = rejected[0];
  if (predictions.length === 0 && first !== undefined) {
    const error = errors.ROWS_REJECTED({ rejected: rejected.length, first: first.error.message });
    const worst = (result?.rows ?? []).some((row) => row.kind === 'rejected' && row.error.status >= 500);
    return {
      status: worst ? 500 : error.status,
      body: { ...errorBody(error), requestId: result?.requestId, model, rejected },
    };
  }
  return {
    status: 200,
    body: {
      requestId: result?.requestId,
      model,
      version: result?.version,
      ...promised(result),
      predictions,
      ...(rejected.length === 0 ? undefined : { rejected }),
    },
  };
}

function promised(result: PredictionReply | undefined): object | undefined {
  const durability = result?.durability;
  if (durability?.mode !== 'buffered') return durability && { durability: durability.mode };
  return { durability: durability.mode, bufferWindowMs: durability.windowMs };
}

function served(row: Extract<RowReply, { kind: 'served' }>): object {
  const { predictionId, outputs, violations } = row;
  return { row: row.row, predictionId, ...placeInLog(row.position), outputs, violations };
}
