import { isPlainObject } from './node.js';

/** One field: a column of its own, or an object whose fields have theirs. */
export interface ShapeEntry {
  readonly key: string;
  readonly child: ShapeNode | undefined;
}

export interface ShapeNode {
  readonly entries: readonly ShapeEntry[];
}

/** The keys of an event in their order, with the objects that are taken apart. Leaves are numbered in this order. */
export interface Shape {
  readonly root: ShapeNode;
  readonly leaves: number;
}

/** Which objects of an event are taken apart into columns; every other object is one value. */
interface Plan {
  readonly [key: string]: Plan;
}
const none: Plan = {};
const plan: Plan = {
  data: { latency: none, outputs: none },
  sensitive: { inputs: none },
};

/** The shape of an event. Fields that are undefined count as absent. */
export function shapeOf(event: Record<string, unknown>): Shape {
  const counter = { leaves: 0 };
  const root = nodeOf(event, plan, counter);
  return { root, leaves: counter.leaves };
}

function nodeOf(value: Record<string, unknown>, inside: Plan, counter: { leaves: number }): ShapeNode {
  const entries: ShapeEntry[] = [];
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (item === undefined) continue;
    const planned = plannedFor(inside, key);
    if (planned !== undefined && isPlainObject(item)) {
      entries.push({ key, child: nodeOf(item, planned, counter) });
    } else {
      entries.push({ key, child: undefined });
      counter.leaves += 1;
    }
  }
  return { entries };
}

/**
 * Puts the event's values into the columns when the event has exactly this shape; otherwise returns false, and the
 * columns may hold values of this row, to be cut off by the caller.
 */
export function gather(shape: Shape, event: Record<string, unknown>, columns: readonly unknown[][]): boolean {
  return gatherNode(shape.root, event, plan, columns, 0) === shape.leaves;
}

function gatherNode(
  node: ShapeNode,
  value: Record<string, unknown>,
  inside: Plan,
  columns: readonly unknown[][],
  firstLeaf: number,
): number {
  const keys = Object.keys(value);
  const { entries } = node;
  if (keys.length !== entries.length) return -1;
  let leaf = firstLeaf;
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index];
    if (entry === undefined || keys[index] !== entry.key) return -1;
    const item = value[entry.key];
    if (item === undefined) return -1;
    const planned = inside === none ? undefined : plannedFor(inside, entry.key);
    if (entry.child !== undefined) {
      if (planned === undefined || !isPlainObject(item)) return -1;
      leaf = gatherNode(entry.child, item, planned, columns, leaf);
      if (leaf < 0) return -1;
    } else {
      if (planned !== undefined && isPlainObject(item)) return -1;
      columns[leaf]?.push(item);
      leaf += 1;
    }
  }
  return leaf;
}

/** As `gather` for an event that `shapeOf` described: undefined fields are stepped over. */
export function gatherSparse(
  node: ShapeNode,
  value: Record<string, unknown>,
  columns: readonly unknown[][],
  firstLeaf = 0,
): number {
  let leaf = firstLeaf;
  for (const entry of node.entries) {
    const item = value[entry.key];
    if (entry.child !== undefined && isPlainObject(item)) {
      leaf = gatherSparse(entry.child, item, columns, leaf);
    } else {
      columns[leaf]?.push(item);
      leaf += 1;
    }
  }
  return leaf;
}

/** One text for each shape: equal texts, equal shapes. */
export function signatureOf(node: ShapeNode): string {
  return JSON.stringify(node.entries.map((entry) => signatureEntry(entry)));
}

function signatureEntry(entry: ShapeEntry): unknown {
  return entry.child === undefined ? entry.key : [entry.key, ...entry.child.entries.map(signatureEntry)];
}

function plannedFor(inside: Plan, key: string): Plan | undefined {
  return Object.hasOwn(inside, key) ? inside[key] : undefined;
}
