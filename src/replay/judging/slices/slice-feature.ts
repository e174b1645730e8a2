import type { Column } from '../../../schemas/columns.js';
import type { Feature, ModelManifest } from '../../../schemas/model-manifest.js';
import type { FieldProfile } from '../../../schemas/reference-profile.js';

/** A feature whose values cut the compared rows into groups, all known before the first row is read. */
export interface SliceFeature {
  readonly feature: string;
  /** By the candidate's manifest, or for this replay: shown and gated. The others serve the search for slices alone. */
  readonly declared: boolean;
  readonly isProtected: boolean;
  /** The group of each code, in words. */
  readonly labels: readonly string[];
  /** The codes of a column's values; `kept`: the rows to code, all when undefined. No column: all missing. */
  readonly codesOf: (column: Column | undefined, rows: number, kept: Int32Array | undefined) => Uint16Array;
}

/** Codes of a block's rows by number of the slice feature: of those picked (ascending), or of all. */
export type GroupCodes = (feature: number, picked: Int32Array | undefined) => Uint16Array;

/** More groups than this are one, "(other)". */
const groupsMax = 250;
/** Numbers of at most so many different values are grouped value by value, others by intervals. */
const ownValuesMax = 24;
const intervalsMax = 5;

/**
 * `profile`: what training saw of each feature; without it numbers are cut into equal parts of their range, and those
 * without a range are left out. `further`: features that are declared for this replay alone.
 */
export function sliceFeatures(
  manifest: ModelManifest,
  profile: { readonly [feature: string]: FieldProfile } | undefined,
  further: readonly string[] = [],
): SliceFeature[] {
  const declared = new Map([
    ...further.map((feature): [string, boolean] => [feature, false]),
    ...manifest.slices.map((slice): [string, boolean] => [slice.feature, slice.protected]),
  ]);
  return manifest.features.flatMap((feature): SliceFeature[] => {
    const found =
      profile !== undefined && Object.hasOwn(profile, feature.name) ? profile[feature.name] : undefined;
    const grouping = groupingOf(feature, found);
    if (grouping === undefined) return [];
    const { name } = feature;
    return [
      {
        feature: name,
        declared: declared.has(name),
        isProtected: declared.get(name) ?? false,
        labels: [...grouping.labels, '(other)', '(missing)'],
        codesOf: (column, rows, kept) => codesOf(column, rows, kept, grouping),
      },
    ];
  });
}

interface Grouping {
  readonly labels: readonly string[];
  /** −1: in no group. */
  readonly ofText: (text: string) => number;
  readonly ofNumber: (value: number) => number;
}

function groupingOf(feature: Feature, profile: FieldProfile | undefined): Grouping | undefined {
  if (feature.tensorType === 'string') return byText(commonest(feature, profile));
  if (feature.tensorType === 'bool') return byText(['false', 'true']);
  if (profile?.kind === 'number') {
    return profile.values.length <= ownValuesMax
      ? byValue(profile.values)
      : byInterval(thinned(profile.binEdges));
  }
  if (feature.range === undefined || feature.range.min >= feature.range.max) return undefined;
  const { min, max } = feature.range;
  return byInterval(
    Array.from({ length: intervalsMax - 1 }, (_, index) => min + ((index + 1) * (max - min)) / intervalsMax),
  );
}

/** The most frequent first, as long as there is room; by name where no profile says how frequent they are. */
function commonest(feature: Feature, profile: FieldProfile | undefined): readonly string[] {
  if (profile?.kind !== 'category') return (feature.categories ?? []).slice(0, groupsMax);
  return profile.values
    .map((value, index) => ({ value, count: profile.counts[index] ?? 0 }))
    .toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, groupsMax)
    .map(({ value }) => value);
}

function byText(values: readonly string[]): Grouping {
  const codes = new Map(values.map((value, code) => [value, code]));
  return {
    labels: values,
    ofText: (text) => codes.get(text) ?? -1,
    ofNumber: (value) => codes.get(String(value)) ?? -1,
  };
}

function byValue(values: readonly number[]): Grouping {
  const codes = new Map(values.map((value, code) => [value, code]));
  return {
    labels: values.map(String),
    ofText: (text) => codes.get(Number(text)) ?? -1,
    ofNumber: (value) => codes.get(value) ?? -1,
  };
}

function byInterval(edges: readonly number[]): Grouping {
  const first = edges[0];
  const last = edges.at(-1);
  if (first === undefined || last === undefined) {
    return { labels: ['any'], ofText: () => -1, ofNumber: () => 0 };
  }
  const words = edges.map((edge) => String(Number(edge.toPrecision(6))));
  const ofNumber = (value: number): number => {
    let code = 0;
    while (code < edges.length && value > (edges[code] ?? Infinity)) code += 1;
    return code;
  };
  return {
    labels: [
      `≤ ${words[0] ?? ''}`,
      ...words.slice(1).map((word, index) => `${words[index] ?? ''} to ${word}`),
      `> ${words.at(-1) ?? ''}`,
    ],
    ofText: (text) => ofNumber(Number(text)),
    ofNumber,
  };
}

/** About `intervalsMax` intervals of the reference's deciles. */
function thinned(edges: readonly number[]): readonly number[] {
  const step = Math.max(1, Math.round((edges.length + 1) / intervalsMax));
  return edges.filter((_, index) => (index + 1) % step === 0);
}

function codesOf(
  column: Column | undefined,
  rows: number,
  kept: Int32Array | undefined,
  grouping: Grouping,
): Uint16Array {
  const other = grouping.labels.length;
  const missing = other + 1;
  const count = kept === undefined ? rows : kept.length;
  const codes = new Uint16Array(count).fill(missing);
  if (column === undefined) return codes;
  if (column.kind === 'dictionary' && kept === undefined && column.valid === undefined) {
    // Every row of every block comes by here, and a call for each would take longer than the rest.
    const ofCode = Uint16Array.from(column.dictionary, (text) => {
      const code = grouping.ofText(text);
      return code === -1 ? other : code;
    });
    for (let row = 0; row < count; row += 1) codes[row] = ofCode[column.codes[row] ?? 0] ?? other;
    return codes;
  }
  const codeAt = coderOf(column, grouping);
  for (let index = 0; index < count; index += 1) {
    const row = kept === undefined ? index : (kept[index] ?? 0);
    if (column.valid !== undefined && column.valid[row] === 0) continue;
    const code = codeAt(row);
    codes[index] = code === -1 ? other : code === -2 ? missing : code;
  }
  return codes;
}

/** The code of a row that has a value; −1: in no group, −2: the value is not-a-number. */
function coderOf(column: Column, { ofText, ofNumber }: Grouping): (row: number) => number {
  switch (column.kind) {
    case 'dictionary': {
      const ofCode = Int32Array.from(column.dictionary, ofText);
      return (row) => ofCode[column.codes[row] ?? 0] ?? -1;
    }
    case 'text':
      return (row) => ofText(column.values[row] ?? '');
    case 'number':
      return (row) => {
        const value = column.values[row] ?? Number.NaN;
        return Number.isNaN(value) ? -2 : ofNumber(value);
      };
    case 'integer':
      return (row) => ofNumber(Number(column.values[row] ?? 0n));
    case 'boolean':
      return (row) => (column.values[row] === 0 ? ofText('false') : ofText('true'));
  }
}
