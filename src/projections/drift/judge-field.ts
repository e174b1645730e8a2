import {
  driftAlpha,
  driftFloors,
  type DriftField,
  type DriftInterval,
  type DriftVerdict,
} from './drift-report.js';

/** What was compared of a field, before the p-values of all fields are known. */
export type ComparedField = Omit<DriftField, 'verdict' | 'reason' | 'adjustedP'>;

/** The test of a field's values: KS for numbers, chi-square for categories. NaN: there was nothing to test. */
export function distributionP(field: ComparedField): number {
  if (field.distribution === undefined) return Number.NaN;
  return field.distribution.kind === 'number' ? field.distribution.ks.p : field.distribution.chiSquare.p;
}

/** How large the largest effect is, in units of its floor: 1 or more matters. */
export function effectInFloors(field: ComparedField): number {
  return Math.max(distributionEffect(field), Math.abs(field.missing.difference) / driftFloors.missingRate);
}

/**
 * Drift: an adjusted p below alpha and an effect at or above its floor, of the values or of the missing rate. Equivalent:
 * every interval inside its floor. Otherwise the data does not say.
 */
export function judgeField(
  field: ComparedField,
  adjusted: { readonly distribution: number; readonly missing: number },
): Pick<DriftField, 'verdict' | 'reason' | 'adjustedP'> {
  const ps = [adjusted.distribution, adjusted.missing].filter((p) => !Number.isNaN(p));
  const verdict = (is: DriftVerdict, reason: string): ReturnType<typeof judgeField> => ({
    verdict: is,
    reason,
    adjustedP: ps.length === 0 ? 1 : Math.min(...ps),
  });
  const valuesMoved = adjusted.distribution < driftAlpha && distributionEffect(field) >= 1;
  const missingMoved =
    adjusted.missing < driftAlpha && Math.abs(field.missing.difference) >= driftFloors.missingRate;
  if (valuesMoved && missingMoved) return verdict('drift', 'values and missing rate changed');
  if (valuesMoved) return verdict('drift', 'values changed');
  if (missingMoved) return verdict('drift', 'missing rate changed');

  const missingInside = inside(field.missing.interval, driftFloors.missingRate);
  if (distributionInside(field) && missingInside) {
    return verdict('equivalent', 'every 90 % interval lies inside its floor');
  }
  if (field.distribution === undefined && missingInside && field.referenceCount === 0) {
    return verdict('equivalent', 'missing in the reference, and missing now');
  }
  if (field.distribution === undefined) return verdict('not enough data', 'no values to compare');
  return verdict(
    'not enough data',
    missingInside
      ? 'the interval of the effect reaches past its floor'
      : 'the interval of the missing rate reaches past its floor',
  );
}

function distributionEffect(field: ComparedField): number {
  const { distribution } = field;
  if (distribution === undefined) return 0;
  if (distribution.kind === 'category') return distribution.totalVariation / driftFloors.totalVariation;
  return Math.max(
    Math.abs(distribution.auc - 0.5) / driftFloors.auc,
    (distribution.wasserstein?.value ?? 0) / driftFloors.wasserstein,
  );
}

function distributionInside(field: ComparedField): boolean {
  const { distribution } = field;
  if (distribution === undefined) return false;
  if (distribution.kind === 'category') {
    return distribution.totalVariationInterval.upper < driftFloors.totalVariation;
  }
  const { lower, upper } = distribution.aucInterval;
  return (
    inside({ lower: lower - 0.5, upper: upper - 0.5 }, driftFloors.auc) &&
    (distribution.wasserstein === undefined ||
      distribution.wasserstein.interval.upper < driftFloors.wasserstein)
  );
}

function inside(interval: DriftInterval, floor: number): boolean {
  return interval.lower > -floor && interval.upper < floor;
}
