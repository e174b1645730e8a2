import { z } from 'zod';
import { ModelRegistered, PromotionEvidence } from '../../schemas/events.js';
import { ModelManifest } from '../../schemas/model-manifest.js';

/** The registry's state as a manifest of the datasets keeps it. */
export const RegistrySnapshot = z.strictObject({
  models: z.record(
    z.string(),
    z.strictObject({
      versions: z.record(
        z.string(),
        z.strictObject({
          manifest: ModelManifest,
          artefacts: ModelRegistered.shape.data.shape.artefacts,
          featureSchemaDigest: z.string(),
          registeredAt: z.int(),
          position: z.int(),
          retired: z.boolean(),
        }),
      ),
      promotions: z.array(
        z.strictObject({
          version: z.string(),
          occurredAt: z.int(),
          position: z.int(),
          rollback: z.boolean(),
          evidence: PromotionEvidence.optional(),
        }),
      ),
    }),
  ),
  changedAt: z.int().optional(),
});
export type RegistrySnapshot = z.infer<typeof RegistrySnapshot>;
