import type { Column } from '../../schemas/columns.js';

/** Which recorded predictions to read. Times: `occurredAt` micros UTC, from inclusive, until exclusive. */
export interface RecordedQuery {
  readonly model: string;
  readonly occurredFrom: number;
  readonly occurredUntil: number;
  /** Truths known later than this are treated as unknown; undefined: what is known at the log position read. */
  readonly knownUntil?: number;
  /** Features to read, by name (columns `in_<feature>`); a feature that the dataset lacks gives no column. */
  readonly features: readonly string[];
  /** Outputs to read, by role. */
  readonly outputs: readonly string[];
  /** An SQL condition over the model's view. */
  readonly where?: string;
  /** So many cells that subjects are hashed into (`subjectCell` of a batch); undefined: not read. */
  readonly subjectCells?: number;
}

/**
 * One batch of recorded predictions. Over the whole read rows are ordered by the UTC day of `occurredAt`, and within a day
 * by position: an order that the log alone decides, and that the datasets are stored in. Only rows with status 'served'. Every
 * batch but the last has `limits.rowsPerInferenceRunMax` rows.
 */
export interface RecordedBatch {
  readonly rows: number;
  /** Whole numbers below 2^53, as are the times. */
  readonly positions: Float64Array;
  /** `occurredAt`, microseconds UTC. */
  readonly occurredAt: Float64Array;
  readonly served: ServedBy;
  readonly inputs: { readonly [feature: string]: Column };
  readonly outputs: { readonly [role: string]: Column };
  /** 0 or 1 for binary tasks; the number itself for regression; as text for classes with names. */
  readonly truth: Column;
  /** The cell of the row's subject, by a hash that never changes; null without a subject. Undefined: not asked for. */
  readonly subjectCell: Column | undefined;
  /** Lets the memory be used for later batches: afterwards nobody may read the columns. It need not be called. */
  release(): void;
}

/** By what each row was served. */
export interface ServedBy {
  /** Numbers in `servers`, one a row. */
  readonly codes: Uint8Array | Uint16Array | Uint32Array;
  /** None twice. Not all of them need have served a row of the batch. */
  readonly servers: readonly RecordedServer[];
}

export interface RecordedServer {
  readonly version: string;
  /** Of the artefact; null: the prediction was imported. */
  readonly digest: string | null;
}

/** What was recorded, over one state of the log, and how to find single rows again. */
export interface RecordedPredictions {
  count(query: RecordedQuery): Promise<RecordedCount>;
  /** Of these features, those that some recorded prediction of the model, at any time, has a value of. */
  featuresWithValues(model: string, features: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Bounded memory: at most a few batches are alive at a time. `rows`: of the whole read those with these numbers, until
   * exclusive; what lies wholly before them is not read.
   */
  read(query: RecordedQuery, rows?: RowRange): AsyncIterable<RecordedBatch>;
  /** Identity and inputs of single rows, for a report's examples; in the order asked. */
  lookup(model: string, positions: readonly bigint[]): Promise<readonly RecordedRow[]>;
  close(): Promise<void>;
}

/** Row numbers in the order of a read, from inclusive, until exclusive. */
export interface RowRange {
  readonly from: number;
  readonly until: number;
}

export interface RecordedCount {
  readonly rows: number;
  readonly rowsWithTruth: number;
  readonly rowsWithSubject: number;
  /** Every score among the outputs of the query fits a 32-bit float, as those of most models do; true without scores. */
  readonly scoresAreSingle: boolean;
  /** The highest log position among these rows; undefined: there are none. */
  readonly lastPosition: number | undefined;
  /** When the truth of these rows that became known last did so, micros UTC; undefined: none has a truth. */
  readonly truthKnownUntil: number | undefined;
  /** Range of `occurredAt` over everything recorded for the model, micros UTC; undefined: nothing recorded. */
  readonly available: { readonly from: number; readonly until: number } | undefined;
}

export interface RecordedRow {
  readonly position: string;
  readonly predictionId: string;
  readonly key: string | null;
  readonly occurredAt: number;
  readonly inputs: { readonly [feature: string]: string | number | boolean | null };
}
