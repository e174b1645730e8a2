import type { KurrentClient, NewRecord } from './kurrent-client.js';

/**
 * Which of some records a stream holds already, and the position of the last of those: asked after an append whose
 * outcome is not known. Looks at the end of the stream only, at `windowRecords` records more than there are new ones.
 */
export async function collectStored(
  client: KurrentClient,
  stream: string,
  records: readonly NewRecord[],
  windowRecords: number,
): Promise<{ readonly ids: ReadonlySet<string>; readonly position: number }> {
  const wanted = new Set(records.map((record) => record.id));
  const ids = new Set<string>();
  let position = -1;
  const recordsMax = records.length + windowRecords;
  for await (const record of client.readStreamBackwards(stream, recordsMax)) {
    if (!wanted.has(record.id)) continue;
    ids.add(record.id);
    position = Math.max(position, record.position);
    if (ids.size === wanted.size) break;
  }
  return { ids, position };
}
