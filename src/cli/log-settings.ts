import { durabilityText } from '../schemas/durability.js';
import type { Config } from '../services/platform/config.js';

/** The log's part of the configuration, by key, in the form in which it is written; null: not set. */
export function logSettings({ log }: Config): Readonly<Record<string, string | null>> {
  return {
    'log.retain': log.retainMs === undefined ? null : durationText(log.retainMs),
    'log.retainBytes': log.retainBytes === undefined ? null : `${log.retainBytes}B`,
    'log.durability': durabilityText(log.durability),
  };
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

function durationText(ms: number): string {
  const [unit, size] = units.find(([, unitMs]) => ms % unitMs === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
