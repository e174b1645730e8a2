import type { PlanOptions } from '../plan-replay.js';
import { formatMicros } from '../time-option.js';

/** The command line that gives the same report on the same log: absolute times, and every option that matters. */
export function reproduceCommand(options: PlanOptions, knownUntil: number | undefined): string {
  const { range, control, sample, where, missingFeature, set, slices = [] } = options;
  const words = [
    'replay',
    '--model',
    `${options.model}@${options.candidate}`,
    ...(control === 'recorded' ? [] : ['--control', control.version]),
    '--since',
    formatMicros(range.fromMicros),
    '--until',
    formatMicros(range.untilMicros),
    ...(knownUntil === undefined ? [] : ['--as-of', formatMicros(knownUntil)]),
    '--expect',
    options.expect,
    ...(sample === undefined ? [] : ['--sample', String(sample)]),
    ...(options.gates === undefined ? [] : ['--gates', options.gates]),
    '--seed',
    String(options.seed),
    ...(where === undefined ? [] : ['--where', where]),
    ...(missingFeature === 'fail' ? [] : ['--missing-feature', missingFeature]),
    ...[...new Set(slices)].flatMap((feature) => ['--slice', feature]),
    ...Object.entries(set ?? {}).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`]),
  ];
  return words.map(quoted).join(' ');
}

/** As a POSIX shell reads it back. */
function quoted(word: string): string {
  return /^[\w@.:=+/-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
