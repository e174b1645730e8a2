import type { NewEvent } from '../../../schemas/events.js';
import { errors } from '../../platform/errors.js';
import { type GatherRow, gatherSparse } from './gather-rows.js';
import { isPlainObject } from './node.js';
import { shapeOf } from './shape.js';
import { type KnownShape, knownShape } from './shape-cache.js';

/** Events of one frame that have the same type, version and keys in the same order: one table of columns. */
export interface Group {
  readonly type: NewEvent['type'];
  readonly schemaVersion: number;
  readonly known: KnownShape;
  readonly columns: readonly unknown[][];
  rows: number;
}

interface OpenGroup extends Group {
  readonly gather: GatherRow;
}

/** Shapes of the last frames, tried before the shape of an event is worked out. */
const recentMax = 4;
let recent: readonly KnownShape[] = [];

/** Sorts events into groups, in order of first appearance. `order[i]`: the group of the i-th event. */
export function groupEvents(events: readonly NewEvent[]): { groups: readonly Group[]; order: number[] } {
  const groups: OpenGroup[] = [];
  const order: number[] = [];
  const byKey = new Map<string, number>();
  let last = -1;
  for (const event of events) {
    if (!isPlainObject(event)) throw errors.LOG_EVENT_INVALID({ problem: 'an event is no plain object' });
    if (!putInto(groups[last], event)) last = putElsewhere(event, groups, byKey, events.length);
    order.push(last);
  }
  remember(groups);
  return { groups, order };
}

function putInto(group: OpenGroup | undefined, event: NewEvent & Record<string, unknown>): boolean {
  if (group === undefined || event.type !== group.type || event.schemaVersion !== group.schemaVersion) {
    return false;
  }
  if (group.gather(event, group.columns)) {
    group.rows += 1;
    return true;
  }
  for (const column of group.columns) column.length = group.rows;
  return false;
}

function putElsewhere(
  event: NewEvent & Record<string, unknown>,
  groups: OpenGroup[],
  byKey: Map<string, number>,
  rowsExpected: number,
): number {
  if (groups.length === 0) {
    for (const known of recent) {
      const group = openGroup(event, known, rowsExpected);
      if (!putInto(group, event)) continue;
      groups.push(group);
      byKey.set(keyOf(event, known), 0);
      return 0;
    }
  }
  const known = knownShape(shapeOf(event));
  const key = keyOf(event, known);
  let index = byKey.get(key);
  if (index === undefined) {
    index = groups.length;
    groups.push(openGroup(event, known, groups.length === 0 ? rowsExpected : 1));
    byKey.set(key, index);
  }
  const group = groups[index];
  if (group !== undefined && !putInto(group, event)) {
    gatherSparse(known.shape.root, event, group.columns);
    group.rows += 1;
  }
  return index;
}

function openGroup(event: NewEvent, known: KnownShape, rowsExpected: number): OpenGroup {
  return {
    type: event.type,
    schemaVersion: event.schemaVersion,
    known,
    gather: known.gathererFor(rowsExpected),
    columns: Array.from({ length: known.shape.leaves }, (): unknown[] => []),
    rows: 0,
  };
}

function keyOf(event: NewEvent, known: KnownShape): string {
  return `${event.type} ${event.schemaVersion} ${known.signature}`;
}

function remember(groups: readonly Group[]): void {
  const [first] = groups;
  if (first === undefined || recent[0] === first.known) return;
  recent = [first.known, ...recent.filter((known) => known !== first.known)].slice(0, recentMax);
}
