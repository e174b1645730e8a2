import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { formatCount } from '../replay/report/format-numbers.js';
import type { PartHeader } from '../replay/part/part-file.js';
import { writePartFile } from '../replay/part/part-file.js';
import { partRecord } from '../replay/part/part-record.js';
import { blocksOf, replayBlocks } from '../replay/replay-blocks.js';
import type { ReplayProgress } from '../replay/replay-options.js';
import { resolveModelReference } from '../services/inference/registry.js';
import { errors, exitCodes } from '../services/platform/errors.js';
import { collectingSeldom } from './collect-seldom.js';
import { packageVersion } from './package-version.js';
import { readGateFile } from './read-gate-file.js';
import type { ReplayRequest } from './replay-request.js';
import { planOptionsOf } from './replay-request.js';
import { engineOptions } from './run-replay-command.js';
import type { Workspace } from './workspace.js';

/** One of `of` shares of a range, by number from 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** Replays one share of the range and writes what was found as a part, which `replay merge` puts together with the others. */
export async function runShardCommand(
  workspace: Workspace,
  asked: ReplayRequest,
  options: {
    readonly shard: Shard;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ReplayProgress) => void;
  },
): Promise<{ readonly text: string; readonly exitCode: number }> {
  const { shard } = options;
  const gateFile = asked.gates === undefined ? undefined : await readGateFile(asked.gates);
  if (gateFile?.latency !== undefined)
    throw errors.USAGE_INVALID({
      problem: `--shard cannot judge latency, which ${asked.gates} asks for: several machines do not share a clock.`,
    });
  const request = { ...asked, gateFile };
  const { registry, plan: planned } = await planOptionsOf(workspace, request, options);
  const { plan, findings, judge, scores } = await collectingSeldom(() =>
    replayBlocks(engineOptions(workspace, request, { registry, plan: planned }), ({ count }) => {
      const blocks = blocksOf(count.rows);
      return { from: cut(blocks, shard.index - 1, shard.of), until: cut(blocks, shard.index, shard.of) };
    }),
  );
  try {
    if (!findings.isComplete) {
      return { text: 'interrupted: no part was written', exitCode: exitCodes.interrupted };
    }
    const { model, version } = resolveModelReference(registry, request.model);
    const header: PartHeader = {
      hindcast: packageVersion(),
      shard: { index: shard.index, of: shard.of },
      request: {
        model: `${model}@${version}`,
        control: request.control,
        fromMicros: request.fromMicros,
        untilMicros: request.untilMicros,
        knownUntil: request.knownUntil,
        expect: request.expect,
        sample: request.sample,
        seed: request.seed,
        where: request.where,
        gates: request.gates,
        gateFile,
        missingFeature: request.missingFeature,
        set: request.set === undefined ? undefined : { ...request.set },
        slices: request.slices === undefined ? undefined : [...request.slices],
      },
      record: partRecord(plan, findings),
      scoreChunks: scores?.chunkCount ?? 0,
    };
    const path = join(request.out, `shard-${shard.index}-of-${shard.of}.part`);
    await mkdir(request.out, { recursive: true });
    await writePartFile(
      path,
      { header, part: { ...findings, judge: judge.state() } },
      scores?.chunks() ?? [],
    );
    return {
      text: `part ${shard.index} of ${shard.of}: ${formatCount(findings.comparedRows)} of ${formatCount(findings.rowsRead)} rows compared, written to ${path}\nTogether with the others it gives the verdict: replay merge ${join(request.out, '*.part')}`,
      exitCode: exitCodes.ok,
    };
  } finally {
    scores?.close();
  }
}

/** Where share `index` begins: shares are of whole blocks, as equal as can be. */
function cut(blocks: number, index: number, of: number): number {
  return Math.floor((blocks * index) / of);
}
