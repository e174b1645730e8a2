/**
 * Which predictions this process has acknowledged lately, bounded: the oldest are forgotten first, many at a time.
 * Tells an outcome at once that its prediction is known; what is not found here is looked up in the datasets.
 */
export interface RecentPredictions {
  add(model: string, id: string, requestId: string, row: number, key: string | undefined): void;
  has(reference: OutcomeReference): boolean;
}

export interface OutcomeReference {
  readonly model: string;
  readonly predictionId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly row?: number | undefined;
  readonly key?: string | undefined;
}

/** Remembers at least the last `capacity` predictions, and at most twice as many. */
export function createRecentPredictions(capacity: number): RecentPredictions {
  // Two generations: when the young one is full it becomes the old one, and the old one is forgotten whole.
  let young = new Set<string>();
  let old = young;
  let count = 0;
  return {
    add: (model, id, requestId, row, key) => {
      if (count === capacity) {
        old = young;
        young = new Set();
        count = 0;
      }
      count += 1;
      young.add(id);
      young.add(requestName(model, requestId, row));
      if (key !== undefined) young.add(keyName(model, key));
    },
    has: ({ model, predictionId, requestId, row, key }) => {
      const name =
        predictionId ??
        (requestId === undefined ? keyName(model, key ?? '') : requestName(model, requestId, row ?? 0));
      return young.has(name) || old.has(name);
    },
  };
}

function requestName(model: string, requestId: string, row: number): string {
  return `request\n${model}\n${requestId}\n${row}`;
}

function keyName(model: string, key: string): string {
  return `key\n${model}\n${key}`;
}
