/**
 * How many clusters of equal size carry as much as these: (Σn)²/Σn², at most the clusters that have rows; 0 without rows. Intervals over few
 * clusters of unequal size are too narrow, and it is this number, not the count of clusters, that says how few they are.
 * Source: A. V. Carter, K. T. Schnepel and D. G. Steigerwald (2017), for rows of a cluster that are wholly alike.
 */
export function effectiveClusters(rows: Float64Array): number {
  let [total, squares] = [0, 0];
  for (let cluster = 0; cluster < rows.length; cluster += 1) {
    const here = rows[cluster] ?? 0;
    total += here;
    squares += here * here;
  }
  return squares === 0 ? 0 : total ** 2 / squares;
}
