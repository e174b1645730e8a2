import { createRecordedPredictions } from '../projections/datasets/create-recorded-predictions.js';
import type { RecordedPredictions } from '../projections/datasets/recorded-predictions.js';
import { rulesOf } from '../replay/judging/gate-rules.js';
import type { PlanOptions } from '../replay/plan-replay.js';
import type { MissingFeature, ReplayProgress } from '../replay/replay-options.js';
import type { ReportFormat } from '../replay/report/render-report.js';
import type { ReplayExpectation } from '../replay/report/report-schema.js';
import type { GateFile } from '../schemas/gate-file.js';
import type { Scalar } from '../schemas/json-value.js';
import type { RegistryState } from '../services/inference/registry.js';
import { registeredModel, resolveModelReference } from '../services/inference/registry.js';
import { readGateFile } from './read-gate-file.js';
import { readProfile } from './read-profile.js';
import type { Workspace } from './workspace.js';

/** What the command line asks for, of one candidate. */
export interface ReplayRequest {
  readonly model: string;
  readonly control: string;
  readonly fromMicros: number;
  readonly untilMicros: number;
  readonly knownUntil?: number | undefined;
  readonly expect: ReplayExpectation;
  readonly sample?: number | undefined;
  readonly seed: number;
  readonly where?: string | undefined;
  /** Path of a gate file, and what it said when it was read already. */
  readonly gates?: string | undefined;
  readonly gateFile?: GateFile | undefined;
  readonly missingFeature: MissingFeature;
  readonly set?: { readonly [feature: string]: Scalar } | undefined;
  /** Slice features beside those that the candidate declares. */
  readonly slices?: readonly string[] | undefined;
  /** How many workers run the candidate; 1 unless told. */
  readonly workers?: number | undefined;
  /** Reports to write, and the folder for them. */
  readonly reports: readonly ReportFormat[];
  readonly out: string;
}

/**
 * The request with its names resolved in a data folder. Throws what `resolveModelReference` throws. `recorded`: when several requests
 * are of one state of the log.
 */
export async function planOptionsOf(
  workspace: Workspace,
  request: ReplayRequest,
  run: {
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ReplayProgress) => void;
    readonly recorded?: RecordedPredictions;
  },
): Promise<{ readonly registry: RegistryState; readonly plan: PlanOptions }> {
  const registry = await workspace.registry();
  const { model, version: candidate, registered } = resolveModelReference(registry, request.model);
  const control =
    request.control === 'recorded'
      ? ('recorded' as const)
      : { version: resolveModelReference(registry, request.control).version };
  const gateFile =
    request.gateFile ?? (request.gates === undefined ? undefined : await readGateFile(request.gates));
  const gates = gateFile === undefined ? undefined : rulesOf(gateFile, request.untilMicros);
  const profile = await readProfile(workspace.artefacts, registered);
  const versions = registeredModel(registry, model)?.versions ?? {};
  const plan: PlanOptions = {
    model,
    recorded: run.recorded ?? createRecordedPredictions(await workspace.analytics()),
    manifests: new Map(Object.entries(versions).map(([version, { manifest }]) => [version, manifest])),
    control,
    candidate,
    ...(profile === undefined ? undefined : { profile: profile.features }),
    range: { fromMicros: request.fromMicros, untilMicros: request.untilMicros },
    ...(request.knownUntil === undefined ? undefined : { knownUntil: request.knownUntil }),
    expect: request.expect,
    ...(request.sample === undefined ? undefined : { sample: request.sample }),
    seed: request.seed,
    ...(request.where === undefined ? undefined : { where: request.where }),
    ...(gates === undefined ? undefined : gates),
    ...(request.gates === undefined ? undefined : { gates: request.gates }),
    missingFeature: request.missingFeature,
    ...(request.set === undefined ? undefined : { set: request.set }),
    ...(request.slices === undefined ? undefined : { slices: request.slices }),
    onProgress: run.onProgress,
    signal: run.signal,
  };
  return { registry, plan };
}
