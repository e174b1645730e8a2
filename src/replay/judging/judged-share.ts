import { clusteredPairedDifference, clusteredProportionInterval } from '../../stats/clustered-proportion.js';
import type { RealProportion } from '../../stats/exact-proportion.js';
import { exactProportionInterval } from '../../stats/exact-proportion.js';
import { rowsPerSubject } from '../../stats/hashed-subjects.js';
import type { ProportionInterval } from '../../stats/proportion.js';
import { pairedProportionDifference, pairedScoreInterval } from '../../stats/proportion.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { replaySettings } from './replay-settings.js';

const { level } = replaySettings;

/** Rows that count, among all rows asked. */
export interface JudgedShare {
  readonly successes: number;
  readonly trials: number;
  /** The same by the cell of the subject; undefined: rows are taken as independent. */
  readonly cells: { readonly rows: Float64Array; readonly successes: Float64Array } | undefined;
}

export interface ShareInterval extends ProportionInterval {
  /** Independent rows that give this interval; not a whole number over cells. */
  readonly effectiveRows: number;
}

/** The exact interval of a share, at the level of all intervals; on effective rows where there are cells. Undefined without rows. */
export function shareInterval(share: JudgedShare): ShareInterval | UndefinedStatistic {
  const { successes, trials, cells } = share;
  if (cells === undefined || trials === 0) return ofRows({ successes, trials });
  const found = clusteredProportionInterval({
    clusters: cells,
    alikeRows: rowsPerSubject(cells.rows),
    level,
  });
  // All rows in one cell, of one subject perhaps: nothing shows that they are worth more than one.
  return found.kind === 'undefined' ? ofRows({ successes: successes / trials, trials: 1 }) : found;
}

function ofRows(rows: RealProportion): ShareInterval | UndefinedStatistic {
  const found = exactProportionInterval({ ...rows, level });
  return found.kind === 'undefined' ? found : { ...found, effectiveRows: rows.trials };
}

/** Rows that were a success for one side alone. */
export interface JudgedDifference {
  readonly rows: number;
  readonly candidateOnly: number;
  readonly controlOnly: number;
  /** As in `JudgedShare`. */
  readonly cells:
    | {
        readonly rows: Float64Array;
        readonly candidateOnly: Float64Array;
        readonly controlOnly: Float64Array;
      }
    | undefined;
}

/** The paired score interval of candidate − control, likewise. */
export function differenceInterval(of: JudgedDifference): ProportionInterval | UndefinedStatistic {
  const { rows, candidateOnly, controlOnly, cells } = of;
  if (cells === undefined || rows === 0)
    return pairedProportionDifference({ rows, candidateOnly, controlOnly, level });
  const found = clusteredPairedDifference({ clusters: cells, alikeRows: rowsPerSubject(cells.rows), level });
  return found.kind === 'value'
    ? found
    : pairedScoreInterval({
        rows: 1,
        candidateOnly: candidateOnly / rows,
        controlOnly: controlOnly / rows,
        level,
      });
}
