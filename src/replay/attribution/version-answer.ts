import type { RowComparison } from './compare-on-row.js';

/** What one version says of a prediction, beside its control, and where that comes from. */
export interface VersionAnswer {
  readonly candidate: { readonly version: string; readonly digest: string | undefined };
  /** Its version: the one that served, or the one that a replay ran. */
  readonly control: { readonly kind: 'recorded' | 'version'; readonly version: string };
  /** Undefined: no replay; the version was asked for. */
  readonly replay: ReplayOfRow | undefined;
  /** Why there is nothing to compare; undefined: there is. */
  readonly problem: string | undefined;
  /** What qualifies the answer: that the replay may have left the row out, what it gave the candidate, and the like. */
  readonly notes: readonly string[];
  readonly comparison: RowComparison | undefined;
}

/** A replay whose range holds the prediction. */
export interface ReplayOfRow {
  readonly replayId: string;
  readonly verdict: string;
  readonly reason: string | undefined;
  readonly expect: string | undefined;
  /** Microseconds UTC. */
  readonly occurredAt: number;
  readonly reportDigest: string;
}
