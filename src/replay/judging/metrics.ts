import { pairedAuc } from '../../stats/auc.js';
import { pairedProportionDifference } from '../../stats/proportion.js';
import type { ReplayMetric } from '../report/report-schema.js';
import type { FlipCounts } from './flips.js';
import { intervalOf } from './interval-of.js';
import { fitsFloat32, gathered, rowsWithTruth } from './judged-losses.js';
import type { LossTally } from './loss-tally.js';
import type { MeanTally } from './mean-tally.js';
import type { PairedRows } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

const { level } = replaySettings;

/** What is shown of both sides, each with the paired interval of its difference. `flips`, `values`: where there are any. */
export function metricsOf(found: {
  readonly rows: PairedRows;
  readonly losses: LossTally;
  readonly flips: FlipCounts | undefined;
  readonly values: MeanTally | undefined;
}): ReplayMetric[] {
  const { rows, losses, flips, values } = found;
  const { problem } = losses;
  const metrics: ReplayMetric[] = [];
  if (rows.task === 'regression') {
    metrics.push(meanMetric('mean absolute error', 'lower', losses.loss, problem));
    metrics.push(meanMetric('mean error', 'neither', losses.error, problem));
  } else {
    metrics.push(meanMetric('log loss', 'lower', losses.loss, problem));
    if (rows.task === 'binary-classification') {
      metrics.push(meanMetric('Brier score', 'lower', losses.brier, problem));
      metrics.push(aucMetric(rows));
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
    if (rows.task === 'binary-classification') metrics.push(positiveRate(flips));
  }
  if (values !== undefined) {
    metrics.push(
      meanMetric(rows.task === 'regression' ? 'mean value' : 'mean score', 'neither', values, undefined),
    );
  }
  return metrics;
}

function meanMetric(
  name: string,
  better: ReplayMetric['better'],
  tally: MeanTally,
  problem: string | undefined,
): ReplayMetric {
  if (problem !== undefined || tally.rows === 0) return absent(name, better, problem ?? 'no row has a truth');
  const paired = tally.interval();
  return {
    name,
    rows: tally.rows,
    control: tally.control,
    candidate: tally.candidate,
    difference: tally.difference.mean,
    interval: paired.kind === 'value' ? intervalOf(paired) : null,
    better,
    note: paired.kind === 'value' ? null : paired.reason,
  };
}

function aucMetric(rows: PairedRows): ReplayMetric {
  const row = rowsWithTruth(rows.truth);
  const control = gathered(rows.control.value, row);
  const candidate = gathered(rows.candidate.value, row);
  if (row.length === 0 || control.includes(Number.NaN)) {
    return absent('AUC', 'higher', 'no row has a truth and a score');
  }
  // In 32 bits, where nothing is lost by it, ranking takes half the time.
  const single = fitsFloat32(control) && fitsFloat32(candidate);
  const paired = pairedAuc({
    controlScores: single ? new Float32Array(control) : control,
    candidateScores: single ? new Float32Array(candidate) : candidate,
    labels: new Uint8Array(gathered(rows.truth, row)),
    level,
  });
  if (paired.kind === 'undefined') return absent('AUC', 'higher', paired.reason);
  return {
    name: 'AUC',
    rows: row.length,
    control: paired.controlAuc,
    candidate: paired.candidateAuc,
    difference: paired.difference,
    interval: intervalOf(paired),
    better: 'higher',
    note: paired.degenerate && paired.difference !== 0 ? 'too few rows to see any variation' : null,
  };
}

function positiveRate(flips: FlipCounts): ReplayMetric {
  return shareMetric('positive rate', 'neither', {
    rows: flips.rows,
    control: flips.cell(1, 0) + flips.cell(1, 1),
    candidateOnly: flips.cell(0, 1),
    controlOnly: flips.cell(1, 0),
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
