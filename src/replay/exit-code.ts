import { exitCodes } from '../services/platform/errors.js';
import type { ReplayVerdict } from './report/report-schema.js';

/** The exit code of a verdict; what is no verdict (usage, crash, interrupt) has codes of its own, 64 and above. */
export function exitCodeOf(verdict: ReplayVerdict): number {
  switch (verdict) {
    case 'PASS':
      return exitCodes.ok;
    case 'FAIL':
      return exitCodes.fail;
    case 'INCONCLUSIVE':
      return exitCodes.inconclusive;
    case 'INVALID':
      return exitCodes.invalid;
  }
}
