import { type BuildRow, compileBuildRow, keyedBuildRow } from './build-rows.js';
import { type Shape, type ShapeNode, signatureOf } from './shape.js';

/** A shape with what is known of it: where the columns stand that the codec itself looks at, and its row builder. */
export interface KnownShape {
  readonly shape: Shape;
  readonly signature: string;
  /** Leaf numbers; −1 when the shape has no such field. */
  readonly typeLeaf: number;
  readonly schemaVersionLeaf: number;
  readonly occurredAtLeaf: number;
  readonly modelLeaf: number;
  readonly provenanceLeaf: number;
  /** The builder for `rows` more rows: compiled once a shape has come up often enough to be worth it. */
  builderFor(rows: number): BuildRow;
}

/** Compiling takes about as long as building this many rows by keyed stores. */
const rowsBeforeCompiling = 64;
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
  const keyed = keyedBuildRow(shape);
  let compiled: BuildRow | undefined;
  let rowsSeen = 0;
  return {
    shape,
    signature,
    typeLeaf: leafOf.get('type') ?? -1,
    schemaVersionLeaf: leafOf.get('schemaVersion') ?? -1,
    occurredAtLeaf: leafOf.get('occurredAt') ?? -1,
    modelLeaf: leafOf.get('data model') ?? -1,
    provenanceLeaf: leafOf.get('data provenance') ?? -1,
    builderFor(rows) {
      if (compiled !== undefined) return compiled;
      rowsSeen += rows;
      if (rowsSeen < rowsBeforeCompiling) return keyed;
      compiled = compileBuildRow(shape);
      return compiled;
    },
  };
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
  return node.entries.reduce(
    (sum, entry) => sum + (entry.child === undefined ? 1 : countLeaves(entry.child)),
    0,
  );
}
