import { errors } from '../services/platform/errors.js';

const durationMicros: { readonly [unit: string]: number } = {
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
  w: 604_800_000_000,
};

const duration = /^(\d{1,9})([smhdw])$/;
const day = /^(\d{4})-(\d{2})-(\d{2})$/;
const instant = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * What `--since`, `--until` and `--as-of` mean, as microseconds UTC: a duration back from now (`90m`, `24h`, `7d`, `4w`, `30s`),
 * a day (`2026-01-31`, its first instant in UTC), or an instant with its offset (`2026-01-31T08:00:00Z`, up to microseconds).
 * Throws TIME_INVALID for anything else; a time without an offset is refused, since it would depend on the machine.
 */
export function parseTimeOption(text: string, nowMicros: number, option = 'the time'): number {
  const invalid = () => errors.TIME_INVALID({ option, value: text });
  const back = duration.exec(text);
  if (back !== null) {
    const micros = nowMicros - Number(back[1]) * (durationMicros[back[2] ?? ''] ?? Number.NaN);
    if (!Number.isSafeInteger(micros)) throw invalid();
    return micros;
  }
  const whole = day.exec(text) ?? instant.exec(text);
  if (whole === null) throw invalid();
  const [, year = '', month = '', date = '', hours = '00', minutes = '00', seconds = '00', fraction = ''] =
    whole;
  const offset = whole[8] ?? 'Z';
  const written = `${year}-${month}-${date}T${hours}:${minutes}:${seconds}.000Z`;
  const millis = Date.parse(written);
  // Date.parse takes 2026-02-30 for 2 March in some engines: what comes back must be what was written.
  if (Number.isNaN(millis) || new Date(millis).toISOString() !== written) throw invalid();
  const offsetMinutes =
    offset === 'Z'
      ? 0
      : (offset.startsWith('-') ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6)));
  if (Math.abs(offsetMinutes) > 14 * 60) throw invalid();
  return millis * 1000 + Number(fraction.padEnd(6, '0')) - offsetMinutes * 60_000_000;
}

/** An absolute time as `parseTimeOption` reads it back: UTC, with microseconds only where there are any. */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const rest = micros - seconds * 1_000_000;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return rest === 0 ? `${whole}Z` : `${whole}.${String(rest).padStart(6, '0').replace(/0+$/, '')}Z`;
}
