import { Packr } from 'msgpackr';
import type { NewEvent, StoredEvent } from '../../schemas/events.js';
import { errors } from '../platform/errors.js';
import { createByteSink } from './codec/byte-sink.js';
import { type EncodeTarget, encodeColumn, encodeSharedObjects } from './codec/column.js';
import { type DecodeContext, decodeGroups } from './codec/decode-groups.js';
import { codeOf } from './codec/event-types.js';
import { type Group, groupEvents } from './codec/group.js';
import { createNameTable } from './codec/name-table.js';
import { encodeNumbers } from './codec/number-column.js';
import { MalformedPayload, type Packed } from './codec/packed.js';
import { packEntries } from './codec/shape-cache.js';
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

// Only lists, scalars and bytes are given to it, so none of its own treatment of objects is in use.
const packr = new Packr({ useRecords: false });

/** Throws LOG_EVENT_INVALID when a value cannot come back the same, LOG_UNKNOWN_VERSION for an unknown type. */
export function encodeEvents(events: readonly NewEvent[]): Uint8Array {
  const { groups, order } = groupEvents(events);
  const target = { table: createNameTable(groups[0]?.known.names()), sink: createByteSink() };
  const packedOrder = groups.length === 1 ? null : encodeNumbers(order, target.sink);
  const packedGroups = groups.map((group, index) => packGroup(group, index === 0, target));
  return packr.pack([
    payloadVersion,
    events.length,
    target.table.names,
    packedGroups,
    packedOrder,
    target.sink.bytes(),
  ]);
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

function packGroup(group: Group, isFirst: boolean, target: EncodeTarget): Packed {
  const { known, columns } = group;
  for (const { key } of known.shape.root.entries) {
    if (key === 'position' || key === 'recordedAt') {
      throw errors.LOG_EVENT_INVALID({ problem: `${key} comes from the log alone; leave it out` });
    }
  }
  if (group.schemaVersion !== schemaVersionNow) {
    throw errors.LOG_UNKNOWN_VERSION({ what: `The event ${group.type}`, version: group.schemaVersion });
  }
  const rawBefore = target.sink.length;
  const packedColumns: Packed[] = [];
  for (let leaf = 0; leaf < columns.length; leaf += 1) {
    const values = columns[leaf] ?? [];
    if (leaf === known.typeLeaf || leaf === known.schemaVersionLeaf) packedColumns.push(null);
    else if (leaf === known.provenanceLeaf) packedColumns.push(encodeSharedObjects(values, target));
    else packedColumns.push(encodeColumn(values, target));
  }
  return [
    codeOf(group.type),
    group.schemaVersion,
    target.sink.length - rawBefore,
    isFirst ? known.packedEntries() : packEntries(known.shape.root, (key) => target.table.indexOf(key)),
    packedColumns,
  ];
}
