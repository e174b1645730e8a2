import { Packr } from 'msgpackr';
import type { NewEvent, StoredEvent } from '../../schemas/events.js';
import { errors } from '../platform/errors.js';
import { createByteSink } from './codec/byte-sink.js';
import { type EncodeTarget, encodeColumn, encodeLoneValue, encodeSharedObjects } from './codec/column.js';
import { type DecodeContext, decodeGroups } from './codec/decode-groups.js';
import { codeOf } from './codec/event-types.js';
import { groupEvents, rowOf } from './codec/group.js';
import { createMessagePackWriter } from './codec/message-pack-writer.js';
import { type NameSet, createNameTable } from './codec/name-table.js';
import { encodeNumbers } from './codec/number-column.js';
import { MalformedPayload, type Packed } from './codec/packed.js';
import { type KnownShape, packEntries } from './codec/shape-cache.js';
import { schemaVersionNow } from './codec/upcast.js';

/*
 * The payload of a frame is one MessagePack value of plain types, self-contained: names and dictionaries are never
 * shared between frames.
 *
 *   [1, count, [name…], [group…], order, raw bytes]
 *
 * Not one record an event, but one table for all events of the same type and keys: a *group*, whose fields are
 * columns. That takes a quarter of the room of msgpackr's records, has no limit on the number of shapes, and needs
 * no extension of MessagePack, so that the traps of one (typed arrays, −0, 64-bit integers, __proto__) do not arise:
 * every value that MessagePack does not carry has a form of its own (codec/node.ts).
 *
 *   group  [type number, schemaVersion, number of its raw bytes, [entry…], [column…]]
 *   entry  name index, or [name index, entry…] for an object that is taken apart (codec/shape.ts); in key order
 *   column one for each leaf entry, in order (codec/column.ts); null for the root's `type` and `schemaVersion`
 *   order  null with one group; else the column (codec/number-column.ts) that gives each event's group; its raw
 *          bytes stand first, before those of the groups
 *
 * A group's rows are its events in their order in the frame.
 */
export const payloadVersion = 1;

// Only lists, scalars and bytes are read by it, so none of its own treatment of objects is in use.
const packr = new Packr({ useRecords: false });

// Encoding is synchronous and never nested.
const frameWriter = createMessagePackWriter();
const groupWriter = createMessagePackWriter();

/** Throws LOG_EVENT_INVALID when a value cannot come back the same, LOG_UNKNOWN_VERSION for an unknown type. */
export function encodeEvents(events: readonly NewEvent[]): Buffer {
  groupWriter.reset();
  const [lone] = events;
  if (events.length === 1 && lone !== undefined) {
    const row = rowOf(lone);
    const names = row.known.names();
    const target = { table: createNameTable(names), sink: createByteSink() };
    writeGroup(lone, row.known, {
      target,
      names,
      column: (leaf) => encodeLoneValue(row.values[leaf], target),
      provenances: (leaf) => encodeSharedObjects([row.values[leaf]], target),
    });
    return payloadOf({ count: 1, groups: 1, order: null, names, target });
  }
  const { groups, order } = groupEvents(events);
  const names = groups[0]?.known.names();
  const target = { table: createNameTable(names), sink: createByteSink() };
  const packedOrder = groups.length === 1 ? null : encodeNumbers(order, target.sink);
  for (let index = 0; index < groups.length; index += 1) {
    const group = groups[index];
    if (group === undefined) continue;
    writeGroup(group, group.known, {
      target,
      names: index === 0 ? names : undefined,
      column: (leaf) => encodeColumn(group.columns[leaf] ?? [], target),
      provenances: (leaf) => encodeSharedObjects(group.columns[leaf] ?? [], target),
    });
  }
  return payloadOf({ count: events.length, groups: groups.length, order: packedOrder, names, target });
}

/** What `groupWriter` holds, with everything around it. */
function payloadOf(frame: {
  readonly count: number;
  readonly groups: number;
  readonly order: Packed;
  readonly names: NameSet | undefined;
  readonly target: EncodeTarget;
}): Buffer {
  const { names } = frame.target.table;
  frameWriter.reset();
  frameWriter.list(6);
  frameWriter.value(payloadVersion);
  frameWriter.value(frame.count);
  frameWriter.list(names.length);
  if (frame.names !== undefined) frameWriter.raw(frame.names.packed());
  for (let index = frame.names?.names.length ?? 0; index < names.length; index += 1) {
    frameWriter.value(names[index] ?? '');
  }
  frameWriter.list(frame.groups);
  frameWriter.raw(groupWriter.written());
  frameWriter.value(frame.order);
  frameWriter.bytes(frame.target.sink.bytes());
  return Buffer.from(frameWriter.written());
}

/**
 * The events of a frame with what the log gave them, without those that the filter leaves out. Objects of
 * `provenance` are shared between events, and frozen. Throws LOG_UNKNOWN_VERSION for what a later release wrote, and
 * MalformedPayload when the bytes are not a payload.
 */
export function decodeEvents(bytes: Uint8Array, context: DecodeContext): StoredEvent[] {
  const payload = unpack(bytes);
  if (!Array.isArray(payload)) throw new MalformedPayload('the payload is not a list');
  const [version, count, names, groups, order, raw]: readonly unknown[] = payload;
  if (version !== payloadVersion) {
    throw errors.LOG_UNKNOWN_VERSION({ what: 'The payload of a frame', version: Number(version) });
  }
  return decodeGroups({ count, names, groups, order, raw }, context);
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch (error) {
    throw new MalformedPayload('the payload is not MessagePack', { cause: error });
  }
}

interface GroupColumns {
  readonly target: EncodeTarget;
  /** Those of the frame's table, when it begins with this group's. */
  readonly names: NameSet | undefined;
  readonly column: (leaf: number) => Packed;
  readonly provenances: (leaf: number) => Packed;
}

function writeGroup(
  { type, schemaVersion }: { readonly type: NewEvent['type']; readonly schemaVersion: number },
  known: KnownShape,
  { target, names, column, provenances }: GroupColumns,
): void {
  for (const { key } of known.shape.root.entries) {
    if (key === 'position' || key === 'recordedAt') {
      throw errors.LOG_EVENT_INVALID({ problem: `${key} comes from the log alone; leave it out` });
    }
  }
  if (schemaVersion !== schemaVersionNow) {
    throw errors.LOG_UNKNOWN_VERSION({ what: `The event ${type}`, version: schemaVersion });
  }
  const rawBefore = target.sink.length;
  const packedColumns: Packed[] = [];
  for (let leaf = 0; leaf < known.shape.leaves; leaf += 1) {
    if (leaf === known.typeLeaf || leaf === known.schemaVersionLeaf) packedColumns.push(null);
    else packedColumns.push(leaf === known.provenanceLeaf ? provenances(leaf) : column(leaf));
  }
  groupWriter.list(5);
  groupWriter.value(codeOf(type));
  groupWriter.value(schemaVersion);
  groupWriter.value(target.sink.length - rawBefore);
  if (names !== undefined) groupWriter.raw(known.packedEntries());
  else groupWriter.value(packEntries(known.shape.root, (key) => target.table.indexOf(key)));
  groupWriter.value(packedColumns);
}
