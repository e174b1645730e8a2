import type { NewEvent, PredictionServed, ServedBy } from '../../src/schemas/events.js';

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const sampleProvenance: ServedBy = Object.freeze({
  kind: 'served',
  artefactDigest: 'a1'.repeat(32),
  featureSchemaDigest: 'b2'.repeat(32),
  runtime: Object.freeze({
    name: 'onnxruntime-node',
    version: '1.30.0',
    provider: 'cpu',
    threads: 1,
    graphOptimization: 'all',
  }),
});

export const sampleStartMicros = 1_767_225_600_000_000;

const carriers = ['AA', 'B6', 'DL', 'EV', 'MQ', 'UA', 'US', 'WN'];
const airports = ['ATL', 'BOS', 'CLT', 'FLL', 'LAX', 'MCO', 'MIA', 'ORD', 'SFO', 'TPA', 'DCA', 'DEN'];

/** Like what the flights model serves: 20 features, four of them texts, two often missing. */
export function samplePredictions(count: number, seed = 1, firstIndex = 0): PredictionServed[] {
  const random = seededRandom(seed);
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? '';
  const decimals = (range: number, digits: number) => Number((random() * range).toFixed(digits));
  return Array.from({ length: count }, (_, index) => ({
    type: 'PredictionServed',
    schemaVersion: 1,
    id: sampleUuid(random),
    stream: 'prediction-flights',
    occurredAt: sampleStartMicros + (firstIndex + index) * 12_345,
    data: {
      requestId: sampleUuid(random),
      row: 0,
      key: `UA${firstIndex + index}`,
      model: 'flights',
      version: 'v2',
      provenance: sampleProvenance,
      batchRows: 1 + Math.floor(random() * 64),
      latency: { queueMicros: Math.floor(random() * 900), inferenceMicros: Math.floor(random() * 300) },
      outputs: { label: random() < 0.2 ? 1 : 0, score: Math.fround(random()) },
      durability: 'durable',
    },
    sensitive: {
      inputs: {
        carrier: pick(carriers),
        origin: pick(['EWR', 'JFK', 'LGA']),
        destination: pick(airports),
        tail_number: `N${Math.floor(random() * 90_000) + 10_000}`,
        month: 1 + Math.floor(random() * 12),
        day_of_month: 1 + Math.floor(random() * 28),
        day_of_week: Math.floor(random() * 7),
        scheduled_departure_hour: Math.floor(random() * 24),
        scheduled_departure_minute: Math.floor(random() * 60),
        scheduled_minutes: 60 + Math.floor(random() * 300),
        distance_miles: 100 + Math.floor(random() * 2_400),
        temperature_fahrenheit: decimals(90, 2),
        dew_point_fahrenheit: decimals(70, 2),
        relative_humidity: random() < 0.1 ? null : decimals(100, 2),
        wind_direction: Math.floor(random() * 36) * 10,
        wind_speed: decimals(40, 5),
        wind_gust: random() < 0.7 ? null : decimals(60, 5),
        precipitation: random() < 0.9 ? 0 : decimals(1, 2),
        pressure: 980 + decimals(50, 1),
        visibility: Math.floor(random() * 11),
      },
    },
  }));
}

export function sampleUuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** One event of each type, as small as the schema allows or a little more. */
export function sampleOfEveryType(): NewEvent[] {
  const random = seededRandom(7);
  const envelope = (stream: string) => ({
    schemaVersion: 1 as const,
    id: sampleUuid(random),
    stream,
    occurredAt: sampleStartMicros,
  });
  const digest = 'c3'.repeat(32);
  return [
    ...samplePredictions(1),
    {
      type: 'PredictionRejected',
      ...envelope('prediction-flights'),
      data: {
        requestId: 'r-1',
        row: 3,
        model: 'flights',
        code: 'ROW_INVALID',
        message: 'distance is a text',
        violations: [{ field: 'distance', kind: 'wrong-type', message: 'expected a number' }],
      },
      sensitive: { rawBody: '{"distance":"far"}' },
    },
    {
      type: 'PredictionFailed',
      ...envelope('prediction-flights'),
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      data: {
        requestId: 'r-2',
        row: 0,
        model: 'flights',
        version: 'v1',
        provenance: sampleProvenance,
        code: 'INFERENCE_FAILED',
        message: 'no memory',
      },
      sensitive: {
        inputs: { distance: 1, nested: { list: [1, 'a', null, { deep: true }] } },
        subject: 'p-9',
      },
    },
    {
      type: 'OutcomeObserved',
      ...envelope('outcome-flights'),
      data: { model: 'flights', key: 'UA1', truth: 1, observedAt: sampleStartMicros, origin: 'live' },
    },
    {
      type: 'ModelRegistered',
      ...envelope('registry-flights'),
      data: {
        manifest: {
          name: 'flights',
          version: 'v1',
          task: 'binary-classification',
          layout: 'columns',
          features: [
            {
              name: 'distance',
              tensor: 'distance',
              tensorType: 'float32',
              required: true,
              range: { min: 0.5, max: 4_983 },
              policy: { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'reject' },
            },
          ],
          outputs: { label: { output: 'label' }, score: { output: 'probabilities', class: 1 } },
          threshold: 0.5,
          slices: [{ feature: 'distance', protected: false }],
        },
        featureSchemaDigest: digest,
        artefacts: { model: { sha256: digest, bytes: 4_711 } },
      },
    },
    {
      type: 'ModelPromoted',
      ...envelope('registry-flights'),
      data: { model: 'flights', version: 'v1', rollback: false },
    },
    { type: 'ModelRetired', ...envelope('registry-flights'), data: { model: 'flights', version: 'v1' } },
    {
      type: 'ReplayCompleted',
      ...envelope('replay-1'),
      data: {
        replayId: '1',
        model: 'flights',
        controlVersion: 'recorded',
        candidateVersion: 'v2',
        verdict: 'INCONCLUSIVE',
        exitCode: 2,
        reportDigest: digest,
        summary: { rows: 10, logLoss: { control: 0.5, candidate: null } },
      },
    },
    {
      type: 'StateSnapshotted',
      ...envelope('registry-snapshot'),
      data: {
        asOfPosition: 4_711,
        part: 0,
        parts: 1,
        models: [
          {
            name: 'flights',
            versions: [],
            promotions: [{ version: 'v1', occurredAt: sampleStartMicros, position: 12, rollback: false }],
          },
        ],
        configuration: { 'log.retain': '90d', 'log.retainBytes': null },
      },
    },
  ];
}
