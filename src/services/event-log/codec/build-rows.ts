import { type Shape, type ShapeNode } from './shape.js';
import { setOwn } from './node.js';

export type Columns = readonly (readonly unknown[])[];

/** Makes the object of one row: `columns[leaf][row]` for every leaf of the shape, in the shape's key order. */
export type BuildRow = (columns: Columns, row: number, position: number, recordedAt: number) => unknown;

const compiledLeavesMax = 512;

/**
 * Compiled for shapes that came up often: a literal with its keys written out makes an object in 55 ns where keyed
 * stores take 720 (20 fields, Node 20). Where code from text is forbidden, the keyed form serves.
 */
export function compileBuildRow(shape: Shape): BuildRow {
  if (shape.leaves > compiledLeavesMax) return keyedBuildRow(shape);
  const fields = literalFields(shape.root, { leaf: 0 });
  try {
    // Nothing of the text is data but key names, and JSON.stringify makes each a string literal.
    // oxlint-disable-next-line no-new-func
    const build: unknown = new Function('c', 'i', 'p', 'r', `return {${fields},position:p,recordedAt:r};`);
    if (!isBuildRow(build)) return keyedBuildRow(shape);
    return build;
  } catch (error) {
    if (error instanceof EvalError) return keyedBuildRow(shape);
    throw error;
  }
}

export function keyedBuildRow(shape: Shape): BuildRow {
  return (columns, row, position, recordedAt) => {
    const result = keyedObject(shape.root, columns, row, { leaf: 0 });
    result['position'] = position;
    result['recordedAt'] = recordedAt;
    return result;
  };
}

function literalFields(node: ShapeNode, next: { leaf: number }): string {
  return node.entries
    .map((entry) => {
      // In brackets: as a plain key of a literal, __proto__ would set the prototype.
      const key = `[${JSON.stringify(entry.key)}]`;
      if (entry.child !== undefined) return `${key}:{${literalFields(entry.child, next)}}`;
      const value = `${key}:c[${next.leaf}][i]`;
      next.leaf += 1;
      return value;
    })
    .join(',');
}

function keyedObject(
  node: ShapeNode,
  columns: Columns,
  row: number,
  next: { leaf: number },
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const entry of node.entries) {
    if (entry.child !== undefined) setOwn(result, entry.key, keyedObject(entry.child, columns, row, next));
    else {
      setOwn(result, entry.key, columns[next.leaf]?.[row]);
      next.leaf += 1;
    }
  }
  return result;
}

function isBuildRow(value: unknown): value is BuildRow {
  return typeof value === 'function';
}
