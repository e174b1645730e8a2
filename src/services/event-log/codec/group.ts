import type { NewEvent } from '../../../schemas/events.js';
import { errors } from '../../platform/errors.js';
import { gatherFlat, gatherSparseFlat } from './gather-flat.js';
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
  const byKey = new Map<KnownShape, Map<string, number>>();
  let last = -1;
  for (const event of events) {
    if (!isPlainObject(event)) throw errors.LOG_EVENT_INVALID({ problem: 'an event is no plain object' });
    if (!putInto(groups[last], event)) last = putElsewhere(event, groups, byKey, events.length);
    order.push(last);
  }
  const [first] = groups;
  if (first !== undefined) remember(first.known);
  for (const group of groups) for (const column of group.columns) column.length = group.rows;
  return { groups, order };
}

/** One event as its shape and its leaves' values, in order. */
export interface LoneRow {
  readonly known: KnownShape;
  readonly values: readonly unknown[];
}

/** What `groupEvents` finds for a frame of one event, without making columns. */
export function rowOf(event: NewEvent): LoneRow {
  if (!isPlainObject(event)) throw errors.LOG_EVENT_INVALID({ problem: 'an event is no plain object' });
  for (const known of recent) {
    const values = gatherFlat(known.shape, event);
    if (values !== undefined) return { known, values };
  }
  const known = knownShape(shapeOf(event));
  remember(known);
  return { known, values: gatherSparseFlat(known.shape, event) };
}

function putInto(group: OpenGroup | undefined, event: NewEvent & Record<string, unknown>): boolean {
  if (group === undefined || event.type !== group.type || event.schemaVersion !== group.schemaVersion) {
    return false;
  }
  if (!group.gather(event, group.columns, group.rows)) return false;
  group.rows += 1;
  return true;
}

function putElsewhere(
  event: NewEvent & Record<string, unknown>,
  groups: OpenGroup[],
  byKey: Map<KnownShape, Map<string, number>>,
  rowsExpected: number,
): number {
  if (groups.length === 0) {
    for (const known of recent) {
      const group = openGroup(event, known, rowsExpected);
      if (!putInto(group, event)) continue;
      groups.push(group);
      indexesOf(known, byKey).set(keyOf(event), 0);
      return 0;
    }
  }
  const known = knownShape(shapeOf(event));
  const indexes = indexesOf(known, byKey);
  const key = keyOf(event);
  let index = indexes.get(key);
  if (index === undefined) {
    index = groups.length;
    groups.push(openGroup(event, known, groups.length === 0 ? rowsExpected : 1));
    indexes.set(key, index);
  }
  const group = groups[index];
  if (group !== undefined && !putInto(group, event)) {
    gatherSparse(known.shape.root, event, { columns: group.columns, row: group.rows });
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
    columns: Array.from({ length: known.shape.leaves }, () => columnOf(rowsExpected)),
    rows: 0,
  };
}

/** As long as it is likely to become: growing step by step takes a tenth of all the time of encoding. */
function columnOf(rows: number): unknown[] {
  // `Array.from({ length })` fills it, which takes as long again.
  // oxlint-disable-next-line unicorn/no-new-array
  return new Array<unknown>(rows);
}

function indexesOf(known: KnownShape, byKey: Map<KnownShape, Map<string, number>>): Map<string, number> {
  const found = byKey.get(known);
  if (found !== undefined) return found;
  const made = new Map<string, number>();
  byKey.set(known, made);
  return made;
}

function keyOf(event: NewEvent): string {
  return `${event.type} ${event.schemaVersion}`;
}

function remember(first: KnownShape): void {
  if (recent[0] === first) return;
  recent = [first, ...recent.filter((known) => known !== first)].slice(0, recentMax);
}
