import type { ShownPrediction } from './show-prediction.js';

export function renderPrediction(shown: ShownPrediction): string {
  return shown.id;
}
