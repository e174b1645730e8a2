import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { FieldProfile, ReferenceProfile } from '../../schemas/reference-profile.js';
import type { OutputBatch } from '../../services/inference/inference-model.js';
import { categoryProfile, numberProfile } from './field-profile.js';

interface OutputCounts {
  readonly kind: 'number' | 'category';
  readonly numbers: Map<number, number>;
  readonly categories: Map<string, number>;
  missing: number;
}

/** Runs the model over the batches and counts what it says, by role. A label is a category, whatever its type. */
export async function countOutputs(
  batches: AsyncIterable<ColumnBatch>,
  run: (batch: ColumnBatch) => Promise<OutputBatch>,
): Promise<ReferenceProfile['outputs']> {
  const outputs = new Map<string, OutputCounts>();
  for await (const batch of batches) {
    const result = await run(batch);
    for (const [role, column] of Object.entries(result.outputs)) {
      const counts = outputs.get(role) ?? {
        kind: isNumeric(role, column) ? 'number' : 'category',
        numbers: new Map<number, number>(),
        categories: new Map<string, number>(),
        missing: 0,
      };
      outputs.set(role, counts);
      countColumn(counts, column, result.rows);
    }
  }
  return Object.fromEntries(
    [...outputs].map(([role, counts]): [string, FieldProfile] => [
      role,
      counts.kind === 'number'
        ? numberProfile(counts.numbers, counts.missing)
        : categoryProfile(counts.categories, counts.missing),
    ]),
  );
}

function isNumeric(role: string, column: Column): boolean {
  return role !== 'label' && (column.kind === 'number' || column.kind === 'integer');
}

function countColumn(counts: OutputCounts, column: Column, rows: number): void {
  for (let row = 0; row < rows; row += 1) {
    if (column.valid !== undefined && column.valid[row] === 0) {
      counts.missing += 1;
    } else if (counts.kind === 'number' && (column.kind === 'number' || column.kind === 'integer')) {
      const value = Number(column.values[row]);
      counts.numbers.set(value, (counts.numbers.get(value) ?? 0) + 1);
    } else {
      const value = textAt(column, row);
      counts.categories.set(value, (counts.categories.get(value) ?? 0) + 1);
    }
  }
}

/** As `CAST(… AS VARCHAR)` writes the recorded value. */
function textAt(column: Column, row: number): string {
  switch (column.kind) {
    case 'dictionary':
      return column.dictionary[column.codes[row] ?? 0] ?? '';
    case 'boolean':
      return column.values[row] === 0 ? 'false' : 'true';
    case 'number':
    case 'integer':
    case 'text':
      return String(column.values[row]);
  }
}
