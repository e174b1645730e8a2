import { defaultRules } from '../src/replay/judging/gate-rules.js';
import { replaySettings } from '../src/replay/judging/replay-settings.js';
import { plannedPower } from '../src/replay/dry-run/planned-gates.js';
import { seededRandom } from '../src/stats/seeded-random.js';
import { sharePlan } from '../src/stats/share-plan.js';
import type { CoverageRun, IntervalSource } from './support/coverage.js';
import { coverageOf, keyOf } from './support/coverage.js';
import { powerOf, sliceRatesOf } from './support/gate-rates.js';
import type { ShareGate } from './support/share-gate-rates.js';
import { judgedThresholds, shareGateRates } from './support/share-gate-rates.js';
import { plainShape, populationWithChange } from './support/simulated-rows.js';
import { markdownTable, rounded } from './support/statistics.js';
import type { NamedPopulation } from './support/verdict-populations.js';
import { populationsAtMargin } from './support/verdict-populations.js';

const seed = 20_261_127;
const oneSided = (1 - replaySettings.level) / 2;
/** So many Monte-Carlo errors beyond what is promised count as a miss. */
const errorsAllowed = 3;

/** Is the verdict right? Simulated rows whose truth is known, through the judging that a replay uses; always the same numbers. */
export function runVerdictBench(): Promise<string> {
  const random = seededRandom(seed);
  const make = populationsAtMargin(random);
  const rowCounts = [100, 400, 2_000, 20_000];
  const plain = [make.balanced, make.rarePositives, make.rareFlips, make.noFlips, make.rareFaults];
  const coverage: string[][] = [];
  const gates: string[][] = [];
  const measure = (named: NamedPopulation, sizes: readonly Size[]): void => {
    const runs = sizes.map((size) => ({
      ...size,
      run: coverageOf({ population: named.population, ...size, random }),
    }));
    coverage.push(...coverageRows(named, runs));
    for (const { rows, run } of runs) gates.push(...gateRows(`${named.name}, ${rounded(rows)} rows`, run));
  };
  for (const named of plain) {
    measure(
      named(),
      rowCounts.map((rows) => ({ rows, subjects: rows, replicates: rows > 2_000 ? 200 : 1_000 })),
    );
  }
  const subjects = [40, 200, 2_000].map((count) => ({
    rows: count * 10,
    subjects: count,
    replicates: count > 200 ? 200 : 600,
  }));
  measure(make.subjects(), subjects);
  measure(make.alikeSubjects(), subjects);
  gates.push(...sliceRows());
  return Promise.resolve(
    [
      `Seed ${seed}. ± is one Monte-Carlo error; "holds" allows for ${errorsAllowed} of them.`,
      'Coverage of the 95 % intervals, in %:',
      markdownTable(
        ['population', 'interval', ...rowCounts.map((rows) => `${rounded(rows)} rows`), 'holds?'],
        coverage,
      ),
      'Verdicts of the gate of the loss with the candidate exactly at the margin, in %:',
      markdownTable(['what', 'nominal', 'measured', 'replicates', 'holds?'], gates),
      'Power: what the plan promises with a probability of 80 %, against what is reached, in %:',
      markdownTable(['what', 'nominal', 'measured', 'replicates', 'holds?'], powerRows()),
      'Gates of shares with the share exactly at its limit, and at the share that the plan says can be shown, in % (from the binomial law, no replicates):',
      markdownTable(['what', 'nominal', 'measured', 'holds?'], shareRows()),
    ].join('\n\n'),
  );
}

interface Size {
  readonly rows: number;
  readonly subjects: number;
  readonly replicates: number;
}

const sourceWords: { readonly [source in IntervalSource]: string } = {
  judge: '',
  rows: ', told of no subjects',
};

function coverageRows(
  { name }: NamedPopulation,
  runs: readonly (Size & { readonly run: CoverageRun })[],
): string[][] {
  const names = [
    'loss with margin',
    'log loss',
    'Brier score',
    'AUC',
    'accuracy',
    'positive rate',
    'mean score',
    'flip rate',
  ];
  const keys = names.flatMap((interval) =>
    (['judge', 'rows'] as const)
      .filter((source) => runs[0]?.run.intervals.has(keyOf(interval, source)))
      .map((source) => ({
        key: keyOf(interval, source),
        words: `${interval}${sourceWords[source]}`,
      })),
  );
  return keys.map(({ key, words }) => {
    const cells: string[] = [];
    const short: string[] = [];
    for (const { rows, run } of runs) {
      const { defined, covered } = run.intervals.get(key) ?? { defined: 0, covered: 0 };
      const share = covered / defined;
      const some = defined < run.replicates ? `, of ${rounded(defined)}` : '';
      cells.push(defined === 0 ? 'none' : `${percent(share)} ± ${percent(errorOf(share, defined))}${some}`);
      const { level } = replaySettings;
      if (share < level - errorsAllowed * errorOf(level, defined)) short.push(rounded(rows));
    }
    // Subjects come to 400, 2,000 and 20,000 rows.
    const padded = cells.length === 3 ? ['', ...cells] : cells;
    return [name, words, ...padded, short.length === 0 ? 'yes' : `not at ${short.join(', ')}`];
  });
}

