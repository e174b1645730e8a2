import type { Task } from '../../schemas/model-manifest.js';
import type { PairedAuc } from '../../stats/auc.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import type { ReplayMetric } from '../report/report-schema.js';
import { classRates } from './class-metrics.js';
import type { FlipCounts } from './flips.js';
import { intervalOf } from './interval-of.js';
import type { JudgedDifference } from './judged-share.js';
import { differenceInterval } from './judged-share.js';
import type { LossTally } from './loss-tally.js';
import { intervalOfMean, type PairedTally } from './mean-tally.js';

/** What is shown of both sides, each with the paired interval of its difference. `flips`, `values`: where there are any. */
export function metricsOf(found: {
  readonly task: Task;
  readonly losses: LossTally;
  readonly flips: FlipCounts | undefined;
  readonly values: PairedTally | undefined;
  /** See `JudgeQuestion`. */
  readonly auc: PairedAuc | UndefinedStatistic | undefined;
  /** See `GateRules`. */
  readonly errorWithin: number | undefined;
}): ReplayMetric[] {
  const { task, losses, flips, values, auc, errorWithin } = found;
  const { problem } = losses;
  const metrics: ReplayMetric[] = [];
  if (task === 'regression') {
    metrics.push(meanMetric('mean absolute error', 'lower', losses.loss, problem));
    metrics.push(rootMeanSquare(losses.squaredError));
    metrics.push(meanMetric('mean error', 'neither', losses.error, problem));
    if (errorWithin !== undefined) metrics.push(withinMetric(errorWithin, losses));
  } else {
    metrics.push(meanMetric('log loss', 'lower', losses.loss, problem));
    if (task === 'binary-classification') {
      metrics.push(meanMetric('Brier score', 'lower', losses.brier, problem));
      metrics.push(aucMetric(losses.judged, auc));
    }
  }
  if (flips !== undefined) {
    const { cells } = flips;
    metrics.push(
      shareMetric('accuracy', 'higher', {
        rows: flips.judged,
        control: flips.controlRight,
        candidateOnly: flips.wrongToRight,
        controlOnly: flips.rightToWrong,
        cells:
          cells === undefined
            ? undefined
            : { rows: cells.judged, candidateOnly: cells.wrongToRight, controlOnly: cells.rightToWrong },
      }),
    );
    if (task === 'binary-classification') metrics.push(...ofPositives(flips), positiveRate(flips));
  }
  if (values !== undefined) {
    metrics.push(
      meanMetric(task === 'regression' ? 'mean value' : 'mean score', 'neither', values, undefined),
    );
  }
  return metrics;
}

function meanMetric(
  name: string,
  better: ReplayMetric['better'],
  tally: PairedTally | undefined,
  problem: string | undefined,
): ReplayMetric {
  if (problem !== undefined || tally === undefined) {
    return absent(name, better, problem ?? 'no row has a truth');
  }
  const { count, mean } = tally.difference;
  const paired = intervalOfMean(tally.difference);
  return {
    name,
    rows: count,
    control: tally.control / count,
    candidate: tally.candidate / count,
    difference: mean,
    interval: paired.kind === 'value' ? intervalOf(paired) : null,
    better,
    note: paired.kind === 'value' ? null : paired.reason,
  };
}

function aucMetric(rows: number, paired: PairedAuc | UndefinedStatistic | undefined): ReplayMetric {
  if (rows === 0 || paired === undefined) return absent('AUC', 'higher', 'no row has a truth and a score');
  if (paired.kind === 'undefined') return absent('AUC', 'higher', paired.reason);
  return {
    name: 'AUC',
    rows,
    control: paired.controlAuc,
    candidate: paired.candidateAuc,
    difference: paired.difference,
    interval: intervalOf(paired),
    better: 'higher',
    note: paired.degenerate && paired.difference !== 0 ? 'too few rows to see any variation' : null,
  };
}

/** Root mean square error. Its difference is that of the mean squares over the sum of the roots, which is taken as known. */
function rootMeanSquare(tally: PairedTally | undefined): ReplayMetric {
  const squares = meanMetric('root mean square error', 'lower', tally, undefined);
  const { control, candidate, difference, interval } = squares;
  if (control === null || candidate === null || difference === null) return squares;
  const roots = Math.sqrt(control) + Math.sqrt(candidate);
  return {
    ...squares,
    control: Math.sqrt(control),
    candidate: Math.sqrt(candidate),
    difference: roots === 0 ? 0 : difference / roots,
    interval:
      interval === null || roots === 0
        ? interval
        : { ...interval, lower: interval.lower / roots, upper: interval.upper / roots },
  };
}

export function errorWithinName(limit: number | undefined): string {
  return `share off by at most ${limit}`;
}

function withinMetric(limit: number, { judged, within }: LossTally): ReplayMetric {
  const name = errorWithinName(limit);
  return within === undefined
    ? absent(name, 'higher', 'no row has a truth')
    : shareMetric(name, 'higher', { rows: judged, ...within, cells: undefined });
}

/** Recall has a paired interval, over the rows that are positive; precision is over other rows on either side, so it has none. */
function ofPositives({ classes }: FlipCounts): ReplayMetric[] {
  const positive = classes[1];
  if (positive === undefined || positive.rows === 0) return [];
  const { precision } = classRates(positive);
  return [
    shareMetric('recall', 'higher', {
      rows: positive.rows,
      control: positive.controlRight,
      candidateOnly: positive.candidateOnly,
      controlOnly: positive.controlOnly,
      cells: undefined,
    }),
    {
      name: 'precision',
      rows: Math.min(positive.controlSaid, positive.candidateSaid),
      control: precision.control,
      candidate: precision.candidate,
      difference:
        precision.control === null || precision.candidate === null
          ? null
          : precision.candidate - precision.control,
      interval: null,
      better: 'higher',
      note: 'no interval: the sides call other rows positive',
    },
  ];
}

function positiveRate(flips: FlipCounts): ReplayMetric {
  const [[, toPositive = 0] = [], [toNegative = 0, both = 0] = []] = flips.matrix;
  const { cells } = flips;
  return shareMetric('positive rate', 'neither', {
    rows: flips.rows,
    control: toNegative + both,
    candidateOnly: toPositive,
    controlOnly: toNegative,
    cells:
      cells === undefined
        ? undefined
        : { rows: cells.rows, candidateOnly: cells.toPositive, controlOnly: cells.toNegative },
  });
}

function shareMetric(
  name: string,
  better: ReplayMetric['better'],
  counts: JudgedDifference & { readonly control: number },
): ReplayMetric {
  const { rows, control, candidateOnly, controlOnly } = counts;
  const paired = differenceInterval(counts);
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
