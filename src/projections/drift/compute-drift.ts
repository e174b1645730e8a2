import type { ModelManifest } from '../../schemas/model-manifest.js';
import type { ReferenceProfile } from '../../schemas/reference-profile.js';
import { errors } from '../../services/platform/errors.js';
import { newId } from '../../services/platform/new-id.js';
import { requireDataset, type Analytics } from '../datasets/open-analytics.js';
import type { ServedDataset, Session } from '../datasets/open-session.js';
import { identifier, literal } from '../duckdb/sql-text.js';
import { compareCategories } from './category-comparison.js';
import { driftAlpha, driftFloors } from './drift-floors.js';
import type { DriftReport } from './drift-report.js';
import { referenceCounts, type FieldCounts } from './field-counts.js';
import { judgeDrift, type ComparedField } from './judge-drift.js';
import { liveCounts } from './live-counts.js';
import { compareMissing } from './missing-comparison.js';
import { compareNumbers } from './number-comparison.js';

interface DriftOptions {
  readonly model: string;
  readonly manifest: ModelManifest;
  readonly profile: ReferenceProfile;
  /** `occurredAt`, microseconds UTC: from inclusive, until exclusive. */
  readonly from: number;
  readonly until: number;
}

/**
 * Every feature of the manifest (served rows of all versions) and every output of the profile (rows that this version
 * served) against the reference rows. The same rows give the same report. Features that the profile lacks are left out,
 * and an assumption names them. Throws MODEL_NOT_FOUND, DRIFT_NO_ROWS.
 */
export async function computeDrift(
  options: DriftOptions & { readonly analytics: Analytics },
): Promise<DriftReport> {
  const { model, manifest, profile, from, until } = options;
  const range = { from: isoTime(from), until: isoTime(until) };
  return options.analytics.with(async (session) => {
    const dataset = requireDataset(session, model);
    const rows = await rowsInRange(session, dataset, options);
    try {
      if (rows.all === 0) throw errors.DRIFT_NO_ROWS({ range: `${range.from} to ${range.until}` });
      return {
        schemaVersion: 1,
        model,
        version: manifest.version,
        range,
        referenceRows: profile.rows,
        liveRows: rows.all,
        liveRowsOfVersion: rows.ofVersion,
        alpha: driftAlpha,
        floors: driftFloors,
        fields: judgeDrift(await comparedFields(session, dataset, rows, options)),
        assumptions: assumptions(options),
      };
    } finally {
      await session.database.run(`DROP TABLE ${rows.table}`);
    }
  });
}

interface LiveRows {
  /** A table of its own, so that the files are read once and every field is counted over the same rows. */
  readonly table: string;
  readonly all: number;
  readonly ofVersion: number;
}

async function rowsInRange(
  session: Session,
  dataset: ServedDataset,
  { manifest, from, until }: DriftOptions,
): Promise<LiveRows> {
  const table = identifier(`drift_rows_${newId()}`);
  const columns = ['version', ...dataset.schema.columns.map((column) => identifier(column.column))];
  await session.database.run(
    `CREATE TABLE ${table} AS SELECT ${columns.join(', ')} FROM ${identifier(dataset.view)} WHERE status = 'served' AND occurred_at >= make_timestamp(${Math.ceil(from)}) AND occurred_at < make_timestamp(${Math.ceil(until)})`,
  );
  const [row] = await session.database.rows(
    `SELECT count(*), count(*) FILTER (version = ${literal(manifest.version)}) FROM ${table}`,
  );
  return { table, all: Number(row?.[0] ?? 0), ofVersion: Number(row?.[1] ?? 0) };
}

async function comparedFields(
  session: Session,
  dataset: ServedDataset,
  rows: LiveRows,
  { manifest, profile }: DriftOptions,
): Promise<ComparedField[]> {
  const compared: ComparedField[] = [];
  const common = { database: session.database, schema: dataset.schema };
  for (const feature of manifest.features) {
    const counted = Object.hasOwn(profile.features, feature.name)
      ? profile.features[feature.name]
      : undefined;
    if (counted === undefined) continue;
    const live = { ...common, source: rows.table, rows: rows.all, field: feature.name, feature };
    compared.push(
      compare(
        { field: feature.name, role: 'feature' },
        referenceCounts(counted, profile.rows, feature),
        await liveCounts({ ...live, kind: counted.kind }),
      ),
    );
  }
  const source = `(SELECT * FROM ${rows.table} WHERE version = ${literal(manifest.version)})`;
  for (const [field, counted] of Object.entries(profile.outputs)) {
    const live = { ...common, source, rows: rows.ofVersion, field, feature: undefined };
    compared.push(
      compare(
        { field, role: 'output' },
        referenceCounts(counted, profile.rows, undefined),
        await liveCounts({ ...live, kind: counted.kind }),
      ),
    );
  }
  return compared;
}

function compare(
  name: Pick<ComparedField, 'field' | 'role'>,
  reference: FieldCounts,
  live: FieldCounts,
): ComparedField {
  const values =
    reference.kind === 'number' && live.kind === 'number'
      ? compareNumbers(reference.counts, live.counts)
      : reference.kind === 'category' && live.kind === 'category'
        ? compareCategories(reference.counts, live.counts)
        : undefined;
  return {
    ...name,
    kind: reference.kind,
    referenceRows: reference.rows,
    liveRows: live.rows,
    referenceCount: reference.rows - reference.missing,
    liveCount: live.rows - live.missing,
    values: values ?? null,
    missing: compareMissing(reference, live) ?? null,
  };
}

function assumptions({ manifest, profile }: DriftOptions): string[] {
  const sentinels = manifest.features.filter(
    ({ missing }) => missing !== undefined && missing !== '' && missing !== 'NaN',
  );
  const absent = manifest.features.filter(({ name }) => !Object.hasOwn(profile.features, name));
  return [
    'Rows are taken as exchangeable: rows that depend on each other (one storm, one caller) make p-values too small and intervals too narrow.',
    `One look: over all fields of this report the chance of a false alarm is at most ${driftAlpha * 100} % (Holm); looking often adds up.`,
    `Features are compared on the served rows of all versions, outputs on those that ${manifest.version} served.`,
    'Missing means null, absent, not finite, or the value that the model is given instead.',
    ...(sentinels.length === 0
      ? []
      : [`So counted: ${sentinels.map(({ name, missing }) => `${name} = ${missing}`).join(', ')}.`]),
    ...(absent.length === 0
      ? []
      : [`Not compared, as the profile lacks them: ${absent.map(({ name }) => name).join(', ')}.`]),
  ];
}

function isoTime(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString();
}
