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
export interface Plan {
  readonly [key: string]: Plan;
}
const none: Plan = {};
export const plan: Plan = {
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

/** One text for each shape: equal texts, equal shapes. */
export function signatureOf(node: ShapeNode): string {
  return JSON.stringify(node.entries.map((entry) => signatureEntry(entry)));
}

function signatureEntry(entry: ShapeEntry): unknown {
  return entry.child === undefined ? entry.key : [entry.key, ...entry.child.entries.map(signatureEntry)];
}

export function plannedFor(inside: Plan, key: string): Plan | undefined {
  return Object.hasOwn(inside, key) ? inside[key] : undefined;
}
