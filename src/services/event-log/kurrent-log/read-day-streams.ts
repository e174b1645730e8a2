import { limits } from '../../platform/limits.js';
import { ClusterFailure } from './cluster-failure.js';
import type { ClusterRecord } from './kurrent-client.js';
import type { ReadContext } from './read-all.js';
import { SeenRecords } from './seen-records.js';
import { withoutStalling } from './without-stalling.js';

interface Source {
  readonly records: AsyncGenerator<ClusterRecord, void, undefined>;
  head: ClusterRecord;
}

/** Several streams read at once, each record once, merged in the order of their positions. Streams that do not exist are empty. */
export async function* readDayStreams(
  context: ReadContext,
  streams: readonly string[],
): AsyncGenerator<ClusterRecord, void, undefined> {
  const opened = await Promise.all(
    streams.slice(0, limits.clusterStreamsAtOnceMax).map(async (stream) => {
      const records = onceEach(
        withoutStalling(context.client.readStream(stream), {
          timers: context.timers,
          idleMsMax: context.timing.readIdleMsMax,
          what: `a read of ${stream}`,
        }),
      );
      const first = await records.next();
      return first.done === true ? undefined : { records, head: first.value };
    }),
  );
  const sources: Source[] = opened.filter((source) => source !== undefined);
  try {
    while (sources.length > 0) {
      const next = sources.reduce((least, source) =>
        source.head.position < least.head.position ? source : least,
      );
      yield next.head;
      const after = await next.records.next();
      if (after.done === true) sources.splice(sources.indexOf(next), 1);
      else next.head = after.value;
    }
  } finally {
    for (const source of sources) await source.records.return();
  }
}

async function* onceEach(
  records: AsyncIterable<ClusterRecord>,
): AsyncGenerator<ClusterRecord, void, undefined> {
  const seen = new SeenRecords();
  for await (const record of records) {
    if (record.position < 0) throw new ClusterFailure('unknown', withoutPositions);
    if (seen.isNew(record.id, record.position)) yield record;
  }
}

const withoutPositions = 'the server does not tell positions when a stream is read; it must be 22.6 or later';
