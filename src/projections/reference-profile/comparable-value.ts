import type { TensorType } from '../../schemas/model-manifest.js';

/**
 * SQL for a value as the model sees it, so that reference and live values are the same number when the model cannot tell
 * them apart: a 23.4 that one file keeps as float32 and the other as float64 would otherwise be two values.
 */
export function comparableValue(type: TensorType, expression: string): string {
  switch (type) {
    case 'float32':
      return `CAST(CAST(${expression} AS FLOAT) AS DOUBLE)`;
    case 'float64':
    case 'int32':
    case 'int64':
      return `CAST(${expression} AS DOUBLE)`;
    case 'bool':
    case 'string':
      return `CAST(${expression} AS VARCHAR)`;
  }
}
