import { createHash } from 'node:crypto';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import { canonicalJson } from './canonical-json.js';

/** SHA-256, in hex, of what a model expects of its inputs: features in order, with types, ranges and policies. */
export function featureSchemaDigest(manifest: ModelManifest): string {
  return createHash('sha256').update(canonicalJson(manifest.features)).digest('hex');
}
