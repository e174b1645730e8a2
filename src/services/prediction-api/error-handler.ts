import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../platform/metrics.js';

/** Every answer that is not a success has this body, whatever went wrong. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly action: string };
}

export function errorBody(error: HindcastError): ErrorBody {
  return { error: { code: error.code, message: error.message, action: error.action } };
}

const retryAfterSeconds = 1;

/** Translates whatever is thrown into the catalogue; faults of ours are logged whole and answered without insides. */
export function installErrorHandler(
  app: FastifyInstance,
  options: { readonly logger: Logger; readonly metrics: Metrics },
): void {
  const { logger, metrics } = options;
  const answer = (reply: FastifyReply, error: HindcastError): FastifyReply => {
    metrics.refused(error.code);
    if (error.status === 503) void reply.header('retry-after', String(retryAfterSeconds));
    return reply.code(error.status).send(errorBody(error));
  };
  app.setErrorHandler((thrown: FastifyError | HindcastError, request, reply) => {
    const error = translated(thrown);
    if (error.status >= 500)
      logger.error({ error: thrown, method: request.method, url: request.url }, error.message);
    return answer(reply, error);
  });
  app.setNotFoundHandler((request, reply) =>
    answer(reply, errors.ROUTE_NOT_FOUND({ method: request.method, url: request.url })),
  );
}

function translated(thrown: FastifyError | HindcastError): HindcastError {
  if (thrown instanceof HindcastError) return thrown;
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return errors.REQUEST_TOO_LARGE({ bytesMax: limits.bodyBytesMax });
  if (thrown.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return errors.REQUEST_INVALID({ problem: 'the body is not application/json' });
  if (thrown.statusCode !== undefined && thrown.statusCode >= 400 && thrown.statusCode < 500) {
    return errors.REQUEST_INVALID({ problem: thrown.message });
  }
  return errors.INTERNAL({ problem: 'an unexpected fault, see the log of the server' }, thrown);
}
