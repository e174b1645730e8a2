import { binomialTest } from './binomial-test.js';
import { checkCount } from './checks.js';
import { chiSquareSf } from './chi-square-distribution.js';

export type McNemarMethod = 'exact' | 'chi-square' | 'chi-square-corrected';

export interface McNemar {
  /** Pairs in which exactly one of the two was right. */
  readonly discordant: number;
  readonly method: McNemarMethod;
  /** The chi-square statistic with one degree of freedom; the smaller count where the method is exact. */
  readonly statistic: number;
  /** Two-sided; 1 when no pair is discordant. */
  readonly p: number;
}

/**
 * McNemar's test on paired right/wrong answers: rows that only the control got right against rows that only the candidate
 * got right. Exact by default, as the exact test costs no more at any size.
 */
export function mcNemar(options: {
  readonly controlOnly: number;
  readonly candidateOnly: number;
  readonly method?: McNemarMethod;
}): McNemar {
  const { controlOnly, candidateOnly, method = 'exact' } = options;
  checkCount('controlOnly', controlOnly);
  checkCount('candidateOnly', candidateOnly);
  const discordant = controlOnly + candidateOnly;
  const smaller = Math.min(controlOnly, candidateOnly);
  if (method === 'exact') {
    return {
      discordant,
      method,
      statistic: smaller,
      p: binomialTest({ successes: smaller, trials: discordant }),
    };
  }
  if (discordant === 0) return { discordant, method, statistic: 0, p: 1 };
  const gap = Math.abs(controlOnly - candidateOnly) - (method === 'chi-square-corrected' ? 1 : 0);
  const statistic = (gap * gap) / discordant;
  return { discordant, method, statistic, p: chiSquareSf({ x: statistic, df: 1 }) };
}
