import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Metrics } from '../../platform/metrics.js';
import { documented } from '../route-docs.js';

/** /healthz: the process lives. /readyz: it can serve; 503 with the reason when it can not. /metrics: Prometheus text. */
export function operationsRoutes(
  app: FastifyInstance,
  options: { readonly metrics: Metrics; readonly notReady: () => string | undefined },
): void {
  app.get(
    '/healthz',
    documented({ summary: 'Is the process alive?', response: z.object({ live: z.literal(true) }) }),
    () => ({ live: true }),
  );
  app.get('/readyz', documented({ summary: 'Can it serve?' }), (_request, reply) => {
    const reason = options.notReady();
    return reply
      .code(reason === undefined ? 200 : 503)
      .send(reason === undefined ? { ready: true } : { ready: false, reason });
  });
  app.get('/metrics', documented({ summary: 'Metrics for Prometheus' }), async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.text()),
  );
}
