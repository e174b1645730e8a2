import type { PairedRows } from '../../src/replay/judging/paired-rows.js';
import { increasingRoot } from '../../src/stats/increasing-root.js';
import { logLossClip } from '../../src/stats/log-loss.js';
import type { SeededRandom } from '../../src/stats/seeded-random.js';

/**
 * Rows of a binary model, in subjects, that samples are drawn from with replacement: then the value of any statistic on the
 * whole population is exactly what the samples are to cover.
 */
export interface Population {
  /** Scores, one a row. */
  readonly control: Float64Array;
  readonly candidate: Float64Array;
  /** 0 or 1. */
  readonly truth: Float64Array;
  /** Where each subject's rows start, and the end of the last. Rows without subjects: each row is one. */
  readonly starts: Int32Array;
  readonly isClustered: boolean;
}

/** How the candidate goes apart from the control; all on the scale of logits. */
export interface PopulationShape {
  readonly subjects: number;
  /** Mean rows of a subject; 1: rows without subjects. Sizes are log-normal, of a spread of 0.8. */
  readonly rowsPerSubject: number;
  /** Intra-class correlation of everything that is drawn, from 0 to 1. */
  readonly alike: number;
  /** Mean logit of the truth. */
  readonly centre: number;
  /** How far the control is off the truth, how far the candidate's own noise goes, and which share of its rows go wrong by `jump`. */
  readonly controlNoise: number;
  readonly candidateNoise: number;
  readonly jumpShare: number;
  /** The share of the control's error that the candidate has too. */
  readonly kept: number;
  readonly jump: number;
  /** What the candidate's logits are multiplied with at last: above 1 it is too sure of itself, and no label changes by it. */
  readonly stretch: number;
}

export const plainShape: PopulationShape = {
  subjects: 100_000,
  rowsPerSubject: 1,
  alike: 0,
  centre: 0,
  controlNoise: 0.7,
  candidateNoise: 0.3,
  jumpShare: 0,
  kept: 1,
  jump: 0,
  stretch: 1,
};

const sizeSpread = 0.8;
const truthSpread = 1.5;

/**
 * The population whose candidate has exactly this relative change of mean log loss (0.01: 1 % worse), reached by the parameter `by`, which must
 * raise the loss over `range`. The change may depend on the population, as a plan's does on the spread. Throws an Error where no value
 * in the range reaches it.
 */
export function populationWithChange(options: {
  readonly shape: PopulationShape;
  readonly random: SeededRandom;
  readonly by: 'kept' | 'jump' | 'stretch';
  readonly range: { readonly low: number; readonly high: number };
  readonly change: number | ((population: Population) => number);
}): Population {
  const { shape, by, range, change } = options;
  const latents = drawLatents(shape, options.random);
  const at = (value: number): Population => latents.population({ ...shape, [by]: value });
  const wanted = typeof change === 'number' ? () => change : change;
  const beyond = (population: Population): number => relativeChange(population) - wanted(population);
  const found = at(increasingRoot((value) => beyond(at(value)), range));
  if (Math.abs(beyond(found)) > 1e-9) {
    throw new Error(`no ${by} from ${range.low} to ${range.high} reaches the wanted change of the loss`);
  }
  return found;
}

/** Of the mean log loss, candidate against control. */
export function relativeChange({ control, candidate, truth }: Population): number {
  return meanLoss(candidate, truth) / meanLoss(control, truth) - 1;
}

export function logLossAt(scores: Float64Array, truth: Float64Array, row: number): number {
  const score = scores[row] ?? Number.NaN;
  return truth[row] === 1 ? -Math.log(score) : -Math.log1p(-score);
}

function meanLoss(scores: Float64Array, truth: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < scores.length; row += 1) sum += logLossAt(scores, truth, row);
  return sum / scores.length;
}

