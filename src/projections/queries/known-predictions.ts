import type { Analytics } from '../datasets/open-analytics.js';
import { identifier, literal } from '../duckdb/sql-text.js';

/** How an outcome names its prediction; exactly one of the three ways. */
export interface PredictionReference {
  readonly model: string;
  readonly predictionId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly row?: number | undefined;
  readonly key?: string | undefined;
}

/** For each reference, in the order asked: is a prediction that it names recorded? */
export async function knownPredictions(
  analytics: Analytics,
  references: readonly PredictionReference[],
): Promise<readonly boolean[]> {
  return analytics.with(async ({ database, models }) => {
    const found = new Set<string>();
    for (const { name, view } of models) {
      const asked = references.filter((reference) => reference.model === name);
      if (asked.length === 0) continue;
      const conditions = [
        inList(
          'prediction_id::VARCHAR',
          asked.map((reference) => reference.predictionId),
        ),
        inList(
          'request_id',
          asked.map((reference) => reference.requestId),
        ),
        inList(
          'key',
          asked.map((reference) => reference.key),
        ),
      ].filter((condition) => condition !== undefined);
      const rows = await database.rows(
        `SELECT prediction_id::VARCHAR, request_id, "row", key FROM ${identifier(view)} WHERE ${conditions.join(' OR ')}`,
      );
      for (const [id, requestId, row, key] of rows) {
        found.add(nameOf({ model: name, predictionId: String(id) }));
        found.add(nameOf({ model: name, requestId: String(requestId), row: Number(row) }));
        if (key !== null) found.add(nameOf({ model: name, key: String(key) }));
      }
    }
    return references.map((reference) => found.has(nameOf(reference)));
  });
}

function nameOf(reference: PredictionReference): string {
  if (reference.predictionId !== undefined) return `${reference.model}\nid\n${reference.predictionId}`;
  if (reference.requestId !== undefined)
    return `${reference.model}\nrequest\n${reference.requestId}\n${reference.row ?? 0}`;
  return `${reference.model}\nkey\n${reference.key ?? ''}`;
}

function inList(column: string, values: readonly (string | undefined)[]): string | undefined {
  const given = values.filter((value) => value !== undefined);
  return given.length === 0 ? undefined : `${column} IN (${given.map(literal).join(', ')})`;
}
