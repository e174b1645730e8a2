import type { InferenceModel } from '../services/inference/inference-model.js';
import { errors } from '../services/platform/errors.js';
import { joinMeasures, measureNoise, type NoiseMeasure, type NoiseSample } from './noise-floor.js';
import type { OutputPairing } from './output-pairing.js';
import type { ReplayOptions } from './replay-options.js';

/** Runs samples of the record again by the versions that served them, as far as they are registered. */
export interface NoiseMeter {
  /** Measures what was sampled so far, while the record is read on. Has an effect once. */
  begin(): void;
  /** Measures the rest: one measure for each version and digest, in the order in which they were sampled. Asked for once, at the end. */
  finish(): Promise<readonly NoiseMeasure[]>;
  close(): Promise<void>;
}

/** `samples`: all so far, in the order of the record; asked again at the end. */
export function noiseMeter(
  options: Pick<ReplayOptions, 'manifests' | 'loadModel'>,
  of: { readonly pairing: OutputPairing; readonly samples: () => readonly NoiseSample[] },
): NoiseMeter {
  const models = new Map<string, Promise<InferenceModel>>();
  let begun: { readonly samples: number; readonly measures: Promise<NoiseMeasure[]> } | undefined;
  let isClosed = false;
  const modelOf = (version: string): Promise<InferenceModel> => {
    if (isClosed) throw errors.INTERNAL({ problem: 'the noise floor is measured no more' });
    const loading = models.get(version) ?? options.loadModel(version);
    models.set(version, loading);
    return loading;
  };
  const measured = async (samples: readonly NoiseSample[]): Promise<NoiseMeasure[]> => {
    const measures: NoiseMeasure[] = [];
    for (const group of groupsOf(samples.filter(({ version }) => options.manifests.has(version)))) {
      const model = await modelOf(group[0]?.version ?? '');
      measures.push(await measureNoise({ samples: group, model, pairing: of.pairing }));
    }
    return measures;
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    for (const model of await Promise.allSettled(models.values())) {
      if (model.status === 'fulfilled') await model.value.close();
    }
    models.clear();
  };
  return {
    begin: () => {
      if (begun !== undefined) return;
      const samples = of.samples().slice();
      begun = { samples: samples.length, measures: measured(samples) };
      // Met at the end.
      begun.measures.catch(() => undefined);
    },
    finish: async () => {
      try {
        const earlier = await begun?.measures;
        return joinMeasures(earlier ?? [], await measured(of.samples().slice(begun?.samples ?? 0)));
      } finally {
        // Scores may still be ranked for as long as it takes: the memory of these models is free by then.
        await close();
      }
    },
    close,
  };
}

/** Of one version and digest each. */
function groupsOf(samples: readonly NoiseSample[]): Iterable<readonly NoiseSample[]> {
  const groups = new Map<string, NoiseSample[]>();
  for (const sample of samples) {
    const key = `${sample.digest} ${sample.version}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(sample);
  }
  return groups.values();
}
