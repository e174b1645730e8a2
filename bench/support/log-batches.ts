/** Whole batches of so many, in order. */
export function batchesOf<Item>(items: readonly Item[], size: number): Item[][] {
  const batches: Item[][] = [];
  for (let at = 0; at + size <= items.length; at += size) batches.push(items.slice(at, at + size));
  return batches;
}
