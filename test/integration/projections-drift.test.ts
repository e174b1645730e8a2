import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import { computeDrift } from '../../src/projections/drift/compute-drift.js';
import { DriftReport } from '../../src/projections/drift/drift-report.js';
import type { DriftField } from '../../src/projections/drift/drift-report.js';
import { renderDrift } from '../../src/projections/drift/render-drift.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import type { NewEvent } from '../../src/schemas/events.js';
import type { ReferenceProfile } from '../../src/schemas/reference-profile.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import {
  dayMicros,
  firstDayMicros,
  manifestOf,
  predicted,
  registered,
} from '../support/projection-events.js';
import { seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const manifest = manifestOf({ temp: 'float32', carrier: 'string', stops: 'int64', heavy: 'bool' });
const tenths = Array.from({ length: 100 }, (_, index) => index / 10);
/** 10,000 rows: temp 0.0 to 9.9 evenly as float32 keeps it, three carriers, stops 0 and 1, heavy half the time. */
const profile: ReferenceProfile = {
  schemaVersion: 1,
  rows: 10_000,
  features: {
    temp: {
      kind: 'number',
      missing: 0,
      nonFinite: 0,
      values: tenths.map(Math.fround),
      counts: tenths.map(() => 100),
      binEdges: [],
    },
    carrier: { kind: 'category', missing: 0, values: ['DL', 'EV', 'UA'], counts: [4_000, 3_000, 3_000] },
    stops: { kind: 'number', missing: 0, nonFinite: 0, values: [0, 1], counts: [5_000, 5_000], binEdges: [] },
    heavy: { kind: 'category', missing: 0, values: ['false', 'true'], counts: [5_000, 5_000] },
  },
  outputs: {
    label: { kind: 'category', missing: 0, values: ['0', '1'], counts: [5_000, 5_000] },
    score: {
      kind: 'number',
      missing: 0,
      nonFinite: 0,
      values: [0.25, 0.75],
      counts: [5_000, 5_000],
      binEdges: [],
    },
  },
};

interface Row {
  temp?: number | string | null;
  carrier?: string | null;
  version?: string;
  at?: number;
}

let folder: string;
let log: EventLog;
const clock = manualClock(firstDayMicros + 10 * dayMicros);
beforeEach(async () => {
  folder = await temporaryFolder();
  log = createMemoryLog({ clock });
  await log.append([registered(manifest), registered({ ...manifest, version: 'v2' })]);
});
afterEach(() => log.close());

/** Rows as in the reference, but for what `change` gives. Values have the decimals that a caller would send. */
async function serve(
  count: number,
  change: (index: number, random: () => number) => Row = () => ({}),
  seed = 1,
): Promise<void> {
  const random = seededRandom(seed);
  const events: NewEvent[] = Array.from({ length: count }, (_, index) => {
    const share = random();
    const usual = {
      temp: Math.floor(random() * 100) / 10,
      carrier: share < 0.4 ? 'DL' : share < 0.7 ? 'EV' : 'UA',
    };
    const { version, at, ...changed } = change(index, random);
    const positive = random() < 0.5;
    return predicted({
      inputs: { ...usual, stops: random() < 0.5 ? 0 : 1, heavy: random() < 0.5, ...changed },
      outputs: { label: positive ? 1 : 0, score: positive ? 0.75 : 0.25 },
      occurredAt: at ?? firstDayMicros + index,
      ...(version === undefined ? {} : { version }),
    });
  });
  await log.append(events);
}

async function drift(
  range: { from?: number; until?: number; profile?: ReferenceProfile } = {},
): Promise<DriftReport> {
  const analytics = await openAnalytics({ dataDirectory: folder, reader: log });
  try {
    return await computeDrift({
      analytics,
      model: 'flights',
      manifest,
      profile,
      from: firstDayMicros,
      until: firstDayMicros + dayMicros,
      ...range,
    });
  } finally {
    await analytics.close();
  }
}

function fieldOf(report: DriftReport, name: string): DriftField {
  const found = report.fields.find(({ field }) => field === name);
  if (found === undefined) throw new Error(`the report has no ${name}`);
  return found;
}

const verdicts = (report: DriftReport) =>
  Object.fromEntries(report.fields.map(({ field, verdict }) => [field, verdict]));
const plainPaint = { good: String, bad: String, warn: String, dim: String, bold: String };

describe('drift of live rows against a profile', () => {
  it('calls every field equivalent when nothing changed, also where float32 keeps other digits than the caller sent', async () => {
    await serve(8_000);
    const report = await drift();
    expect(DriftReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(new Set(Object.values(verdicts(report)))).toEqual(new Set(['equivalent']));
    expect(report.fields.map(({ field }) => field)).toEqual([
      'temp',
      'carrier',
      'stops',
      'heavy',
      'label',
      'score',
    ]);
    expect(fieldOf(report, 'heavy').liveCount).toBe(8_000);
  });

  it('takes a value sent with other digits than float32 keeps for the same value', async () => {
    await serve(400, () => ({ temp: 5.1 }));
    const temp = {
      kind: 'number' as const,
      missing: 0,
      nonFinite: 0,
      values: [Math.fround(5.1)],
      counts: [10_000],
      binEdges: [],
    };
    const report = await drift({ profile: { ...profile, features: { ...profile.features, temp } } });
    expect(fieldOf(report, 'temp').values).toMatchObject({
      ks: { d: { estimate: 0 } },
      auc: { estimate: 0.5 },
    });
  });

  it('finds what changed, with its direction, and nothing else', async () => {
    await serve(8_000, (index, random) => ({
      temp: Math.floor(random() * 100) / 10 + 2,
      carrier: index % 10 === 0 ? 'ZZ' : index % 2 === 0 ? 'DL' : 'UA',
    }));
    const report = await drift();
    expect(verdicts(report)).toEqual({
      temp: 'drift',
      carrier: 'drift',
      stops: 'equivalent',
      heavy: 'equivalent',
      label: 'equivalent',
      score: 'equivalent',
    });
    expect(fieldOf(report, 'temp')).toMatchObject({ direction: 'higher', causes: ['location'] });
    expect(fieldOf(report, 'carrier')).toMatchObject({
      direction: 'more UA, less EV',
      causes: ['shares', 'new categories'],
    });
    expect(fieldOf(report, 'carrier').values).toMatchObject({
      newCategories: { named: [{ category: 'ZZ', share: 0.1 }] },
    });
  });

  it('counts null and NaN as missing, in parts and in the tail alike', async () => {
    await serve(4_000, (index) => ({ temp: index % 4 === 0 ? (index % 8 === 0 ? null : 'NaN') : 5 }));
    const tail = await drift();
    await projectAvailable({ dataDirectory: folder, reader: log, clock });
    expect(await drift()).toEqual(tail);
    expect(fieldOf(tail, 'temp')).toMatchObject({
      liveRows: 4_000,
      liveCount: 3_000,
      missing: { liveRate: 0.25, referenceRate: 0 },
    });
    expect(fieldOf(tail, 'temp').causes).toContain('missing');
    expect(fieldOf(tail, 'temp').direction).toContain('more missing');
  });

  it('says that fifty rows are not enough data', async () => {
    await serve(50);
    expect(new Set(Object.values(verdicts(await drift())))).toEqual(new Set(['not enough data']));
  });

  it('takes features from the rows of all versions and outputs from those of its own', async () => {
    await serve(300, (index) => ({ version: index < 200 ? 'v1' : 'v2' }));
    const report = await drift();
    expect(report).toMatchObject({ liveRows: 300, liveRowsOfVersion: 200 });
    expect([fieldOf(report, 'temp').liveRows, fieldOf(report, 'score').liveRows]).toEqual([300, 200]);
  });

  it('takes the first instant of the range and not the last', async () => {
    await serve(4, (index) => ({ at: firstDayMicros + index }));
    expect((await drift({ from: firstDayMicros + 1, until: firstDayMicros + 3 })).liveRows).toBe(2);
    await expect(drift({ from: firstDayMicros + 4 })).rejects.toMatchObject({ code: 'DRIFT_NO_ROWS' });
  });
});

describe('the drift table', () => {
  it('has room for the direction', async () => {
    await serve(1_000, () => ({ temp: 9 }));
    expect(renderDrift(await drift(), plainPaint)).toMatch(
      /^drift +temp +num +AUC 0\.91 higher +<\.001 +4\.95→9 +0%→0% +1\.0k$/m,
    );
  });

  it('stays within 100 columns, drift first, whatever callers put into a category', async () => {
    const nasty = `a\u001b[31m\n${'w'.repeat(300)}`;
    await serve(2_000, () => ({ carrier: nasty }));
    const text = renderDrift(await drift(), plainPaint);
    const lines = text.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(text).not.toContain('\u001b');
    const [first] = lines.slice(lines.findIndex((line) => line.startsWith('verdict')) + 1);
    expect(first).toMatch(/^drift +carrier +cat /);
    expect(text).toContain('1 of 6 fields drifted');
  });

  it('has the same widths painted and plain', async () => {
    await serve(500);
    const report = await drift();
    const marked = (text: string) => `<${text}>`;
    const painted = renderDrift(report, {
      good: marked,
      bad: marked,
      warn: marked,
      dim: marked,
      bold: marked,
    });
    expect(painted.replaceAll(/^<|>$/gm, '').replaceAll(/^([^<>]*)>/gm, '$1')).toBe(
      renderDrift(report, plainPaint),
    );
  });
});
