/** Exit codes of every command. A verdict's own codes (0–3) never mean a crash or a mistake in usage. */
export const exitCodes = {
  ok: 0,
  fail: 1,
  inconclusive: 2,
  invalid: 3,
  usage: 64,
  internal: 70,
  interrupted: 130,
} as const;

export interface ErrorDetails {
  readonly [name: string]: unknown;
}

/** A fault with a code from the catalogue. `message`: what was wrong and what was expected; `action`: what to do. */
export class HindcastError extends Error {
  override readonly name = 'HindcastError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly exitCode: number;
  readonly action: string;
  readonly details: ErrorDetails;

  constructor(fields: {
    code: ErrorCode;
    status: number;
    exitCode: number;
    message: string;
    action: string;
    details: ErrorDetails;
    cause?: unknown;
  }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status;
    this.exitCode = fields.exitCode;
    this.action = fields.action;
    this.details = fields.details;
  }
}

interface Entry<Details> {
  /** HTTP status. */
  readonly status: number;
  /** Exit code of a command that ends with it; 64 unless told. */
  readonly exitCode?: number;
  readonly message: (details: Details) => string;
  readonly action: string;
}

function entry<Details extends object>(fields: Entry<Details>): Entry<Details> {
  return fields;
}

/** The one catalogue. Every code stands in docs/errors.md; a test holds the two together. Keep it sorted by area. */
export const catalogue = {
  // Requests
  REQUEST_INVALID: entry<{ problem: string }>({
    status: 400,
    message: (d) => `The request is not what this endpoint takes: ${d.problem}.`,
    action: 'Send JSON of the form shown at /docs.',
  }),
  REQUEST_TOO_LARGE: entry<{ bytesMax: number }>({
    status: 413,
    message: (d) => `The body is larger than ${d.bytesMax} bytes.`,
    action: 'Split the rows over several requests.',
  }),
  BATCH_EMPTY: entry<object>({
    status: 400,
    message: () => 'The request holds no row.',
    action: 'Send at least one row in "rows", or one row as "inputs".',
  }),
  BATCH_TOO_LARGE: entry<{ rows: number; rowsMax: number }>({
    status: 413,
    message: (d) => `The request holds ${d.rows} rows; at most ${d.rowsMax} are taken at once.`,
    action: 'Split the rows over several requests.',
  }),
  ROWS_REJECTED: entry<{ rejected: number; first: string }>({
    status: 422,
    message: (d) => `None of the ${d.rejected} row(s) could be served; the first: ${d.first}`,
    action: 'Mend the fields named in "rejected"; the model\'s features are listed by `hindcast model show`.',
  }),
  ROW_INVALID: entry<{ problem: string }>({
    status: 422,
    message: (d) => `${d.problem}`,
    action: "Mend the field; the model's features are listed by `hindcast model show`.",
  }),
  OUTCOME_INVALID: entry<{ problem: string }>({
    status: 422,
    message: (d) => `The outcome cannot be taken: ${d.problem}.`,
    action: 'Give the truth and one of predictionId, requestId with row, or key.',
  }),
  IDEMPOTENCY_KEY_INVALID: entry<{ problem: string; charactersMax: number }>({
    status: 400,
    message: (d) =>
      `The header Idempotency-Key ${d.problem}; expected once, 1 to ${d.charactersMax} visible ASCII characters.`,
    action: 'Send a new UUID as the key of each request, and the same one when you repeat it.',
  }),
  IDEMPOTENCY_KEY_REUSED: entry<object>({
    status: 409,
    message: () => 'This Idempotency-Key was used a short while ago for another body.',
    action: 'Give every request its own key; a repeated request must have the same body, byte for byte.',
  }),
  UNAUTHORIZED: entry<object>({
    status: 401,
    message: () => 'An access token is needed, and none that is known was sent.',
    action: 'Send "Authorization: Bearer <token>" with one of the tokens in server.tokens.',
  }),
  ROUTE_NOT_FOUND: entry<{ method: string; url: string }>({
    status: 404,
    message: (d) => `There is nothing at ${d.method} ${d.url}.`,
    action: 'See /docs for what this server offers.',
  }),
  SERVER_BUSY: entry<{ what: string }>({
    status: 503,
    exitCode: 70,
    message: (d) => `The server takes no more work at the moment: ${d.what} is full.`,
    action: 'Try again after the time in Retry-After.',
  }),
  // Models
  MODEL_NOT_FOUND: entry<{ model: string; known: readonly string[] }>({
    status: 404,
    message: (d) => `No model is named ${d.model}; known: ${d.known.join(', ') || 'none'}.`,
    action: 'Register one with `hindcast model add <bundle>`; `hindcast model list` shows all.',
  }),
  MODEL_NAME_NEEDED: entry<{ known: readonly string[] }>({
    status: 400,
    message: (d) =>
      `Several models are registered (${d.known.join(', ')}), so a version alone does not name one.`,
    action: 'Write name@version.',
  }),
  MODEL_VERSION_NOT_FOUND: entry<{ model: string; version: string; known: readonly string[] }>({
    status: 404,
    message: (d) => `Model ${d.model} has no version ${d.version}; known: ${d.known.join(', ') || 'none'}.`,
    action: 'Register it with `hindcast model add <bundle>`, or name one that is known.',
  }),
  MODEL_NOT_PROMOTED: entry<{ model: string }>({
    status: 409,
    message: (d) => `Model ${d.model} has no version that serves.`,
    action: 'Promote one: `hindcast model promote name@version`.',
  }),
  MODEL_VERSION_EXISTS: entry<{ model: string; version: string }>({
    status: 409,
    message: (d) => `Version ${d.version} of model ${d.model} is registered already, with other content.`,
    action: 'A version never changes: give the bundle a new version in model.yaml.',
  }),
  MODEL_NO_PREVIOUS: entry<{ model: string }>({
    status: 409,
    message: (d) => `Model ${d.model} has no earlier promoted version to go back to.`,
    action: 'Promote the version that you want by name.',
  }),
  MODEL_VERSION_RETIRED: entry<{ model: string; version: string }>({
    status: 409,
    message: (d) => `Version ${d.version} of model ${d.model} is retired.`,
    action: 'Promote another version, or register the bundle under a new one.',
  }),
  MODEL_SERVES: entry<{ model: string; version: string }>({
    status: 409,
    message: (d) => `Version ${d.version} of model ${d.model} serves, so it cannot be retired.`,
    action: 'Promote another version first.',
  }),
  MODEL_UNPROVEN: entry<{ model: string; version: string; problem: string }>({
    status: 409,
    message: (d) => `Version ${d.version} of model ${d.model} has nothing to show for itself: ${d.problem}`,
    action:
      'Promote it after `replay --model name@version` gave a PASS, or with --without-evidence: the event will say so. `hindcast model rollback` needs none.',
  }),
  BUNDLE_INVALID: entry<{ path: string; problem: string }>({
    status: 422,
    message: (d) => `The bundle ${d.path} cannot be used: ${d.problem}.`,
    action:
      'A bundle is a folder with model.onnx, model.yaml and reference.parquet; see "Your own model" in the README.',
  }),
  MODEL_FILE_DAMAGED: entry<{ path: string; problem: string }>({
    status: 422,
    message: (d) => `The ONNX file ${d.path} cannot be loaded: ${d.problem}.`,
    action: 'Export the model again, and check that the file was copied whole.',
  }),
  MODEL_OUTPUT_NOT_TENSOR: entry<{ output: string }>({
    status: 422,
    message: (d) => `Output ${d.output} of the model is a map or a sequence, not a tensor.`,
    action: 'Export with skl2onnx option zipmap=False (options={id(model): {"zipmap": False}}).',
  }),
  ARTEFACT_DAMAGED: entry<{ digest: string; problem: string }>({
    status: 500,
    exitCode: 3,
    message: (d) => `The stored artefact ${d.digest} is damaged or missing: ${d.problem}.`,
    action: 'Restore the artefacts folder from a backup, or add the bundle again.',
  }),
  INFERENCE_FAILED: entry<{ model: string; problem: string }>({
    status: 500,
    exitCode: 70,
    message: (d) => `Model ${d.model} failed on this input: ${d.problem}.`,
    action: 'The inputs are recorded as PredictionFailed; see `hindcast log tail`.',
  }),
  // The log
  LOG_IN_USE: entry<{ directory: string; holder: string }>({
    status: 503,
    message: (d) => `The log in ${d.directory} is being written by another process (${d.holder}).`,
    action: 'One process writes a log: stop the other one, or use another --data folder.',
  }),
  LOG_NOT_FOUND: entry<{ directory: string }>({
    status: 404,
    message: (d) => `There is no log in ${d.directory}.`,
    action: 'Name the data folder with --data; `hindcast model add` or `hindcast serve` makes a new one.',
  }),
  LOG_BUSY: entry<{ queued: number }>({
    status: 503,
    exitCode: 70,
    message: (d) => `The log takes no more events at the moment: ${d.queued} are waiting for the disk.`,
    action: 'Try again after the time in Retry-After; if it lasts, the disk is slower than the traffic.',
  }),
  LOG_BATCH_TOO_LARGE: entry<{ problem: string }>({
    status: 413,
    message: (d) => `The append is larger than the log takes at once: ${d.problem}.`,
    action: 'Append in smaller parts.',
  }),
  LOG_EVENT_INVALID: entry<{ problem: string }>({
    status: 422,
    message: (d) => `An event cannot be stored: ${d.problem}.`,
    action: 'Nothing of this append was stored; mend the event and append again.',
  }),
  LOG_WRITE_FAILED: entry<{ problem: string }>({
    status: 503,
    exitCode: 70,
    message: (d) => `The log could not make events durable and refuses further writes: ${d.problem}.`,
    action:
      'Check the disk (space, health), then start the process again; what was acknowledged as durable is safe.',
  }),
  LOG_DISK_FULL: entry<{ directory: string; bytes: number }>({
    status: 503,
    exitCode: 70,
    message: (d) =>
      `The disk has no room for another segment of the log: ${d.bytes} bytes are needed in ${d.directory}.`,
    action: 'Nothing of this append was stored. Make room; the log goes on by itself, without a restart.',
  }),
  LOG_CORRUPT: entry<{ segment: string; offset: number; position: string; problem: string }>({
    status: 500,
    exitCode: 70,
    message: (d) =>
      `The log is damaged in ${d.segment} at byte ${d.offset} (position ${d.position}): ${d.problem}.`,
    action:
      'Everything before this position can still be read. `hindcast log repair` says what to do, and changes nothing by itself; see docs/operations.md.',
  }),
  LOG_HASH_MISSING: entry<{ directory: string; hash: string }>({
    status: 500,
    exitCode: 70,
    message: (d) => `The log in ${d.directory} is whole, and never had the hash ${d.hash}.`,
    action:
      'Events were cut from its end, or retention dropped that part since, or the hash is that of another log. Restore the backup that the hash was noted with into a new folder, and compare.',
  }),
  LOG_DROPPED: entry<{ position: string; firstPosition: string }>({
    status: 410,
    message: (d) =>
      `Position ${d.position} was dropped from the log by retention; the first that is kept is ${d.firstPosition}.`,
    action:
      'Read from the first position that is kept. The datasets still have the predictions that were dropped: ask them with `hindcast sql`.',
  }),
  LOG_CUT_REFUSED: entry<{ position: string; problem: string }>({
    status: 409,
    message: (d) => `The log is not cut at position ${d.position}: ${d.problem}.`,
    action: 'Run `hindcast log repair` without --cut-at: it names what is damaged, and changes nothing.',
  }),
  LOG_CLOSED: entry<object>({
    status: 503,
    exitCode: 70,
    message: () => 'The log is closed.',
    action: 'The process is stopping; try another one.',
  }),
  LOG_UNAVAILABLE: entry<{ problem: string }>({
    status: 503,
    exitCode: 70,
    message: (d) => `The KurrentDB cluster cannot be reached: ${d.problem}.`,
    action:
      'Try again after the time in Retry-After. The server goes on by itself when the cluster is back; what was acknowledged is safe.',
  }),
  LOG_ACCESS_DENIED: entry<{ problem: string }>({
    status: 500,
    exitCode: 70,
    message: (d) => `The KurrentDB cluster refuses access: ${d.problem}.`,
    action:
      'Put a user who may append and read $all (an administrator) into the connection string: kurrentdb://user:password@host:2113.',
  }),
  LOG_POSITION_UNKNOWN: entry<{ position: string }>({
    status: 400,
    message: (d) =>
      `The log cannot be read from position ${d.position}: no event stands there or just before.`,
    action: 'Positions of a KurrentDB log are not dense: name that of an event, or the one after it.',
  }),
  LOG_UNKNOWN_VERSION: entry<{ what: string; version: number }>({
    status: 500,
    exitCode: 70,
    message: (d) => `${d.what} has version ${d.version}, which this release does not know.`,
    action: 'Read this log with the release that wrote it, or a later one.',
  }),
  // Datasets and SQL
  SQL_FAILED: entry<{ problem: string }>({
    status: 400,
    message: (d) => `The query failed: ${d.problem}`,
    action:
      'Views: one for each model, predictions, outcomes, rejections, models, replays; `describe flights` lists columns.',
  }),
  SQL_OUT_OF_MEMORY: entry<{ problem: string }>({
    status: 400,
    exitCode: 70,
    message: (d) => `A query needs more memory than queries may use: ${d.problem}.`,
    action:
      'Select fewer columns or rows, or aggregate earlier. When much was appended since `hindcast projections run` last ran, run it first.',
  }),
  DATASET_DAMAGED: entry<{ path: string; problem: string }>({
    status: 500,
    exitCode: 70,
    message: (d) => `The dataset file ${d.path} cannot be read: ${d.problem}.`,
    action: 'Datasets are made from the log: run `hindcast projections rebuild`.',
  }),
  DATASET_BEYOND_LOG: entry<{ path: string; checkpoint: string; nextPosition: string }>({
    status: 500,
    exitCode: 70,
    message: (d) =>
      `The datasets of ${d.path} hold events before position ${d.checkpoint}, and the log ends before ${d.nextPosition}: it was cut, or replaced by an older one.`,
    action:
      'The log is what counts: run `hindcast projections rebuild`. If the log is the one that is wrong, restore it from a backup instead.',
  }),
  DATASET_NOT_REBUILDABLE: entry<{ path: string; firstPosition: string; problem: string }>({
    status: 409,
    exitCode: 70,
    message: (d) =>
      `The datasets in ${d.path} alone hold the predictions before position ${d.firstPosition}, which retention dropped from the log, and they cannot be read: ${d.problem}.`,
    action:
      'Nothing was changed. Restore the datasets folder from a backup, or give up those predictions with `hindcast projections rebuild --accept-loss`.',
  }),
  PREDICTION_DROPPED: entry<{ id: string; position: string }>({
    status: 410,
    message: (d) =>
      `The event of the prediction ${d.id} (position ${d.position}) was dropped from the log by retention.`,
    action:
      'The datasets still have its columns: `hindcast sql "select * from <model> where prediction_id = \'<id>\'"`.',
  }),
  PREDICTION_NOT_FOUND: entry<{ id: string }>({
    status: 404,
    message: (d) => `No prediction has the id ${d.id}.`,
    action: 'Give the id from a reply or from SQL (column prediction_id).',
  }),
  DRIFT_NO_REFERENCE: entry<{ model: string; version: string }>({
    status: 409,
    message: (d) => `${d.model}@${d.version} has no reference profile to compare with.`,
    action: 'Put reference.parquet (a sample of training rows) into the bundle and register a new version.',
  }),
  DRIFT_NO_ROWS: entry<{ range: string }>({
    status: 404,
    message: (d) => `No prediction was made in the range ${d.range}.`,
    action:
      'Choose a longer --since; `hindcast sql "select min(occurred_at), max(occurred_at) from predictions"` shows what there is.',
  }),
  // Replay
  REPLAY_RANGE_EMPTY: entry<{ range: string; available: string }>({
    status: 404,
    exitCode: 3,
    message: (d) => `No prediction was made in the range ${d.range}; the log holds ${d.available}.`,
    action: 'Choose another --since or --until.',
  }),
  GATE_FILE_INVALID: entry<{ path: string; problem: string }>({
    status: 422,
    exitCode: 64,
    message: (d) => `The gate file ${d.path} cannot be used: ${d.problem}.`,
    action: 'docs/gates.md lists what a gate file may say.',
  }),
  REPLAY_CANDIDATE_UNFIT: entry<{ problem: string }>({
    status: 409,
    exitCode: 64,
    message: (d) => `The candidate cannot be compared with the control: ${d.problem}.`,
    action:
      'Compare versions of one task, whose features the log has; --missing-feature null|default tells what to give for one it lacks.',
  }),
  REPLAY_PART_INVALID: entry<{ path: string; problem: string }>({
    status: 422,
    exitCode: 64,
    message: (d) => `The part ${d.path} cannot be used: ${d.problem}.`,
    action: 'Write it anew with the same command and --shard; a part is read by the release that wrote it.',
  }),
  REPLAY_PARTS_UNFIT: entry<{ problem: string }>({
    status: 409,
    exitCode: 64,
    message: (d) => `These parts are not of one replay: ${d.problem}.`,
    action:
      'Give every part of one range, written by the same command with --shard 1/n to n/n; an --until in the past and --as-of keep it from moving.',
  }),
  TIME_INVALID: entry<{ option: string; value: string }>({
    status: 400,
    message: (d) => `${d.option} ${d.value} is not a time.`,
    action:
      'Give a duration back from now (90m, 24h, 7d, 4w) or an instant (2026-01-31 or 2026-01-31T08:00:00Z).',
  }),
  // Import
  IMPORT_MAPPING_INVALID: entry<{ path: string; problem: string }>({
    status: 422,
    message: (d) => `The mapping file ${d.path} does not fit: ${d.problem}.`,
    action: 'See docs/import.md for the form of a mapping file.',
  }),
  IMPORT_FILE_INVALID: entry<{ path: string; problem: string }>({
    status: 422,
    message: (d) => `The file ${d.path} cannot be imported: ${d.problem}.`,
    action: 'CSV (.csv), JSON lines (.jsonl, .ndjson) and Parquet (.parquet) are taken.',
  }),
  // Backup
  BACKUP_REFUSED: entry<{ path: string; problem: string }>({
    status: 409,
    message: (d) => `Nothing was backed up to ${d.path}: ${d.problem}.`,
    action: 'Name a new folder, or one that holds an earlier backup of this log.',
  }),
  BACKUP_DAMAGED: entry<{ path: string; problem: string }>({
    status: 500,
    exitCode: 70,
    message: (d) => `The backup ${d.path} cannot be trusted: ${d.problem}.`,
    action: 'Use another backup; nothing was restored from this one.',
  }),
  RESTORE_REFUSED: entry<{ directory: string; problem: string }>({
    status: 409,
    message: (d) => `Nothing was restored to ${d.directory}: ${d.problem}.`,
    action: 'Restore into a new folder with --data, and start the server on that one.',
  }),
  FOLDER_BUSY: entry<{ directory: string; holder: string }>({
    status: 409,
    message: (d) => `Another process is filling ${d.directory} (${d.holder}).`,
    action: 'Wait until it ends, or name another folder.',
  }),
  // Setting up
  CONFIG_INVALID: entry<{ source: string; problem: string }>({
    status: 500,
    message: (d) => `The configuration from ${d.source} cannot be used: ${d.problem}.`,
    action: '`hindcast config` prints what is in force and where each value came from.',
  }),
  ADDRESS_NEEDS_TOKENS: entry<{ host: string }>({
    status: 500,
    message: (d) => `Listening on ${d.host} would let anybody on the network in.`,
    action: 'Set server.tokens (HINDCAST_SERVER_TOKENS), or listen on 127.0.0.1.',
  }),
  PORT_IN_USE: entry<{ host: string; port: number }>({
    status: 500,
    message: (d) => `Port ${d.port} on ${d.host} is in use.`,
    action: 'Stop the other program, or choose another with --port (0 takes a free one).',
  }),
  DISK_FULL: entry<{ problem: string }>({
    status: 503,
    exitCode: 70,
    message: (d) => `The disk has no room, or a quota is used up: ${d.problem}.`,
    action:
      'Make room where --data and the output lie, and run the command again; a server goes on by itself. Nothing is left half written.',
  }),
  FILE_NOT_FOUND: entry<{ path: string }>({
    status: 404,
    message: (d) => `There is no file or folder ${d.path}.`,
    action: 'Check the path.',
  }),
  FILE_NOT_WRITABLE: entry<{ path: string; problem: string }>({
    status: 409,
    message: (d) => `The file ${d.path} cannot be written: ${d.problem}.`,
    action: 'Name a file in a folder that exists and that you may write to.',
  }),
  USAGE_INVALID: entry<{ problem: string }>({
    status: 400,
    message: (d) => `${d.problem}`,
    action: 'See --help.',
  }),
  INTERNAL: entry<{ problem: string }>({
    status: 500,
    exitCode: 70,
    message: (d) => `Something failed that should not: ${d.problem}.`,
    action: 'Please report it with the output of the same command under HINDCAST_LOG_LEVEL=debug.',
  }),
} as const;

