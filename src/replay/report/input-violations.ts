import type { ModelManifest } from '../../schemas/model-manifest.js';
import type { ContractCounts } from '../contract-counts.js';
import type { InputViolation } from './report-schema.js';

/** What the contract of a candidate objects to, the most frequent first. A feature may be missing as often as it was in training. */
export function inputViolations(manifest: ModelManifest, contract: ContractCounts): InputViolation[] {
  const { rows } = contract;
  return contract.features
    .flatMap(({ feature, outOfRange, newCategory, missing }): InputViolation[] => {
      const found = manifest.features.find(({ name }) => name === feature);
      if (found === undefined) return [];
      const { policy, missingRate } = found;
      const of = (kind: InputViolation['kind'], count: number, refused: string): InputViolation[] =>
        count === 0
          ? []
          : [{ feature, kind, rows: count, share: count / rows, isRefused: refused === 'reject' }];
      return [
        ...of('out-of-range', outOfRange, policy.outOfRange),
        ...of('new-category', newCategory, policy.newCategory),
        ...of('unexpected-missing', missingRate === 0 ? missing : 0, policy.unexpectedMissing),
      ];
    })
    .toSorted((a, b) => b.rows - a.rows || (a.feature < b.feature ? -1 : 1));
}

/** In words. */
export function violationWords({ kind, isRefused }: InputViolation): string {
  const what = {
    'out-of-range': 'out of range',
    'new-category': 'in a new category',
    'unexpected-missing': 'missing',
  }[kind];
  return isRefused ? `${what}, which serving would refuse` : what;
}
