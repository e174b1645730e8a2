// The bare loop of bench/replay.ts, in a process of its own: keeps the recorded inputs as tensors, says when they are there (0), and
// answers every message with the rows a second of `session.run` over all of them.
//   <data folder> <version> <from> <until>     microseconds UTC, until exclusive
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { embeddedLocation, withWorkspace } from '../src/cli/workspace.js';
import { createRecordedPredictions } from '../src/projections/datasets/create-recorded-predictions.js';
import type { Column } from '../src/schemas/columns.js';
import type { ModelManifest } from '../src/schemas/model-manifest.js';
import { requireVersion } from '../src/services/inference/registry.js';

type Feeds = readonly Record<string, Tensor>[];

const [directory = '', version = '', from = '', until = ''] = process.argv.slice(2);
const batchRows = 4_096;

const { feeds, path } = await withWorkspace(embeddedLocation(directory), async (workspace) => {
  const { manifest, artefacts } = requireVersion(await workspace.registry(), 'flights', version);
  const recorded = createRecordedPredictions(await workspace.analytics());
  const read: Record<string, Tensor>[] = [];
  for await (const batch of recorded.read({
    model: 'flights',
    occurredFrom: Number(from),
    occurredUntil: Number(until),
    features: manifest.features.map((feature) => feature.name),
    outputs: [],
  })) {
    for (let first = 0; first < batch.rows; first += batchRows) {
      read.push(feedOf(manifest, batch.inputs, first, Math.min(batch.rows, first + batchRows)));
    }
    batch.release();
  }
  return { feeds: read, path: workspace.artefacts.path(artefacts.model.sha256) };
});
process.on('message', () => {
  void bareRun(path, feeds).then((rowsPerSecond) => process.send?.(rowsPerSecond));
});
process.send?.(0);

function feedOf(
  manifest: ModelManifest,
  inputs: { readonly [feature: string]: Column },
  from: number,
  until: number,
): Record<string, Tensor> {
  const shape = [until - from, 1];
  return Object.fromEntries(
    manifest.features.map(({ name, tensor }): [string, Tensor] => {
      const column = inputs[name];
      if (column?.kind === 'dictionary') {
        return [
          tensor,
          new Tensor(
            'string',
            Array.from(column.codes.subarray(from, until), (code) => column.dictionary[code] ?? ''),
            shape,
          ),
        ];
      }
      if (column?.kind !== 'number') throw new Error(`${name} came as ${column?.kind}`);
      const values = Float32Array.from(column.values.subarray(from, until), (value, index) =>
        column.valid?.[from + index] === 0 ? Number.NaN : value,
      );
      return [tensor, new Tensor('float32', values, shape)];
    }),
  );
}

async function bareRun(modelPath: string, all: Feeds): Promise<number> {
  const session = await InferenceSession.create(modelPath, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const started = performance.now();
  let rows = 0;
  for (const feed of all) {
    await session.run(feed);
    rows += Object.values(feed)[0]?.dims[0] ?? 0;
  }
  const seconds = (performance.now() - started) / 1000;
  await session.release();
  return rows / seconds;
}
