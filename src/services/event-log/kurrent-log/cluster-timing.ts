/** How long the adapter waits for the cluster before it takes it for away, and how often it tries. */
export interface ClusterTiming {
  /** For the answer to one append. */
  readonly appendMsMax: number;
  /** Attempts at one append, each after a pause, before its caller is told LOG_UNAVAILABLE. */
  readonly appendAttemptsMax: number;
  /** Between two records of a read. */
  readonly readIdleMsMax: number;
}

export const clusterTiming: ClusterTiming = {
  appendMsMax: 5_000,
  appendAttemptsMax: 4,
  readIdleMsMax: 10_000,
};