export type ErrorCode = keyof typeof catalogue;

type DetailsOf<Code extends ErrorCode> = Parameters<(typeof catalogue)[Code]['message']>[0];

type Factories = {
  readonly [Code in ErrorCode]: (details: DetailsOf<Code>, cause?: unknown) => HindcastError;
};

function factory<Code extends ErrorCode>(code: Code): Factories[Code] {
  const definition: Entry<never> = catalogue[code];
  return ((details: DetailsOf<Code>, cause?: unknown) =>
    new HindcastError({
      code,
      status: definition.status,
      exitCode: definition.exitCode ?? exitCodes.usage,
      message: definition.message(details as never),
      action: definition.action,
      details: { ...details },
      cause,
    })) as Factories[Code];
}

/** `throw errors.MODEL_NOT_FOUND({ model, known })`. */
export const errors: Factories = Object.fromEntries(
  (Object.keys(catalogue) as ErrorCode[]).map((code) => [code, factory(code)]),
) as unknown as Factories;

/** An error as it was recorded with its code and message; a code that this release does not know becomes INTERNAL. */
export function recordedError(code: string, message: string): HindcastError {
  if (!isErrorCode(code)) return errors.INTERNAL({ problem: message });
  const definition: Entry<never> = catalogue[code];
  const { status, exitCode = exitCodes.usage, action } = definition;
  return new HindcastError({ code, status, exitCode, message, action, details: {} });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}
