import { compile, propertyText } from './compile.js';
import { isPlainObject } from './node.js';
import { type Plan, type Shape, type ShapeNode, plan, plannedFor } from './shape.js';

/**
 * Puts an event's values at the ends of the columns when the event has exactly this shape, with no undefined in it,
 * and returns true; otherwise the columns may hold some of them, for the caller to cut off.
 */
export type GatherRow = (event: Record<string, unknown>, columns: readonly unknown[][]) => boolean;

export function keyedGatherRow(shape: Shape): GatherRow {
  return (event, columns) => gatherNode(shape.root, event, plan, columns, 0) === shape.leaves;
}

/** As `keyedGatherRow`; loads by name instead of by key, three times as fast. */
export function compileGatherRow(shape: Shape): GatherRow {
  const lines: string[] = [];
  const keyLists: (readonly string[])[] = [];
  gatherLines(shape.root, plan, 'e', { lines, keyLists, leaf: 0 });
  const gather = compile(['e', 'c', 'keysAre', 'k', 'isPlainObject'], `${lines.join('\n')}\nreturn true;`);
  if (!isCompiled(gather)) return keyedGatherRow(shape);
  return (event, columns) => gather(event, columns, keysAre, keyLists, isPlainObject);
}

function gatherLines(
  node: ShapeNode,
  inside: Plan,
  variable: string,
  state: { lines: string[]; keyLists: (readonly string[])[]; leaf: number },
): void {
  state.lines.push(`if (!keysAre(${variable}, k[${state.keyLists.length}])) return false;`);
  state.keyLists.push(node.entries.map((entry) => entry.key));
  for (const { key, child } of node.entries) {
    const planned = plannedFor(inside, key);
    if (child !== undefined && planned !== undefined) {
      const inner = `o${state.keyLists.length}`;
      state.lines.push(`const ${inner} = ${variable}${propertyText(key)};`);
      state.lines.push(`if (!isPlainObject(${inner})) return false;`);
      gatherLines(child, planned, inner, state);
      continue;
    }
    const value = `v${state.leaf}`;
    const unfit = planned === undefined ? '' : ` || isPlainObject(${value})`;
    state.lines.push(`const ${value} = ${variable}${propertyText(key)};`);
    state.lines.push(`if (${value} === undefined${unfit}) return false;`);
    state.lines.push(`c[${state.leaf}].push(${value});`);
    state.leaf += 1;
  }
}

function keysAre(value: object, expected: readonly string[]): boolean {
  const keys = Object.keys(value);
  if (keys.length !== expected.length) return false;
  for (let index = 0; index < keys.length; index += 1) if (keys[index] !== expected[index]) return false;
  return true;
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
    const planned = plannedFor(inside, entry.key);
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

/** For an event from which the shape was made: undefined fields are stepped over. */
export function gatherSparse(
  node: ShapeNode,
  value: Record<string, unknown>,
  columns: readonly unknown[][],
  firstLeaf = 0,
): number {
  let leaf = firstLeaf;
  for (const { key, child } of node.entries) {
    const item = value[key];
    if (child !== undefined && isPlainObject(item)) leaf = gatherSparse(child, item, columns, leaf);
    else {
      columns[leaf]?.push(item);
      leaf += 1;
    }
  }
  return leaf;
}

type Compiled = (
  event: object,
  columns: readonly unknown[][],
  keysAre: (value: object, expected: readonly string[]) => boolean,
  keyLists: readonly (readonly string[])[],
  isPlain: (value: unknown) => boolean,
) => boolean;

function isCompiled(value: unknown): value is Compiled {
  return typeof value === 'function';
}
