import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { registeredModel, servingVersion } from '../../inference/registry.js';
import { errors } from '../../platform/errors.js';
import { documented } from '../route-docs.js';
import type { ServingModels } from '../serving-models.js';

/** GET /v1/models and /v1/models/{model}: what is registered, what serves, and which features a row needs. */
export function modelsRoute(app: FastifyInstance, models: ServingModels): void {
  const describe = (model: string): object => {
    const registry = models.registry();
    const found = registeredModel(registry, model);
    if (found === undefined) throw errors.MODEL_NOT_FOUND({ model, known: models.names() });
    const version = servingVersion(registry, model);
    const manifest = version === undefined ? undefined : found.versions[version]?.manifest;
    return {
      name: model,
      serving: version ?? null,
      versions: Object.keys(found.versions),
      task: manifest?.task ?? null,
      features:
        manifest?.features.map((feature) => ({
          name: feature.name,
          type: feature.tensorType,
          required: feature.required,
        })) ?? [],
    };
  };
  app.get('/v1/models', documented({ summary: 'Registered models' }), () => ({
    models: models.names().map(describe),
  }));
  app.get<{ Params: { model: string } }>(
    '/v1/models/:model',
    documented({ summary: 'One model: versions and features', params: z.object({ model: z.string() }) }),
    (request) => describe(request.params.model),
  );
}
