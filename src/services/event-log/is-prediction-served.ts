export function isPredictionServed(_event: unknown): boolean {
  return false;
}