function gateRows(what: string, run: CoverageRun): string[][] {
  return (['pass', 'fail'] as const).map((verdict) =>
    atMostRow(`${verdict.toUpperCase()}, ${what}`, run.gate[verdict], run.replicates, oneSided),
  );
}

function atMostRow(what: string, hits: number, replicates: number, limit: number): string[] {
  const share = hits / replicates;
  const holds = share <= limit + errorsAllowed * errorOf(limit, replicates);
  return [
    what,
    `≤ ${percent(limit)}`,
    `${percent(share)} ± ${percent(errorOf(Math.max(share, 1 / replicates), replicates))}`,
    rounded(replicates),
    holds ? 'yes' : 'no',
  ];
}

function sliceRows(): string[][] {
  const random = seededRandom(seed + 1);
  const population = populationWithChange({
    shape: { ...plainShape, candidateNoise: 0.05 },
    random,
    by: 'kept',
    range: { low: 0.5, high: 2 },
    change: defaultRules.margin,
  });
  const rows = 12_000;
  const run = sliceRatesOf({ population, rows, slices: 10, replicates: 500, random });
  const what = `${rounded(rows)} rows with 10 slices, of which ${rounded(run.gatedSlices, 1)} are gated`;
  return [
    atMostRow(`FAIL of the whole, ${what}`, run.anyFail, run.replicates, oneSided),
    [
      `the same without Holm's adjustment`,
      '',
      percent(run.anyFailUncorrected / run.replicates),
      rounded(run.replicates),
      '',
    ],
    atMostRow(`PASS of the whole, ${what}`, run.allPass, run.replicates, oneSided),
  ];
}

function powerRows(): string[][] {
  const random = seededRandom(seed + 2);
  const kept = { by: 'kept', range: { low: 0, high: 2 } } as const;
  const cases = [
    ...[1_000, 4_000, 20_000].map((subjects) => ({
      name: 'balanced classes',
      shape: plainShape,
      subjects,
    })),
    {
      name: '1 % positives',
      shape: { ...plainShape, centre: -5.65, subjects: 200_000 },
      subjects: 20_000,
    },
    ...[200, 2_000].map((subjects) => ({
      name: 'subjects of 10 rows',
      shape: { ...plainShape, subjects: 10_000, rowsPerSubject: 10, alike: 0.3 },
      subjects,
    })),
  ];
  return cases.flatMap(({ name, shape, subjects }) => {
    const replicates = subjects > 2_000 ? 200 : 600;
    const run = powerOf({ shape, ...kept, subjects, replicates, random });
    const rowOf = (verdict: string, change: number, hits: number): string[] => {
      const share = hits / replicates;
      const miss = errorsAllowed * errorOf(plannedPower, replicates);
      return [
        `${verdict}, ${name}, ${rounded(run.rows)} rows, loss ${change < 0 ? '' : '+'}${rounded(100 * change, 2)} %`,
        percent(plannedPower),
        `${percent(share)} ± ${percent(errorOf(share, replicates))}`,
        rounded(replicates),
        share >= plannedPower - miss ? 'yes' : 'no',
      ];
    };
    return [rowOf('PASS', run.passAtMost, run.passed), rowOf('FAIL', run.failAtLeast, run.failed)];
  });
}

function shareRows(): string[][] {
  const gates: readonly { readonly gate: ShareGate; readonly limit: number }[] = [
    { gate: 'agreement', limit: 1 - defaultRules.agreementLimit },
    { gate: 'candidate-failures', limit: defaultRules.failureLimit },
    { gate: 'flips', limit: 0.02 },
  ];
  return gates.flatMap(({ gate, limit: inexact }) => {
    const limit = Number(inexact.toPrecision(6));
    return [400, 4_000, 20_000].flatMap((rows) => {
      const thresholds = judgedThresholds(gate, rows, limit);
      const at = shareGateRates({ thresholds, rows, share: limit });
      const what = `${gate}, ${rounded(rows)} rows, limit ${rounded(100 * limit, 1)} %`;
      const rowsOf = (['pass', 'fail'] as const).map((verdict) => [
        `${verdict.toUpperCase()}, ${what}`,
        `≤ ${percent(oneSided)}`,
        percent(at[verdict], 2),
        at[verdict] <= oneSided ? 'yes' : 'no',
      ]);
      const plan = sharePlan({ rows, limit: 1 - limit, level: replaySettings.level, power: plannedPower });
      if (gate === 'candidate-failures' || plan.failureShare === undefined) return rowsOf;
      const shown = shareGateRates({ thresholds, rows, share: plan.failureShare }).pass;
      return [
        ...rowsOf,
        [
          `PASS as planned, ${what}, ${rounded(100 * plan.failureShare, 4)} % bad`,
          percent(plannedPower),
          percent(shown, 2),
          Math.abs(shown - plannedPower) < 1e-6 ? 'yes' : 'no',
        ],
      ];
    });
  });
}

function errorOf(share: number, replicates: number): number {
  return Math.sqrt((share * (1 - share)) / replicates);
}

function percent(share: number, digits = 1): string {
  return rounded(100 * share, digits);
}
