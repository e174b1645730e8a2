import type { EventType, StoredEvent } from '../../../schemas/events.js';
import type { ReadQuery } from '../event-log.js';
import { createByteSource } from './byte-sink.js';
import { type DecodeSource, constantText, decodeColumn } from './column.js';
import { isEventType, typeOf } from './event-types.js';
import { modelOf } from '../model-of.js';
import { decodeNumbers } from './number-column.js';
import { isPlainObject } from './node.js';
import { MalformedPayload, asBytes, asCount, asList, asText } from './packed.js';
import type { ShapeEntry } from './shape.js';
import { type KnownShape, knownShape } from './shape-cache.js';
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
  readonly raw: unknown;
}

export function decodeGroups(frame: PackedFrame, context: DecodeContext): StoredEvent[] {
  const count = asCount(frame.count, 'the count');
  const names = asList(frame.names, 'the names').map((name) => asText(name, 'a name'));
  const groups = asList(frame.groups, 'the groups');
  const from = { names, source: createByteSource(asBytes(frame.raw, 'the raw bytes')) };
  if (groups.length === 1) {
    const rowAt = openGroup(groups[0], count, from, context);
    return rowAt === undefined ? [] : collect(count, context, rowAt);
  }
  const order = decodeNumbers(asList(frame.order, 'the order'), count, from.source);
  const sizes = groups.map(() => 0);
  const rows: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const group = order[index] ?? -1;
    const row = sizes[group];
    if (row === undefined) throw new MalformedPayload('an event is in no group');
    sizes[group] = row + 1;
    rows.push(row);
  }
  const open = groups.map((group, index) => openGroup(group, sizes[index] ?? 0, from, context));
  return collect(count, context, (index, position) =>
    open[order[index] ?? -1]?.(rows[index] ?? -1, position),
  );
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

/** Undefined when the filter leaves out every row, which is known before any column is decoded. */
function openGroup(
  packed: unknown,
  rows: number,
  from: DecodeSource,
  { recordedAt, filter }: DecodeContext,
): RowAt | undefined {
  const [code, schemaVersion, rawBytes, entries, columns] = asList(packed, 'a group');
  const type = typeOf(asCount(code, 'an event type'));
  const version = asCount(schemaVersion, 'a schema version');
  // Before anything is made of it: a later release may have other columns.
  if (version > schemaVersionNow) upcast({}, type, version);
  const known = shapeFrom(asList(entries, 'a shape'), from.names);
  const packedColumns = asList(columns, 'columns');
  if (packedColumns.length !== known.shape.leaves) throw new MalformedPayload('a group lacks columns');
  if (isLeftOut(filter, type, constantText(packedColumns[known.modelLeaf], from.names))) {
    from.source.take(asCount(rawBytes, 'a length'));
    return undefined;
  }
  const values: ArrayLike<unknown>[] = [];
  for (let leaf = 0; leaf < packedColumns.length; leaf += 1) {
    if (leaf === known.typeLeaf) values.push(repeated(type, rows));
    else if (leaf === known.schemaVersionLeaf) values.push(repeated(version, rows));
    else values.push(decodeColumn(packedColumns[leaf], rows, from));
  }
  const build = known.builderFor(rows);
  const stored = (row: number, position: number): StoredEvent => {
    const written = build(values, row, position, recordedAt);
    const event =
      version === schemaVersionNow || !isPlainObject(written) ? written : upcast(written, type, version);
    if (!isStoredEvent(event)) throw new MalformedPayload('an event lacks its envelope');
    return event;
  };
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

/** Whether no event of a group can be wanted. `model`: of all its events, when they have the same. */
function isLeftOut(filter: DecodeContext['filter'], type: EventType, model: string | undefined): boolean {
  if (filter === undefined) return false;
  if (filter.types !== undefined && !filter.types.includes(type)) return true;
  return filter.model !== undefined && model !== undefined && model !== filter.model;
}

/** The shape that came last: reading a log, it mostly comes again, and comparing names costs less than a look-up. */
let lastShape: { entries: string; names: readonly string[]; known: KnownShape } | undefined;

function shapeFrom(entries: readonly unknown[], names: readonly string[]): KnownShape {
  const text = JSON.stringify(entries);
  if (lastShape?.entries === text && startsWith(names, lastShape.names)) return lastShape.known;
  const counter = { leaves: 0, nameMax: -1 };
  const root = { entries: unpackEntries(entries, names, counter, 0) };
  const known = knownShape({ root, leaves: counter.leaves });
  lastShape = { entries: text, names: names.slice(0, counter.nameMax + 1), known };
  return known;
}

function startsWith(names: readonly string[], first: readonly string[]): boolean {
  for (let index = 0; index < first.length; index += 1) if (names[index] !== first[index]) return false;
  return true;
}

function repeated(value: unknown, rows: number): unknown[] {
  const values: unknown[] = [];
  for (let row = 0; row < rows; row += 1) values.push(value);
  return values;
}

function unpackEntries(
  packed: readonly unknown[],
  names: readonly string[],
  counter: { leaves: number; nameMax: number },
  depth: number,
): ShapeEntry[] {
  if (depth > 3) throw new MalformedPayload('a shape is nested too deeply');
  return packed.map((entry) => {
    const [nameIndex, ...inner]: readonly unknown[] = Array.isArray(entry) ? entry : [entry];
    const index = asCount(nameIndex, 'a name');
    const key = names[index];
    counter.nameMax = Math.max(counter.nameMax, index);
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
