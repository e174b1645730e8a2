import { pairedAuc } from '../../stats/auc.js';
import { meanInterval } from '../../stats/paired-mean.js';
import { pairedProportionDifference } from '../../stats/proportion.js';
import type { Interval, ReplayMetric } from '../report/report-schema.js';
import type { FlipCounts } from './flips.js';
import type { BinaryJudged, JudgedLosses } from './judged-losses.js';
import type { PairedRows } from './paired-rows.js';
import { pairedMoments } from './paired-moments.js';
import { replaySettings } from './replay-settings.js';

const { level } = replaySettings;

/** What is shown of both sides, each with the paired interval of its difference. */
export function metricsOf(
  rows: PairedRows,
  judged: JudgedLosses,
  flips: FlipCounts | undefined,
): ReplayMetric[] {
  const metrics: ReplayMetric[] = [];
  const { loss, binary } = judged;
  if (rows.task === 'regression') {
    metrics.push(meanMetric('mean absolute error', 'lower', loss, judged.problem));
    metrics.push(meanMetric('mean error', 'neither', errorsOf(rows, judged.row), undefined));
  } else {
    metrics.push(meanMetric('log loss', 'lower', loss, judged.problem));
    if (rows.task === 'binary-classification') {
      metrics.push(meanMetric('Brier score', 'lower', binary?.brier, judged.problem));
      metrics.push(aucMetric(binary));
    }
  }
  if (flips !== undefined) {
    metrics.push(
      shareMetric('accuracy', 'higher', {
        rows: flips.judged,
        control: flips.controlRight,
        candidateOnly: flips.wrongToRight,
        controlOnly: flips.rightToWrong,
      }),
    );
    if (rows.task === 'binary-classification') metrics.push(positiveRate(rows.rows, flips));
  }
  if (rows.task !== 'multiclass-classification') {
    const name = rows.task === 'regression' ? 'mean value' : 'mean score';
    const values = { control: rows.control.value, candidate: rows.candidate.value };
    if (!values.control.includes(Number.NaN)) metrics.push(meanMetric(name, 'neither', values, undefined));
  }
  return metrics;
}

interface Sides {
  readonly control: Float64Array;
  readonly candidate: Float64Array;
}

function meanMetric(
  name: string,
  better: ReplayMetric['better'],
  sides: Sides | undefined,
  problem: string | undefined,
): ReplayMetric {
  if (sides === undefined || sides.control.length === 0) {
    return absent(name, better, problem ?? 'no row has a truth');
  }
  const { control, candidate, difference } = pairedMoments(sides);
  const paired = meanInterval({ moments: difference, level });
  return {
    name,
    rows: sides.control.length,
    control,
    candidate,
    difference: difference.mean,
    interval: paired.kind === 'value' ? intervalOf(paired) : null,
    better,
    note: paired.kind === 'value' ? null : paired.reason,
  };
}

function aucMetric(binary: BinaryJudged | undefined): ReplayMetric {
  if (binary === undefined || binary.truth.length === 0)
    return absent('AUC', 'higher', 'no row has a truth and a score');
  const { control, candidate } = binary.scores;
  const paired = pairedAuc({
    controlScores: control,
    candidateScores: candidate,
    labels: binary.truth,
    level,
  });
  if (paired.kind === 'undefined') return absent('AUC', 'higher', paired.reason);
  return {
    name: 'AUC',
    rows: binary.truth.length,
    control: paired.controlAuc,
    candidate: paired.candidateAuc,
    difference: paired.difference,
    interval: intervalOf(paired),
    better: 'higher',
    note: paired.degenerate && paired.difference !== 0 ? 'too few rows to see any variation' : null,
  };
}

function positiveRate(rows: number, flips: FlipCounts): ReplayMetric {
  const at = (control: number, candidate: number): number => flips.matrix[control]?.[candidate] ?? 0;
  return shareMetric('positive rate', 'neither', {
    rows,
    control: at(1, 0) + at(1, 1),
    candidateOnly: at(0, 1),
    controlOnly: at(1, 0),
  });
}

function shareMetric(
  name: string,
  better: ReplayMetric['better'],
  counts: {
    readonly rows: number;
    readonly control: number;
    readonly candidateOnly: number;
    readonly controlOnly: number;
  },
): ReplayMetric {
  const { rows, control, candidateOnly, controlOnly } = counts;
  const paired = pairedProportionDifference({ candidateOnly, controlOnly, rows, level });
  if (paired.kind === 'undefined') return absent(name, better, 'no row has a truth');
  return {
    name,
    rows,
    control: control / rows,
    candidate: (control + candidateOnly - controlOnly) / rows,
    difference: paired.estimate,
    interval: intervalOf(paired),
    better,
    note: null,
  };
}

function absent(name: string, better: ReplayMetric['better'], note: string): ReplayMetric {
  return { name, rows: 0, control: null, candidate: null, difference: null, interval: null, better, note };
}

export function intervalOf(limits: { readonly lower: number; readonly upper: number }): Interval {
  return { lower: limits.lower, upper: limits.upper, level };
}

function errorsOf(rows: PairedRows, judgedRow: Int32Array): Sides {
  const of = (values: Float64Array): Float64Array => {
    const found = new Float64Array(judgedRow.length);
    for (let index = 0; index < found.length; index += 1) {
      const row = judgedRow[index] ?? 0;
      found[index] = (values[row] ?? Number.NaN) - (rows.truth[row] ?? Number.NaN);
    }
    return found;
  };
  return { control: of(rows.control.value), candidate: of(rows.candidate.value) };
}
