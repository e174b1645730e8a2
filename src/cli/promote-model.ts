import { earlierReplays } from '../projections/datasets/earlier-replays.js';
import type { LastJudgement } from '../replay/last-judgement.js';
import { lastJudgement } from '../replay/last-judgement.js';
import type { PromotionEvidence } from '../schemas/events.js';
import type { EventAppender } from '../services/event-log/event-log.js';
import { promotionEvidence } from '../services/inference/promotion-evidence.js';
import { decidePromote, resolveModelReference, servingVersion } from '../services/inference/registry.js';
import { systemClock } from '../services/platform/clock.js';
import { newId } from '../services/platform/new-id.js';
import { isoTime } from './iso-time.js';
import type { DataLocation } from './workspace.js';
import { withWorkspace } from './workspace.js';

/**
 * The use case of `model promote`: the last replay of the version decides whether it may serve, and the event says on what it
 * rests. Gives the lines to print. Throws MODEL_UNPROVEN, MODEL_VERSION_RETIRED, and when the version is not known.
 */
export async function promoteModel(options: {
  readonly location: DataLocation;
  readonly reference: string;
  readonly withoutEvidence: boolean;
  readonly appender: EventAppender;
}): Promise<readonly string[]> {
  const { location, reference, withoutEvidence, appender } = options;
  return withWorkspace(location, async (workspace) => {
    const registry = await workspace.registry();
    const { model, version } = resolveModelReference(registry, reference);
    const happening = { id: newId(), occurredAt: systemClock.nowMicros(), model, version };
    // Before the evidence: a retired version is refused as such, and one that serves already needs none.
    if (decidePromote(registry, happening).length === 0)
      return [`${model}@${version} is in that state already; nothing was changed`];
    const last = lastJudgement(await earlierReplays(await workspace.analytics(), model), version);
    const evidence = promotionEvidence(registry, {
      model,
      version,
      lastReplay: last === undefined ? undefined : { evidence: replayOf(last), reason: last.reason },
      withoutEvidence,
    });
    await appender.append(decidePromote(registry, { ...happening, evidence }));
    return [
      last === undefined ? `no replay has judged ${model}@${version}` : judgementWords(model, version, last),
      `${model} serves ${version} (was ${servingVersion(registry, model) ?? 'none'})${basisWords(evidence)}`,
    ];
  });
}

function replayOf({ replayId, verdict, reportDigest, completedAt }: LastJudgement) {
  return { replayId, verdict, reportDigest, completedAt };
}

function judgementWords(model: string, version: string, last: LastJudgement): string {
  return `${last.verdict}  the last replay of ${model}@${version}, ${isoTime(last.completedAt)} (expect ${last.expect})\n${last.reason}\nagain: ${last.reproduce}`;
}

function basisWords({ basis }: PromotionEvidence): string {
  switch (basis) {
    case 'replay':
      return '';
    case 'first-promotion':
      return '; the first version of a model needs no evidence';
    case 'without-evidence':
      return ', without evidence: the log says so';
  }
}
