/**
 * Why `value` cannot be given to a float32 tensor, or undefined when it can. Rounding a fraction to the nearest
 * float32 is what training did as well; turning a finite number into infinity, or one integer into another, is not.
 */
export function float32Loss(value: number): string | undefined {
  const rounded = Math.fround(value);
  if (rounded === value || value !== value) return undefined;
  if (!Number.isFinite(rounded)) return `${value} is beyond the range of float32`;
  if (Number.isSafeInteger(value)) return `${value} would become ${rounded} in float32`;
  return undefined;
}
