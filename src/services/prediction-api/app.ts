import { timingSafeEqual, createHash } from 'node:crypto';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../platform/metrics.js';
import { installErrorHandler } from './error-handler.js';
import { idempotencyHeader, shortDigest } from './idempotency-key.js';
import type { RecordOutcomes } from './record-outcomes.js';
import type { RecordPredictions } from './record-prediction.js';
import { modelsRoute } from './routes/models-route.js';
import { operationsRoutes } from './routes/operations-routes.js';
import { outcomesRoute } from './routes/outcomes-route.js';
import { predictRoute } from './routes/predict-route.js';
import { shownSchema } from './route-docs.js';
import type { ServingModels } from './serving-models.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Only of a request with an Idempotency-Key, else empty: the digest of its body. */
    bodyDigest: string;
  }
}

export interface AppOptions {
  readonly models: ServingModels;
  readonly recordPredictions: RecordPredictions;
  readonly recordOutcomes: RecordOutcomes;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Accepted access tokens; empty: none is asked for. */
  readonly tokens: readonly string[];
  /** Why the server cannot serve, or undefined when it can. */
  readonly notReady: () => string | undefined;
  readonly version: string;
}

/** Builds the HTTP application without listening: `app.inject` in tests, `listen` in main. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: limits.bodyBytesMax,
    logger: false,
    routerOptions: { ignoreTrailingSlash: true },
  });
  // The handlers check bodies with the zod schemas; the JSON Schemas of the routes only document.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (body) => JSON.stringify(body));
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.decorateRequest('bodyDigest', '');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    try {
      const text = String(body);
      // Of the text as it was sent: what differs in it may differ in what it means.
      if (request.headers[idempotencyHeader] !== undefined) request.bodyDigest = shortDigest(text);
      done(null, JSON.parse(text));
    } catch (error) {
      done(
        errors.REQUEST_INVALID({
          problem: `the body is not JSON (${error instanceof Error ? error.message : 'unreadable'})`,
        }),
        undefined,
      );
    }
  });
  installErrorHandler(app, options);
  if (options.tokens.length > 0) requireToken(app, options.tokens);
  await app.register(swagger, {
    transform: ({ schema, url }) => ({ schema: shownSchema(schema), url }),
    openapi: {
      info: {
        title: 'Hindcast',
        version: options.version,
        description: 'Predictions that are stored before they are answered, and their ground truth.',
      },
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  predictRoute(app, options.recordPredictions);
  outcomesRoute(app, { record: options.recordOutcomes, models: () => options.models.names() });
  modelsRoute(app, options.models);
  operationsRoutes(app, options);
  await app.ready();
  return app;
}

/** Everything but the health checks needs a token; compared in constant time by digest. */
function requireToken(app: FastifyInstance, tokens: readonly string[]): void {
  const digests = tokens.map((token) => createHash('sha256').update(token).digest());
  app.addHook('onRequest', async (request) => {
    if (request.url === '/healthz' || request.url === '/readyz') return;
    const sent = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const digest = createHash('sha256')
      .update(sent ?? '')
      .digest();
    if (sent === undefined || !digests.some((known) => timingSafeEqual(known, digest)))
      throw errors.UNAUTHORIZED({});
  });
}
