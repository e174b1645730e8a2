import { z } from 'zod';

const dayMs = 86_400_000;
const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: dayMs,
  w: 7 * dayMs,
};
const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `90d`, `12h`, `4w` → milliseconds. */
export const Duration = quantity(unitMs, 'a duration such as 90d, 12h or 4w');

/** `20GB`, `512MiB` → bytes. */
export const ByteSize = quantity(unitBytes, 'a size such as 20GB or 512MiB');

function quantity(units: Readonly<Record<string, number>>, expected: string) {
  return z.string().transform((text, context): number => {
    const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text.trim()) ?? [];
    const value = Math.round(Number(digits) * (Object.hasOwn(units, unit) ? (units[unit] ?? 0) : 0));
    if (value > 0 && Number.isSafeInteger(value)) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}, not ${JSON.stringify(text)}` });
    return z.NEVER;
  });
}
