import { holm } from '../../stats/multiple-testing.js';
import { driftAlpha, driftFloors } from './drift-floors.js';
import type { DriftField, DriftInterval } from './drift-report.js';

/** A field compared but not judged: p-values are not adjusted yet. */
export type ComparedField = Omit<DriftField, 'verdict' | 'causes' | 'direction' | 'effectInFloors'>;

type Cause = DriftField['causes'][number];

/**
 * Judges all fields of a report together: p-values are adjusted over every test of every field (Holm).
 * Drift: an adjusted p below alpha, and the whole interval of an effect of the same test beyond its floor.
 * Equivalent: every interval inside its floor, that of the distance of the distributions and of the missing rate too, so that a
 * change of shape alone is not overlooked. Anything else, and fields with fewer than `rowsMin` rows: not enough data.
 */
export function judgeDrift(compared: readonly ComparedField[]): DriftField[] {
  const tests = compared.flatMap((field) => [valuesP(field), missingP(field)]);
  const { adjusted } = holm(tests.map((p) => p ?? Number.NaN));
  return compared.map((field, index) =>
    judged(adjustedField(field, known(adjusted[2 * index]), known(adjusted[2 * index + 1]))),
  );
}

function judged(field: ComparedField): DriftField {
  const causes = [...valueCauses(field), ...missingCauses(field)];
  const verdict = causes.length > 0 ? 'drift' : isEquivalent(field) ? 'equivalent' : 'not enough data';
  return {
    ...field,
    verdict,
    causes,
    direction: directionOf(field, causes),
    effectInFloors: effectOf(field),
  };
}

function valueCauses(field: ComparedField): Cause[] {
  const { values } = field;
  if (values === null) return [];
  const p = values.kind === 'number' ? values.ks.adjustedP : values.chiSquare.adjustedP;
  if (p === null || p >= driftAlpha) return [];
  const causes: Cause[] = [];
  if (values.kind === 'number') {
    const moved = fromHalf(values.auc);
    if (moved.lower >= driftFloors.aucFromHalf || moved.upper <= -driftFloors.aucFromHalf) {
      causes.push('location');
    } else if (values.ks.d.lower >= driftFloors.ksDistance) {
      causes.push('shape');
    }
    return causes;
  }
  if (values.totalVariation.lower >= driftFloors.totalVariation) causes.push('shares');
  if (values.newCategories.share.lower >= driftFloors.newCategoryShare) causes.push('new categories');
  return causes;
}

function missingCauses({ missing, referenceRows, liveRows }: ComparedField): Cause[] {
  if (missing === null || Math.min(referenceRows, liveRows) < driftFloors.rowsMin) return [];
  if (missing.adjustedP === null || missing.adjustedP >= driftAlpha) return [];
  const { lower, upper } = missing.difference;
  return lower >= driftFloors.missingRate || upper <= -driftFloors.missingRate ? ['missing'] : [];
}

function isEquivalent(field: ComparedField): boolean {
  const { values, missing } = field;
  if (missing === null || !isInside(missing.difference, driftFloors.missingRate)) return false;
  if (Math.min(field.referenceRows, field.liveRows) < driftFloors.rowsMin) return false;
  // Never a value on either side, and rows enough to say so.
  if (field.referenceCount === 0 && field.liveCount === 0) return true;
  if (values === null || !hasRows(field)) return false;
  if (values.kind === 'number') {
    return (
      isInside(fromHalf(values.auc), driftFloors.aucFromHalf) && values.ks.d.upper < driftFloors.ksDistance
    );
  }
  return (
    values.totalVariation.upper < driftFloors.totalVariation &&
    values.newCategories.share.upper < driftFloors.newCategoryShare
  );
}

function effectOf({ values, missing }: ComparedField): number | null {
  const effects: number[] = [];
  if (missing !== null) effects.push(Math.abs(missing.difference.estimate) / driftFloors.missingRate);
  if (values?.kind === 'number') {
    effects.push(Math.abs(values.auc.estimate - 0.5) / driftFloors.aucFromHalf);
    effects.push(values.ks.d.estimate / driftFloors.ksDistance);
  }
  if (values?.kind === 'category') {
    effects.push(values.totalVariation.estimate / driftFloors.totalVariation);
    effects.push(values.newCategories.share.estimate / driftFloors.newCategoryShare);
  }
  return effects.length === 0 ? null : Math.max(...effects);
}

function directionOf({ values, missing }: ComparedField, causes: readonly Cause[]): string {
  const words: string[] = [];
  if (values?.kind === 'number') {
    const { auc, liveSpread, referenceSpread } = values;
    if (causes.includes('shape')) {
      words.push(
        liveSpread > referenceSpread ? 'wider' : liveSpread < referenceSpread ? 'narrower' : 'another shape',
      );
    } else if (auc.estimate !== 0.5) words.push(auc.estimate > 0.5 ? 'higher' : 'lower');
  }
  if (values?.kind === 'category') {
    if (values.mostGained !== null) words.push(`more ${values.mostGained}`);
    if (values.mostLost !== null) words.push(`less ${values.mostLost}`);
  }
  if (causes.includes('missing') && missing !== null) {
    words.push(missing.difference.estimate > 0 ? 'more missing' : 'less missing');
  }
  return words.join(', ');
}

function adjustedField(field: ComparedField, values: number | null, missing: number | null): ComparedField {
  return {
    ...field,
    values:
      field.values?.kind === 'number'
        ? { ...field.values, ks: { ...field.values.ks, adjustedP: values } }
        : field.values?.kind === 'category'
          ? { ...field.values, chiSquare: { ...field.values.chiSquare, adjustedP: values } }
          : null,
    missing: field.missing === null ? null : { ...field.missing, adjustedP: missing },
  };
}

/** Null: not tested, as a side has too few values. */
function valuesP(field: ComparedField): number | null {
  if (field.values === null || !hasRows(field)) return null;
  return field.values.kind === 'number' ? field.values.ks.p : field.values.chiSquare.p;
}

function missingP(field: ComparedField): number | null {
  if (Math.min(field.referenceRows, field.liveRows) < driftFloors.rowsMin) return null;
  return field.missing?.p ?? null;
}

function hasRows(field: ComparedField): boolean {
  return Math.min(field.referenceCount, field.liveCount) >= driftFloors.rowsMin;
}

function known(p: number | undefined): number | null {
  return p === undefined || Number.isNaN(p) ? null : p;
}

function fromHalf(auc: DriftInterval): DriftInterval {
  return { estimate: auc.estimate - 0.5, lower: auc.lower - 0.5, upper: auc.upper - 0.5 };
}

function isInside(interval: DriftInterval, floor: number): boolean {
  return interval.lower > -floor && interval.upper < floor;
}
