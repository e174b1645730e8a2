import { ReferenceProfile } from '../schemas/reference-profile.js';
import type { ArtefactStore } from '../services/inference/artefact-store.js';
import type { RegisteredVersion } from '../services/inference/registry.js';

/** What a version's training saw; undefined: it was registered without. Throws ARTEFACT_DAMAGED. */
export async function readProfile(
  artefacts: ArtefactStore,
  registered: RegisteredVersion,
): Promise<ReferenceProfile | undefined> {
  const digest = registered.artefacts.profile?.sha256;
  if (digest === undefined) return undefined;
  return ReferenceProfile.parse(JSON.parse(Buffer.from(await artefacts.read(digest)).toString('utf8')));
}
