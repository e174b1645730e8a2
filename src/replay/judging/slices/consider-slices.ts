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
/** So many features take part in pairs, those with the most suspicious groups: the work grows with their square. */
const pairedFeaturesMax = 24;
const noPlace = 0xffff;

/** Every group of one feature, and of two, that is large enough to be compared with the rest. */
export function considerSlices(features: readonly SliceFeature[], half: SampleHalf): Considered[] {
  const singles = features.map((feature, index) => groupsOf(feature, index, half));
  const paired = [...singles.keys()]
    .toSorted((a, b) => highest(singles[b]) - highest(singles[a]) || a - b)
    .slice(0, pairedFeaturesMax)
    .toSorted((a, b) => a - b);
  return [...singles.flat(), ...pairs(features, paired, half)];
}

function groupsOf({ labels }: SliceFeature, feature: number, half: SampleHalf): Considered[] {
  const codes = half.codes[feature] ?? new Uint16Array();
  const cells = emptyCells(labels.length);
  for (let row = 0; row < half.rows; row += 1) addTo(cells, codes[row] ?? 0, half.values[row] ?? 0);
  return labels.flatMap((_, code) => considered([{ feature, code }], cells, code, half));
}

function highest(groups: readonly Considered[] = []): number {
  return groups.reduce((most, { z }) => Math.max(most, z), -Number.MAX_VALUE);
}

function pairs(features: readonly SliceFeature[], paired: readonly number[], half: SampleHalf): Considered[] {
  const members = paired.map((feature) => {
    const labels = features[feature]?.labels.length ?? 0;
    const groups = largestGroups(labels, half.codes[feature]);
    return { feature, groups, places: placesOf(groups, labels, half.codes[feature]) };
  });
  const found: Considered[] = [];
  for (const [at, a] of members.entries()) {
    for (const b of members.slice(at + 1)) {
      const width = b.groups.length;
      const cells = emptyCells(a.groups.length * width);
      for (let row = 0; row < half.rows; row += 1) {
        const first = a.places[row] ?? noPlace;
        const second = b.places[row] ?? noPlace;
        if (first !== noPlace && second !== noPlace)
          addTo(cells, first * width + second, half.values[row] ?? 0);
      }
      for (const [i, codeA] of a.groups.entries()) {
        for (const [j, codeB] of b.groups.entries()) {
          const terms = [
            { feature: a.feature, code: codeA },
            { feature: b.feature, code: codeB },
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
