/**
 * Why the cluster did not do what it was asked. `away`: not reached, not answering, or just choosing a leader; whether an
 * append was stored is not known. `too-large`, `denied`, `deleted`: refused, nothing was stored. `unknown`: anything else.
 */
export type FailureKind = 'away' | 'too-large' | 'denied' | 'deleted' | 'unknown';

/** A failure of the cluster, inside the adapter only: callers get an error of the catalogue. */
export class ClusterFailure extends Error {
  override readonly name = 'ClusterFailure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
