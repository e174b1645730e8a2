/**
 * Which predictions this process has acknowledged lately, bounded: the oldest is forgotten first. Tells an outcome
 * at once that its prediction is known; what is not found here is looked up in the datasets.
 */
export interface RecentPredictions {
  add(prediction: {
    readonly model: string;
    readonly id: string;
    readonly requestId: string;
    readonly row: number;
    readonly key?: string | undefined;
  }): void;
  has(reference: OutcomeReference): boolean;
}

export interface OutcomeReference {
  readonly model: string;
  readonly predictionId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly row?: number | undefined;
  readonly key?: string | undefined;
}

export function createRecentPredictions(capacity: number): RecentPredictions {
  const ids = new Set<string>();
  const requests = new Set<string>();
  const keys = new Set<string>();
  const remember = (set: Set<string>, value: string): void => {
    set.add(value);
    if (set.size <= capacity) return;
    const oldest = set.values().next();
    if (oldest.done !== true) set.delete(oldest.value);
  };
  return {
    add: (prediction) => {
      remember(ids, prediction.id);
      remember(requests, `${prediction.model}\n${prediction.requestId}\n${prediction.row}`);
      if (prediction.key !== undefined) remember(keys, `${prediction.model}\n${prediction.key}`);
    },
    has: (reference) => {
      if (reference.predictionId !== undefined) return ids.has(reference.predictionId);
      if (reference.requestId !== undefined)
        return requests.has(`${reference.model}\n${reference.requestId}\n${reference.row ?? 0}`);
      return reference.key !== undefined && keys.has(`${reference.model}\n${reference.key}`);
    },
  };
}
