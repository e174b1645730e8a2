import { describe, expect, it } from 'vitest';
import { formatMicros, parseTimeOption } from '../../../src/replay/time-option.js';

const now = Date.UTC(2026, 5, 15, 12) * 1000;

describe('a time option', () => {
  it.each([
    ['7d', '2026-06-08T12:00:00Z'],
    ['24h', '2026-06-14T12:00:00Z'],
    ['90m', '2026-06-15T10:30:00Z'],
    ['30s', '2026-06-15T11:59:30Z'],
    ['4w', '2026-05-18T12:00:00Z'],
    ['0d', '2026-06-15T12:00:00Z'],
    ['2026-01-31', '2026-01-31T00:00:00Z'],
    ['2028-02-29', '2028-02-29T00:00:00Z'],
    ['2026-01-31T08:00Z', '2026-01-31T08:00:00Z'],
    ['2026-01-31T08:00:00Z', '2026-01-31T08:00:00Z'],
    ['2026-01-31T08:00:00.25Z', '2026-01-31T08:00:00.25Z'],
    ['2026-01-31T08:00:00.000001Z', '2026-01-31T08:00:00.000001Z'],
    ['2026-01-31T08:00:00+02:00', '2026-01-31T06:00:00Z'],
    ['2026-01-31T23:30:00-01:30', '2026-02-01T01:00:00Z'],
  ])('%s means %s', (text, instant) => {
    expect(formatMicros(parseTimeOption(text, now))).toBe(instant);
  });

  it.each([
    '',
    'yesterday',
    '7',
    'd',
    '-7d',
    '7 d',
    '7y',
    '1.5h',
    '2026-13-01',
    '2026-02-30',
    '2026-1-5',
    '2026-01-31T25:00:00Z',
    '2026-01-31T08:00:00',
    '2026-01-31 08:00:00Z',
    '2026-01-31T08:00:00+25:00',
    '999999999w',
  ])('refuses %j, and names the option', (text) => {
    expect(() => parseTimeOption(text, now, '--since')).toThrow(
      expect.objectContaining({
        code: 'TIME_INVALID',
        exitCode: 64,
        message: expect.stringContaining('--since'),
      }),
    );
  });

  it('reads back every time that it writes', () => {
    for (const micros of [0, 1, 999_999, 1_000_000, now + 123_456, -1]) {
      expect(parseTimeOption(formatMicros(micros), now)).toBe(micros);
    }
  });
});
