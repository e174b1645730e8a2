import { errors } from '../../services/platform/errors.js';
import type { ReplayPlan } from '../plan-replay.js';
import { formatMicros } from '../time-option.js';
import type { PartHeader, PartRecord } from './part-file.js';
import type { PartFindings } from './replay-part.js';

/** What the record said of the whole range when a part of it was replayed. */
export function partRecord(
  plan: ReplayPlan,
  findings: Pick<PartFindings, 'candidateDigest' | 'controlDigest'>,
): PartRecord {
  return {
    rows: plan.count.rows,
    rowsWithTruth: plan.count.rowsWithTruth,
    ignored: plan.ignored,
    lastPosition: plan.count.lastPosition,
    knownUntil: plan.knownUntil,
    candidateDigest: findings.candidateDigest,
    controlDigest: findings.controlDigest,
  };
}

/**
 * Throws REPLAY_PARTS_UNFIT unless these are all the parts of one replay, each once, made when the record said the same of the range as
 * it does now (`now`).
 */
export function checkParts(
  parts: readonly { readonly path: string; readonly header: PartHeader }[],
  now: PartRecord,
): void {
  const [first] = parts;
  if (first === undefined) throw errors.REPLAY_PARTS_UNFIT({ problem: 'there are none' });
  for (const { path, header } of parts) {
    const difference = firstDifference(first.header.request, header.request);
    if (difference !== undefined || header.shard.of !== first.header.shard.of) {
      const what = difference ?? `--shard (${header.shard.of} parts against ${first.header.shard.of})`;
      throw errors.REPLAY_PARTS_UNFIT({ problem: `${path} and ${first.path} differ in ${what}` });
    }
    const moved = firstDifference(now, header.record);
    if (moved !== undefined) {
      throw errors.REPLAY_PARTS_UNFIT({ problem: `${path} was made when the log said otherwise: ${moved}` });
    }
  }
  const { of } = first.header.shard;
  const missing = Array.from({ length: of }, (_, index) => index + 1).filter((index) =>
    parts.every(({ header }) => header.shard.index !== index),
  );
  if (missing.length > 0) {
    throw errors.REPLAY_PARTS_UNFIT({ problem: `of ${of} parts ${missing.join(', ')} missing` });
  }
  if (parts.length > of) throw errors.REPLAY_PARTS_UNFIT({ problem: 'a part is given twice' });
}

const words: { readonly [field: string]: string } = {
  model: 'candidate',
  fromMicros: '--since',
  untilMicros: '--until',
  gateFile: 'what the gate file says',
  rows: 'number of rows',
  rowsWithTruth: 'number of rows with truth',
  lastPosition: 'last prediction',
  candidateDigest: 'artefact of the candidate',
  controlDigest: 'artefact of the control',
};

function firstDifference(one: object, other: object): string | undefined {
  for (const field of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [a, b]: readonly unknown[] = [Reflect.get(one, field), Reflect.get(other, field)];
    if (JSON.stringify(a) === JSON.stringify(b)) continue;
    return `${words[field] ?? field} (${valueWords(field, b)} against ${valueWords(field, a)})`;
  }
  return undefined;
}

function valueWords(field: string, value: unknown): string {
  if (typeof value === 'number' && /Micros$|knownUntil/.test(field)) return formatMicros(value);
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
