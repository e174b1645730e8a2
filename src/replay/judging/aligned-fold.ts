/**
 * Joins what belongs to numbered blocks, always in the same pairs: those of a binary tree over all numbers. So a sum of doubles comes to
 * the same bits whether one process adds all blocks or several add some each, and rounding grows with the logarithm of their number.
 */
export interface AlignedFold<Value> {
  /** The value of a block (level 0), or of a whole node of the tree; each lies right after what was added before, or later. */
  add(node: FoldNode<Value>): void;
  /** What there is, in as few nodes as possible, in order. */
  readonly nodes: readonly FoldNode<Value>[];
  /** All of it, joined from the left; undefined: there is nothing. */
  total(): Value | undefined;
}

/** Of the blocks index·2^level to (index + 1)·2^level, exclusive. */
export interface FoldNode<Value> {
  readonly level: number;
  readonly index: number;
  /** Undefined: these blocks hold nothing. */
  readonly value: Value | undefined;
}

/** `join`: of two neighbours, the earlier first; it MUST leave both as they are. */
export function alignedFold<Value>(join: (earlier: Value, later: Value) => Value): AlignedFold<Value> {
  const stack: FoldNode<Value>[] = [];
  const joined = (earlier: Value | undefined, later: Value | undefined): Value | undefined => {
    if (earlier === undefined || later === undefined) return earlier ?? later;
    return join(earlier, later);
  };
  return {
    nodes: stack,
    add: (node) => {
      let top = node;
      for (let below = stack.at(-1); below !== undefined && areSiblings(below, top); below = stack.at(-1)) {
        stack.pop();
        top = { level: top.level + 1, index: below.index / 2, value: joined(below.value, top.value) };
      }
      stack.push(top);
    },
    total: () => stack.reduce<Value | undefined>((sum, { value }) => joined(sum, value), undefined),
  };
}

function areSiblings(first: FoldNode<unknown>, second: FoldNode<unknown>): boolean {
  return first.level === second.level && first.index % 2 === 0 && first.index + 1 === second.index;
}
