import type { StoredEvent } from '../../../schemas/events.js';
import type { ReadQuery } from '../event-log.js';
import { constantText, decodeColumn } from './column.js';
import { isEventType, typeOf } from './event-types.js';
import { modelOf } from '../model-of.js';
import { decodeNumbers } from './number-column.js';
import { isPlainObject } from './node.js';
import { MalformedPayload, asCount, asList, asText } from './packed.js';
import type { ShapeEntry } from './shape.js';
import { knownShape } from './shape-cache.js';
import { schemaVersionNow, upcast } from './upcast.js';

export interface DecodeContext {
  readonly firstPosition: number;
  readonly recordedAt: number;
  /** What is left out is, where that is cheap, never decoded. */
  readonly filter?: Omit<ReadQuery, 'signal'>;
}

export interface PackedFrame {
  readonly count: unknown;
  readonly names: unknown;
  readonly groups: unknown;
  readonly order: unknown;
}

export function decodeGroups(frame: PackedFrame, context: DecodeContext): StoredEvent[] {
  const count = asCount(frame.count, 'the count');
  const names = asList(frame.names, 'the names').map((name) => asText(name, 'a name'));
  const groups = asList(frame.groups, 'the groups');
  if (groups.length === 1) {
    const rowAt = openGroup(groups[0], count, names, context);
    return rowAt === undefined ? [] : collect(count, context, (index, position) => rowAt(index, position));
  }
  if (count === 0) return [];
  const order = decodeNumbers(asList(frame.order, 'the order'), count);
  const sizes = groups.map(() => 0);
  const rows = order.map((group) => {
    const row = sizes[group];
    if (row === undefined) throw new MalformedPayload('an event is in no group');
    sizes[group] = row + 1;
    return row;
  });
  const open = groups.map((group, index) => openGroup(group, sizes[index] ?? 0, names, context));
  return collect(count, context, (index, position) => open[order[index] ?? 0]?.(rows[index] ?? 0, position));
}

type RowAt = (row: number, position: number) => StoredEvent | undefined;

function collect(
  count: number,
  { firstPosition, filter }: DecodeContext,
  at: (index: number, position: number) => StoredEvent | undefined,
): StoredEvent[] {
  const from = Math.max(0, (filter?.fromPosition ?? 0) - firstPosition);
  const until = Math.min(count, (filter?.untilPosition ?? Infinity) - firstPosition);
  const events: StoredEvent[] = [];
  for (let index = from; index < until; index += 1) {
    const event = at(index, firstPosition + index);
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** Undefined when the filter leaves out every row, which is known before most columns are decoded. */
function openGroup(
  packed: unknown,
  rows: number,
  names: readonly string[],
  { recordedAt, filter }: DecodeContext,
): RowAt | undefined {
  const [code, schemaVersion, entries, columns] = asList(packed, 'a group');
  const type = typeOf(asCount(code, 'an event type'));
  const version = asCount(schemaVersion, 'a schema version');
  if (filter?.types !== undefined && !filter.types.includes(type)) return undefined;
  const counter = { leaves: 0 };
  const root = { entries: unpackEntries(asList(entries, 'a shape'), names, counter, 0) };
  const known = knownShape({ root, leaves: counter.leaves });
  const packedColumns = asList(columns, 'columns');
  if (packedColumns.length !== counter.leaves) throw new MalformedPayload('a group lacks columns');
  if (filter?.model !== undefined && known.modelLeaf >= 0) {
    const model = constantText(packedColumns[known.modelLeaf], names);
    if (model !== undefined && model !== filter.model) return undefined;
  }
  const values = packedColumns.map((column, leaf) => {
    if (leaf === known.typeLeaf) return Array.from({ length: rows }, () => type);
    if (leaf === known.schemaVersionLeaf) return Array.from({ length: rows }, () => version);
    return decodeColumn(column, rows, names);
  });
  const build = known.builderFor(rows);
  const stored = (row: number, position: number): StoredEvent => {
    const written = build(values, row, position, recordedAt);
    const event =
      version === schemaVersionNow || !isPlainObject(written) ? written : upcast(written, type, version);
    if (!isStoredEvent(event)) throw new MalformedPayload('an event lacks its envelope');
    return event;
  };
  if (version > schemaVersionNow) upcast({}, type, version);
  if (filter === undefined) return stored;
  const times = values[known.occurredAtLeaf] ?? [];
  const { occurredFrom = -Infinity, occurredUntil = Infinity, model } = filter;
  return (row, position) => {
    const occurredAt = times[row];
    if (typeof occurredAt !== 'number' || occurredAt < occurredFrom || occurredAt >= occurredUntil) {
      return undefined;
    }
    const event = stored(row, position);
    return model === undefined || modelOf(event) === model ? event : undefined;
  };
}

function unpackEntries(
  packed: readonly unknown[],
  names: readonly string[],
  counter: { leaves: number },
  depth: number,
): ShapeEntry[] {
  if (depth > 3) throw new MalformedPayload('a shape is nested too deeply');
  return packed.map((entry) => {
    const [nameIndex, ...inner]: readonly unknown[] = Array.isArray(entry) ? entry : [entry];
    const key = names[asCount(nameIndex, 'a name')];
    if (key === undefined) throw new MalformedPayload('a name is not in the table');
    if (!Array.isArray(entry)) {
      counter.leaves += 1;
      return { key, child: undefined };
    }
    return { key, child: { entries: unpackEntries(inner, names, counter, depth + 1) } };
  });
}

/** What the code relies on before it hands an event out; the whole schema is checked on write and by `--deep`. */
function isStoredEvent(value: unknown): value is StoredEvent {
  return (
    isPlainObject(value) &&
    typeof value['type'] === 'string' &&
    isEventType(value['type']) &&
    value['schemaVersion'] === schemaVersionNow &&
    typeof value['data'] === 'object'
  );
}
