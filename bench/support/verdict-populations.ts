import type { SeededRandom } from '../../src/stats/seeded-random.js';
import type { Population, PopulationShape } from './simulated-rows.js';
import { plainShape, populationWithChange } from './simulated-rows.js';

export interface NamedPopulation {
  readonly name: string;
  readonly population: Population;
}

/** The candidate is worse by the margin of 1 % exactly, in each way in which one can be. */
export function populationsAtMargin(random: SeededRandom): {
  readonly [
    name in
      | 'balanced'
      | 'rarePositives'
      | 'rareFlips'
      | 'noFlips'
      | 'rareFaults'
      | 'subjects'
      | 'alikeSubjects'
  ]: () => NamedPopulation;
} {
  const made = (
    name: string,
    shape: Partial<PopulationShape>,
    by: 'kept' | 'jump' | 'stretch',
  ): NamedPopulation => ({
    name,
    population: populationWithChange({
      shape: { ...plainShape, ...shape },
      random,
      by,
      range: ranges[by],
      change: 0.01,
    }),
  });
  return {
    balanced: () => made('balanced classes', {}, 'kept'),
    rarePositives: () => made('1 % positives', { centre: -5.65, subjects: 200_000 }, 'kept'),
    rareFlips: () => made('0.1 % flips', { candidateNoise: 0.005 }, 'stretch'),
    noFlips: () => made('no flips', { candidateNoise: 0 }, 'stretch'),
    rareFaults: () => made('all of it from 1 row in 100', { candidateNoise: 0.02, jumpShare: 0.01 }, 'jump'),
    subjects: () =>
      made(
        'subjects of 10 rows, correlation 0.3',
        { subjects: 10_000, rowsPerSubject: 10, alike: 0.3 },
        'kept',
      ),
    alikeSubjects: () =>
      made(
        'subjects of 10 rows, correlation 0.8',
        { subjects: 10_000, rowsPerSubject: 10, alike: 0.8 },
        'kept',
      ),
  };
}

const ranges = {
  kept: { low: 0, high: 2 },
  jump: { low: 0.1, high: 20 },
  stretch: { low: 1, high: 3 },
};
