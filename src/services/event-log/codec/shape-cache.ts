import { type BuildRow, compileBuildRow, keyedBuildRow } from './build-rows.js';
import { type GatherRow, compileGatherRow, keyedGatherRow } from './gather-rows.js';
import { createMessagePackWriter } from './message-pack-writer.js';
import { type NameSet, createNameSet } from './name-table.js';
import type { Packed } from './packed.js';
import { type Shape, type ShapeEntry, type ShapeNode, signatureOf } from './shape.js';

/** A shape with what is worth knowing of it beyond one frame. */
export interface KnownShape {
  readonly shape: Shape;
  readonly signature: string;
  /** Leaf numbers of the fields that the codec itself looks at; −1 when the shape has no such field. */
  readonly typeLeaf: number;
  readonly schemaVersionLeaf: number;
  readonly occurredAtLeaf: number;
  readonly modelLeaf: number;
  readonly provenanceLeaf: number;
  /** The names of all keys, and the shape's entries in terms of them as MessagePack, for a frame that begins with this shape. */
  names(): NameSet;
  packedEntries(): Uint8Array;
  /** Compiled once the shape has come up often enough to be worth it. `rows`: how many are coming. */
  builderFor(rows: number): BuildRow;
  gathererFor(rows: number): GatherRow;
}

/** Compiling takes about as long as this many rows by keyed loads and stores. */
const rowsBeforeCompiling = 256;
/** A function for more fields than this is slow to compile and not faster to run. */
const compiledLeavesMax = 512;
const shapesMax = 1_024;
const known = new Map<string, KnownShape>();

export function knownShape(shape: Shape): KnownShape {
  const signature = signatureOf(shape.root);
  const found = known.get(signature);
  if (found !== undefined) return found;
  // A log with ever new shapes must not fill the memory; what is needed comes back by itself.
  if (known.size >= shapesMax) known.clear();
  const made = describe(shape, signature);
  known.set(signature, made);
  return made;
}

function describe(shape: Shape, signature: string): KnownShape {
  const leafOf = leafNumbers(shape.root);
  let names: NameSet | undefined;
  let entries: Uint8Array | undefined;
  const namesOnce = () => (names ??= createNameSet(keysOf(shape.root)));
  return {
    shape,
    signature,
    typeLeaf: leafOf.get('type') ?? -1,
    schemaVersionLeaf: leafOf.get('schemaVersion') ?? -1,
    occurredAtLeaf: leafOf.get('occurredAt') ?? -1,
    modelLeaf: leafOf.get('data model') ?? -1,
    provenanceLeaf: leafOf.get('data provenance') ?? -1,
    names: namesOnce,
    packedEntries: () => {
      const { indexes } = namesOnce();
      return (entries ??= packOnce(packEntries(shape.root, (key) => indexes.get(key) ?? 0)));
    },
    builderFor: compiledLater(shape, keyedBuildRow, compileBuildRow),
    gathererFor: compiledLater(shape, keyedGatherRow, compileGatherRow),
  };
}

function packOnce(packed: Packed): Uint8Array {
  const writer = createMessagePackWriter();
  writer.value(packed);
  return Uint8Array.from(writer.written());
}

/** The entries of a shape with names as the indexes that `indexOf` gives. */
export function packEntries(node: ShapeNode, indexOf: (key: string) => number): Packed {
  return node.entries.map((entry) => packEntry(entry, indexOf));
}

function packEntry({ key, child }: ShapeEntry, indexOf: (key: string) => number): Packed {
  return child === undefined
    ? indexOf(key)
    : [indexOf(key), ...child.entries.map((inner) => packEntry(inner, indexOf))];
}

function compiledLater<Made>(
  shape: Shape,
  keyed: (shape: Shape) => Made,
  compiled: (shape: Shape) => Made,
): (rows: number) => Made {
  let current = keyed(shape);
  let rowsSeen = 0;
  let isCompiled = shape.leaves > compiledLeavesMax;
  return (rows) => {
    rowsSeen += rows;
    if (!isCompiled && rowsSeen >= rowsBeforeCompiling) {
      current = compiled(shape);
      isCompiled = true;
    }
    return current;
  };
}

function* keysOf(node: ShapeNode): Generator<string> {
  for (const { key, child } of node.entries) {
    yield key;
    if (child !== undefined) yield* keysOf(child);
  }
}

/** Leaf numbers of the envelope's own fields by name, and of `data`'s by `data <name>`. */
function leafNumbers(root: ShapeNode): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  let leaf = 0;
  for (const entry of root.entries) {
    if (entry.child === undefined) {
      numbers.set(entry.key, leaf);
      leaf += 1;
      continue;
    }
    for (const inner of entry.child.entries) {
      if (entry.key === 'data' && inner.child === undefined) numbers.set(`data ${inner.key}`, leaf);
      leaf += inner.child === undefined ? 1 : countLeaves(inner.child);
    }
  }
  return numbers;
}

function countLeaves(node: ShapeNode): number {
  let leaves = 0;
  for (const { child } of node.entries) leaves += child === undefined ? 1 : countLeaves(child);
  return leaves;
}
