import { exitCodes } from '../services/platform/errors.js';

/** From good to bad: a fault (70) or a mistake in usage (64) outranks every verdict, since it is none. */
const order: readonly number[] = [
  exitCodes.ok,
  exitCodes.inconclusive,
  exitCodes.fail,
  exitCodes.invalid,
  exitCodes.usage,
  exitCodes.internal,
];

/** The exit code of several replays: that of the worst, INVALID before FAIL before INCONCLUSIVE before PASS. */
export function worstExitCode(codes: readonly number[]): number {
  const rank = (code: number): number => {
    const at = order.indexOf(code);
    return at === -1 ? order.length : at;
  };
  return codes.reduce((worst, code) => (rank(code) > rank(worst) ? code : worst), exitCodes.ok);
}
