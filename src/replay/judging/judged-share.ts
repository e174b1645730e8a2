import { exactProportionInterval } from '../../stats/exact-proportion.js';
import type { ProportionInterval } from '../../stats/proportion.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { replaySettings } from './replay-settings.js';

const { level } = replaySettings;

/** Rows that count, among all rows asked. */
export interface JudgedShare {
  readonly successes: number;
  readonly trials: number;
}

export interface ShareInterval extends ProportionInterval {
  /** Independent rows that give this interval. */
  readonly effectiveRows: number;
}

/** The exact interval of a share, at the level of all intervals. Undefined without rows. */
export function shareInterval({ successes, trials }: JudgedShare): ShareInterval | UndefinedStatistic {
  const found = exactProportionInterval({ successes, trials, level });
  return found.kind === 'undefined' ? found : { ...found, effectiveRows: trials };
}
