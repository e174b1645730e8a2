/** Numbers as reports show them: the same everywhere, free of locale. */

/** Grouped by thousands. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** About `digits` significant digits, plain where that is short; `–` for what could not be computed. */
export function formatValue(value: number | null, digits = 4): string {
  if (value === null) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(Math.max(0, digits - 2)).replace('e+', 'e');
  const decimals = size >= 1 ? Math.max(0, digits - 1 - Math.floor(Math.log10(size))) : digits;
  return value.toFixed(decimals);
}

/** With its sign, as differences are read. */
export function formatSigned(value: number | null, digits = 4): string {
  if (value === null) return '–';
  return value > 0 ? `+${formatValue(value, digits)}` : formatValue(value, digits).replace('-', '−');
}

export function formatInterval(
  interval: { readonly lower: number; readonly upper: number } | null,
  digits = 4,
): string {
  if (interval === null) return '';
  return `[${formatSigned(interval.lower, digits)}, ${formatSigned(interval.upper, digits)}]`;
}

export function formatPercent(share: number, decimals = 1): string {
  const percent = 100 * share;
  return `${percent > 0 && percent < 10 ** -decimals ? percent.toPrecision(2) : percent.toFixed(decimals)} %`;
}
