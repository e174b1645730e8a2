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
  let young = generation();
  let old = young;
  return {
    add: (model, id, requestId, row, key) => {
      if (young.size() === capacity) {
        old = young;
        young = generation();
      }
      young.add({ model, id, requestId, row, key });
    },
    has: (reference) => {
      const name = nameOf(reference);
      return young.has(name) || old.has(name);
    },
  };
}

interface Acknowledged {
  readonly model: string;
  readonly id: string;
  readonly requestId: string;
  readonly row: number;
  readonly key: string | undefined;
}

interface Generation {
  add(prediction: Acknowledged): void;
  has(name: string): boolean;
  size(): number;
}

/** Names are made when somebody asks: every prediction passes here, and most are never asked for. */
function generation(): Generation {
  const names = new Set<string>();
  let unnamed: Acknowledged[] = [];
  let named = 0;
  return {
    add: (prediction) => {
      unnamed.push(prediction);
    },
    has: (name) => {
      for (const { model, id, requestId, row, key } of unnamed) {
        names.add(id);
        names.add(requestName(model, requestId, row));
        if (key !== undefined) names.add(keyName(model, key));
      }
      named += unnamed.length;
      unnamed = [];
      return names.has(name);
    },
    size: () => named + unnamed.length,
  };
}

function nameOf({ model, predictionId, requestId, row, key }: OutcomeReference): string {
  if (predictionId !== undefined) return predictionId;
  return requestId === undefined ? keyName(model, key ?? '') : requestName(model, requestId, row ?? 0);
}

function requestName(model: string, requestId: string, row: number): string {
  return `request\n${model}\n${requestId}\n${row}`;
}

function keyName(model: string, key: string): string {
  return `key\n${model}\n${key}`;
}
