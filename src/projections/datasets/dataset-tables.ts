import type { AppendType } from '../duckdb/table-appender.js';

export interface TableColumn {
  readonly name: string;
  readonly type: AppendType;
}

/** The columns that every model's table begins with. Times are UTC (TIMESTAMP without zone, microseconds). */
export const predictionColumns = [
  { name: 'position', type: 'BIGINT' },
  { name: 'prediction_id', type: 'UUID' },
  { name: 'request_id', type: 'VARCHAR' },
  { name: 'row', type: 'INTEGER' },
  { name: 'key', type: 'VARCHAR' },
  { name: 'occurred_at', type: 'TIMESTAMP' },
  { name: 'recorded_at', type: 'TIMESTAMP' },
  { name: 'version', type: 'VARCHAR' },
  { name: 'model_digest', type: 'VARCHAR' },
  { name: 'status', type: 'VARCHAR' },
  { name: 'latency_ms', type: 'DOUBLE' },
  { name: 'subject', type: 'VARCHAR' },
  { name: 'trace_id', type: 'VARCHAR' },
  { name: 'extra', type: 'VARCHAR' },
] as const satisfies readonly TableColumn[];

/** Every outcome as it was observed, corrections and unmatched ones too. `target`: 1 id, 2 request and row, 3 key. */
export const outcomeColumns = [
  { name: 'position', type: 'BIGINT' },
  { name: 'outcome_id', type: 'VARCHAR' },
  { name: 'model', type: 'VARCHAR' },
  { name: 'prediction_id', type: 'VARCHAR' },
  { name: 'request_id', type: 'VARCHAR' },
  { name: 'row', type: 'INTEGER' },
  { name: 'key', type: 'VARCHAR' },
  { name: 'truth', type: 'VARCHAR' },
  { name: 'truth_number', type: 'DOUBLE' },
  { name: 'known_at', type: 'TIMESTAMP' },
  { name: 'observed_at', type: 'TIMESTAMP' },
  { name: 'recorded_at', type: 'TIMESTAMP' },
  { name: 'occurred_at', type: 'TIMESTAMP' },
  { name: 'origin', type: 'VARCHAR' },
  { name: 'source', type: 'VARCHAR' },
  { name: 'target', type: 'INTEGER' },
] as const satisfies readonly TableColumn[];

export const rejectionColumns = [
  { name: 'position', type: 'BIGINT' },
  { name: 'rejection_id', type: 'VARCHAR' },
  { name: 'model', type: 'VARCHAR' },
  { name: 'request_id', type: 'VARCHAR' },
  { name: 'row', type: 'INTEGER' },
  { name: 'key', type: 'VARCHAR' },
  { name: 'occurred_at', type: 'TIMESTAMP' },
  { name: 'recorded_at', type: 'TIMESTAMP' },
  { name: 'code', type: 'VARCHAR' },
  { name: 'message', type: 'VARCHAR' },
  { name: 'violations', type: 'VARCHAR' },
  { name: 'raw_body', type: 'VARCHAR' },
] as const satisfies readonly TableColumn[];

export const replayColumns = [
  { name: 'position', type: 'BIGINT' },
  { name: 'replay_id', type: 'VARCHAR' },
  { name: 'model', type: 'VARCHAR' },
  { name: 'control_version', type: 'VARCHAR' },
  { name: 'candidate_version', type: 'VARCHAR' },
  { name: 'verdict', type: 'VARCHAR' },
  { name: 'exit_code', type: 'INTEGER' },
  { name: 'report_digest', type: 'VARCHAR' },
  { name: 'summary', type: 'VARCHAR' },
  { name: 'occurred_at', type: 'TIMESTAMP' },
  { name: 'recorded_at', type: 'TIMESTAMP' },
] as const satisfies readonly TableColumn[];

/** Tables of their own kind, shared by all models. */
export const sharedTables = {
  outcomes: outcomeColumns,
  rejections: rejectionColumns,
  replays: replayColumns,
} as const;
export type SharedTable = keyof typeof sharedTables;
