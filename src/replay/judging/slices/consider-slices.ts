import { againstRest } from './rest-test.js';
import type { SampleHalf, Term } from './sample-half.js';
import type { SliceFeature } from './slice-feature.js';

export interface Considered {
  readonly terms: readonly Term[];
  /** How far its mean lies above that of the rest, in standard errors. */
  readonly z: number;
}

/** Per feature, the groups with most rows take part in pairs: a bound on the work, whatever the categories. */
const pairedGroupsMax = 12;
const noPlace = 0xffff;

/** Every group of one feature, and of two, that is large enough to be compared with the rest. */
export function considerSlices(features: readonly SliceFeature[], half: SampleHalf): Considered[] {
  const singles = features.flatMap(({ labels }, feature) => {
    const codes = half.codes[feature] ?? new Uint16Array();
    const cells = emptyCells(labels.length);
    for (let row = 0; row < half.rows; row += 1) addTo(cells, codes[row] ?? 0, half.values[row] ?? 0);
    return labels.flatMap((_, code) => considered([{ feature, code }], cells, code, half));
  });
  return [...singles, ...pairs(features, half)];
}

function pairs(features: readonly SliceFeature[], half: SampleHalf): Considered[] {
  const groups = features.map(({ labels }, feature) => largestGroups(labels.length, half.codes[feature]));
  const places = groups.map((ofFeature, feature) =>
    placesOf(ofFeature, features[feature]?.labels.length ?? 0, half.codes[feature]),
  );
  const found: Considered[] = [];
  for (const [a, groupsA] of groups.entries()) {
    const placesA = places[a] ?? new Uint16Array();
    for (let b = a + 1; b < groups.length; b += 1) {
      const groupsB = groups[b] ?? [];
      const placesB = places[b] ?? new Uint16Array();
      const width = groupsB.length;
      const cells = emptyCells(groupsA.length * width);
      for (let row = 0; row < half.rows; row += 1) {
        const first = placesA[row] ?? noPlace;
        const second = placesB[row] ?? noPlace;
        if (first !== noPlace && second !== noPlace)
          addTo(cells, first * width + second, half.values[row] ?? 0);
      }
      for (const [i, codeA] of groupsA.entries()) {
        for (const [j, codeB] of groupsB.entries()) {
          const terms = [
            { feature: a, code: codeA },
            { feature: b, code: codeB },
          ];
          found.push(...considered(terms, cells, i * width + j, half));
        }
      }
    }
  }
  return found;
}

/** Rows, sum and sum of squares by cell. */
function emptyCells(cells: number): Float64Array {
  return new Float64Array(cells * 3);
}

function addTo(cells: Float64Array, cell: number, value: number): void {
  const at = cell * 3;
  cells[at] = (cells[at] ?? 0) + 1;
  cells[at + 1] = (cells[at + 1] ?? 0) + value;
  cells[at + 2] = (cells[at + 2] ?? 0) + value * value;
}

function considered(
  terms: readonly Term[],
  cells: Float64Array,
  cell: number,
  half: SampleHalf,
): Considered[] {
  const at = cell * 3;
  const inside = { rows: cells[at] ?? 0, sum: cells[at + 1] ?? 0, squares: cells[at + 2] ?? 0 };
  const test = againstRest(inside, half.all);
  return test === undefined ? [] : [{ terms, z: test.z }];
}

function largestGroups(labels: number, codes: Uint16Array | undefined): number[] {
  const counts = new Float64Array(labels);
  for (const code of codes ?? []) counts[code] = (counts[code] ?? 0) + 1;
  return [...counts.keys()]
    .filter((code) => (counts[code] ?? 0) > 0)
    .toSorted((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b)
    .slice(0, pairedGroupsMax);
}

/** Of each row, the place of its code among the groups. */
function placesOf(groups: readonly number[], labels: number, codes: Uint16Array | undefined): Uint16Array {
  const ofCode = new Uint16Array(labels).fill(noPlace);
  for (const [place, code] of groups.entries()) ofCode[code] = place;
  const places = new Uint16Array(codes?.length ?? 0);
  for (let row = 0; row < places.length; row += 1) places[row] = ofCode[codes?.[row] ?? 0] ?? noPlace;
  return places;
}
