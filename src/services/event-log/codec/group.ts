import type { NewEvent } from '../../../schemas/events.js';
import { errors } from '../../platform/errors.js';
import { isPlainObject } from './node.js';
import { gather, gatherSparse, shapeOf } from './shape.js';
import { type KnownShape, knownShape } from './shape-cache.js';

/** Events of one frame that have the same type, version and keys in the same order: one table of columns. */
export interface Group {
  readonly type: NewEvent['type'];
  readonly schemaVersion: number;
  readonly known: KnownShape;
  readonly columns: readonly unknown[][];
  rows: number;
}

/** Sorts events into groups, in order of first appearance. `order[i]`: the group of the i-th event. */
export function groupEvents(events: readonly NewEvent[]): { groups: Group[]; order: number[] } {
  const groups: Group[] = [];
  const order: number[] = [];
  const byKey = new Map<string, number>();
  let last = 0;
  for (const event of events) {
    if (!isPlainObject(event)) throw errors.LOG_EVENT_INVALID({ problem: 'an event is no plain object' });
    if (!putInto(groups[last], event)) {
      last = groupOf(event, groups, byKey);
      const group = groups[last];
      if (group !== undefined && !putInto(group, event)) {
        gatherSparse(group.known.shape.root, event, group.columns);
        group.rows += 1;
      }
    }
    order.push(last);
  }
  return { groups, order };
}

function putInto(group: Group | undefined, event: NewEvent & Record<string, unknown>): boolean {
  if (group === undefined || event.type !== group.type || event.schemaVersion !== group.schemaVersion) {
    return false;
  }
  if (gather(group.known.shape, event, group.columns)) {
    group.rows += 1;
    return true;
  }
  for (const column of group.columns) column.length = group.rows;
  return false;
}

function groupOf(
  event: NewEvent & Record<string, unknown>,
  groups: Group[],
  byKey: Map<string, number>,
): number {
  const known = knownShape(shapeOf(event));
  const key = `${event.type} ${event.schemaVersion} ${known.signature}`;
  const found = byKey.get(key);
  if (found !== undefined) return found;
  const columns = Array.from({ length: known.shape.leaves }, (): unknown[] => []);
  groups.push({ type: event.type, schemaVersion: event.schemaVersion, known, columns, rows: 0 });
  byKey.set(key, groups.length - 1);
  return groups.length - 1;
}
