import type {
  NoiseFloor,
  ReplayExpectation,
  ReplayGate,
  ReplayVerdict,
  Waterfall,
} from '../report/report-schema.js';

export interface VerdictEvidence {
  readonly expect: ReplayExpectation;
  readonly waterfall: Waterfall;
  readonly noiseFloor: NoiseFloor;
  /** Compared rows whose control was imported, so that nobody can run it again. */
  readonly importedRows: number;
  readonly gates: readonly ReplayGate[];
  /** False: interrupted. */
  readonly isComplete: boolean;
}

/** The answer and the sentence that says why. INVALID before FAIL before INCONCLUSIVE before PASS. */
export function verdictOf(evidence: VerdictEvidence): {
  readonly verdict: ReplayVerdict;
  readonly reason: string;
} {
  if (!evidence.isComplete) {
    const { recorded, notReached } = evidence.waterfall;
    const reason = `Interrupted: ${recorded - notReached} of ${recorded} rows were read, and what follows is of those alone.`;
    return { verdict: 'INCONCLUSIVE', reason };
  }
  const broken = brokenBecause(evidence);
  if (broken !== undefined) return { verdict: 'INVALID', reason: broken };
  const { expect, gates } = evidence;
  for (const verdict of ['FAIL', 'INCONCLUSIVE'] as const) {
    const gate = gates.find((candidate) => candidate.verdict === verdict);
    if (gate !== undefined) return { verdict, reason: `${sentence(gate.reason)}${neededWords(gate)}` };
  }
  if (expect === 'anything' && gates.length === 0)
    return { verdict: 'PASS', reason: 'Nothing was gated (--expect anything): read the figures.' };
  if (gates.length === 0) return { verdict: 'INCONCLUSIVE', reason: 'No gate was judged.' };
  const whole = gates.filter((gate) => gate.slice === null);
  const slices = gates.length - whole.length;
  const inSlices =
    slices === 0 ? [] : [`so ${slices === 1 ? 'is the gated slice' : `are all ${slices} gated slices`}`];
  return {
    verdict: 'PASS',
    reason: sentence([...whole.map((gate) => gate.reason), ...inSlices].join('; ')),
  };
}

function brokenBecause({ expect, waterfall, noiseFloor, importedRows }: VerdictEvidence): string | undefined {
  // Whether the record can be trusted comes first: everything else is measured against it.
  if (noiseFloor.kind === 'measured') {
    const off = noiseFloor.versions.find((version) => !version.reproduced);
    if (off !== undefined) {
      const by =
        off.maxDifference === null ? '' : ` (largest difference ${off.maxDifference.toPrecision(3)})`;
      return `The control ${off.version} does not reproduce its record${by}: ${off.problem ?? 'cause unknown'}.`;
    }
  }
  if (waterfall.compared === 0 && waterfall.candidateFailed === 0)
    return `No row is left to compare: ${leftOut(waterfall)}.`;
  if (expect === 'same' && importedRows > 0) {
    return `${importedRows} of the compared rows were imported: without an artefact to run again, nobody can say what "same" is.`;
  }
  return undefined;
}

function leftOut(waterfall: Waterfall): string {
  const reasons: readonly (readonly [number, string])[] = [
    [waterfall.ignored, 'are left out by exceptions of the gate file'],
    [waterfall.servedByCandidate, 'were served by the candidate itself'],
    [waterfall.trainedOn, 'lie in the time that the candidate was trained on'],
    [waterfall.outOfSample, 'are out of the sample'],
    [waterfall.controlUnanswered, 'have no usable answer of the control'],
  ];
  const words = reasons.filter(([rows]) => rows > 0).map(([rows, why]) => `${rows} ${why}`);
  return `of ${waterfall.recorded} rows ${words.join(', ') || 'none could be compared'}`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function neededWords(gate: ReplayGate): string {
  return gate.rowsNeeded === null
    ? ''
    : ` About ${gate.rowsNeeded} rows would be needed; ${gate.rows} were judged.`;
}