/** What is drawn once; the candidate's scores follow from it for any `kept`, `jump` and `stretch`. */
function drawLatents(
  shape: PopulationShape,
  random: SeededRandom,
): { population(shape: Pick<PopulationShape, 'kept' | 'jump' | 'stretch'>): Population } {
  const { subjects, rowsPerSubject, alike } = shape;
  const starts = new Int32Array(subjects + 1);
  for (let subject = 0; subject < subjects; subject += 1) {
    const size =
      rowsPerSubject === 1
        ? 1
        : Math.exp(Math.log(rowsPerSubject) - sizeSpread ** 2 / 2 + sizeSpread * random.normal());
    starts[subject + 1] = (starts[subject] ?? 0) + Math.max(1, Math.round(size));
  }
  const rows = starts[subjects] ?? 0;
  // A normal number a row, of which the share `alike` of the variance is the subject's.
  const draw = (): Float64Array => {
    const values = new Float64Array(rows);
    for (let subject = 0; subject < subjects; subject += 1) {
      const own = alike === 0 ? 0 : Math.sqrt(alike) * random.normal();
      for (let row = starts[subject] ?? 0; row < (starts[subject + 1] ?? 0); row += 1)
        values[row] = own + Math.sqrt(1 - alike) * random.normal();
    }
    return values;
  };
  const logit = draw().map((value) => shape.centre + truthSpread * value);
  const truth = logit.map((value) => (random.uniform() < logistic(value) ? 1 : 0));
  const error = draw().map((value) => shape.controlNoise * value);
  const noise = draw().map((value) => shape.candidateNoise * value);
  const jumps = Uint8Array.from(logit, () => (random.uniform() < shape.jumpShare ? 1 : 0));
  const control = logit.map((value, row) => logistic(value + (error[row] ?? 0)));
  return {
    population: ({ kept, jump, stretch }) => ({
      control,
      candidate: logit.map((value, row) => {
        const off = kept * (error[row] ?? 0) + (noise[row] ?? 0);
        const away = (jumps[row] ?? 0) * jump * (truth[row] === 1 ? -1 : 1);
        return logistic(stretch * (value + off + away));
      }),
      truth,
      starts,
      isClustered: rowsPerSubject !== 1,
    }),
  };
}

function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** A sample of so many subjects, drawn with replacement; each gets a cell of its own luck, as a new subject would. */
export function drawRows(options: {
  readonly population: Population;
  readonly subjects: number;
  readonly cells: number;
  readonly random: SeededRandom;
}): PairedRows {
  const { population, subjects, cells, random } = options;
  const { starts } = population;
  const picked = Int32Array.from({ length: subjects }, () => random.below(starts.length - 1));
  const sizeOf = (subject: number): number => (starts[subject + 1] ?? 0) - (starts[subject] ?? 0);
  const source = new Int32Array(picked.reduce((sum, subject) => sum + sizeOf(subject), 0));
  const cell = new Uint16Array(source.length);
  let rows = 0;
  for (const subject of picked) {
    const ownCell = population.isClustered ? random.below(cells) : 0;
    for (let row = starts[subject] ?? 0; row < (starts[subject + 1] ?? 0); row += 1) {
      source[rows] = row;
      cell[rows] = ownCell;
      rows += 1;
    }
  }
  return rowsAt(population, source, population.isClustered ? cell : undefined);
}

/** The whole population as rows: its statistics are the truth. */
export function allRows(population: Population): PairedRows {
  return rowsAt(population, Int32Array.from(population.truth.keys()), undefined);
}

function rowsAt(population: Population, source: Int32Array, cell: Uint16Array | undefined): PairedRows {
  const taken = (values: Float64Array): Float64Array => {
    const found = new Float64Array(source.length);
    for (let row = 0; row < source.length; row += 1) found[row] = values[source[row] ?? 0] ?? Number.NaN;
    return found;
  };
  const side = (scores: Float64Array): PairedRows['control'] => {
    const value = taken(scores);
    const label = new Int32Array(value.length);
    for (let row = 0; row < value.length; row += 1) label[row] = (value[row] ?? 0) >= 0.5 ? 1 : 0;
    return { value, label, truthScore: undefined };
  };
  return {
    task: 'binary-classification',
    rows: source.length,
    labels: ['0', '1'],
    positions: new Float64Array(source.length),
    occurredAt: new Float64Array(source.length),
    control: side(population.control),
    candidate: side(population.candidate),
    truth: taken(population.truth),
    scoreDistance: undefined,
    cell,
    clip: logLossClip.float64,
  };
}
