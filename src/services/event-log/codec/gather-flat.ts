import { isPlainObject } from './node.js';
import { type Plan, type Shape, type ShapeNode, plan, plannedFor } from './shape.js';

/** The values of an event's leaves in order, or undefined when it has another shape, or an undefined in it. */
export function gatherFlat(shape: Shape, event: Record<string, unknown>): unknown[] | undefined {
  const values: unknown[] = [];
  return gather(shape.root, event, plan, values) ? values : undefined;
}

/** As `gatherFlat`, for the event from which the shape was made: undefined fields are stepped over. */
export function gatherSparseFlat(shape: Shape, event: Record<string, unknown>): unknown[] {
  const values: unknown[] = [];
  gatherKnown(shape.root, event, values);
  return values;
}

function gather(
  { entries }: ShapeNode,
  value: Record<string, unknown>,
  inside: Plan | undefined,
  values: unknown[],
): boolean {
  let index = 0;
  for (const key in value) {
    const entry = entries[index];
    if (entry === undefined || entry.key !== key || !Object.hasOwn(value, key)) return false;
    index += 1;
    const item = value[key];
    if (item === undefined) return false;
    const planned = inside === undefined ? undefined : plannedFor(inside, key);
    if (entry.child === undefined) {
      if (planned !== undefined && isPlainObject(item)) return false;
      values.push(item);
    } else if (planned === undefined || !isPlainObject(item) || !gather(entry.child, item, planned, values)) {
      return false;
    }
  }
  return index === entries.length;
}

function gatherKnown({ entries }: ShapeNode, value: Record<string, unknown>, values: unknown[]): void {
  for (const { key, child } of entries) {
    const item = value[key];
    if (child !== undefined && isPlainObject(item)) gatherKnown(child, item, values);
    else values.push(item);
  }
}
