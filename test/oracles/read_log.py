"""Reads a segment log as docs/log-format.md describes it, and nothing else: written from that page alone.

Prints one JSON line an event, then one line that says what was met. Values that JSON has no form for are marked:
{"$number": "NaN"}, {"$integer": "18446744073709551615"}, {"$array": kind, "values": [...]}. Checks every CRC, the
chain of hashes, positions, and every index file against the frames.
"""

import hashlib
import json
import math
import os
import struct
import sys
import uuid
import zlib

import msgpack

EVENT_TYPES = {
    1: "PredictionServed",
    2: "PredictionRejected",
    3: "PredictionFailed",
    4: "OutcomeObserved",
    5: "ModelRegistered",
    6: "ModelPromoted",
    7: "ModelRetired",
    8: "ReplayCompleted",
    9: "StateSnapshotted",
}
ARRAYS = [
    ("Uint8Array", "B"),
    ("Int8Array", "b"),
    ("Uint8ClampedArray", "B"),
    ("Int16Array", "h"),
    ("Uint16Array", "H"),
    ("Int32Array", "i"),
    ("Uint32Array", "I"),
    ("Float32Array", "f"),
    ("Float64Array", "d"),
    ("BigInt64Array", "q"),
    ("BigUint64Array", "Q"),
]


class Damage(Exception):
    pass


def need(holds, problem):
    if not holds:
        raise Damage(problem)


def slot_of(data, at, magic):
    slot = data[at : at + 96]
    if slot[0:4] != magic or struct.unpack_from("<I", slot, 4)[0] != zlib.crc32(slot[8:96]):
        return None
    return slot


def read_head(directory):
    with open(os.path.join(directory, "head"), "rb") as file:
        data = file.read()
    slots = [slot for slot in (slot_of(data, 0, b"HCHD"), slot_of(data, 512, b"HCHD")) if slot]
    need(slots, "the head file has no sound slot")
    names = ("sequence", "segment", "offset", "next_position", "recorded_at")
    heads = []
    for slot in slots:
        head = dict(zip(names, struct.unpack_from("<QQQQq", slot, 8)))
        head["hash"] = slot[48:80]
        heads.append(head)
    return max(heads, key=lambda head: head["sequence"])


def first_position(directory):
    path = os.path.join(directory, "start")
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        data = file.read()
    slots = [slot for slot in (slot_of(data, 0, b"HCST"), slot_of(data, 512, b"HCST")) if slot]
    need(slots, "the start file has no sound copy")
    return struct.unpack_from("<Q", slots[0], 8)[0]


class Values:
    """What a reader of one payload shares: the names, and the raw bytes with the place that was reached."""

    def __init__(self, names, raw, met):
        self.names = names
        self.raw = raw
        self.at = 0
        self.met = met

    def take(self, length):
        need(self.at + length <= len(self.raw), "a column ends too early")
        taken = self.raw[self.at : self.at + length]
        self.at += length
        return taken

    def codes(self, distinct, rows):
        if len(distinct) <= 256:
            self.met.add("codes of 1 byte")
            return [distinct[code] for code in self.take(rows)]
        self.met.add("codes of 2 bytes")
        return [distinct[code] for code in struct.unpack(f"<{rows}H", self.take(rows * 2))]

    def unsigned(self, width, rows):
        return struct.unpack(f"<{rows}{ {1: 'B', 2: 'H', 4: 'I'}[width] }", self.take(rows * width))

    def column(self, column, rows):
        if not isinstance(column, list):
            self.met.add("constant")
            return [column] * rows
        form = column[0]
        self.met.add(f"form {form}")
        if form == 1:
            return [self.names[column[1]]] * rows
        if form == 2:
            return [self.node(column[1])] * rows
        if form == 3:
            self.met.add(f"integers of {column[2]}")
            return [number(column[1] + value) for value in self.unsigned(column[2], rows)]
        if form == 4:
            return list(struct.unpack(f"<{rows}d", self.take(rows * 8)))
        if form == 5:
            return list(struct.unpack(f"<{rows}f", self.take(rows * 4)))
        if form == 6:
            power = float(10 ** column[3])
            return [(column[1] + value) / power for value in self.unsigned(column[2], rows)]
        if form == 7:
            return [str(uuid.UUID(bytes=self.take(16))) for _ in range(rows)]
        if form == 8:
            return self.codes(column[1:], rows)
        if form == 9:
            need(len(column) == rows + 1, "a column has another length than its rows")
            return column[1:]
        if form == 10:
            need(len(column) == rows + 1, "a column has another length than its rows")
            return [self.node(node) for node in column[1:]]
        if form == 11:
            bits = self.take((rows + 7) // 8)
            present = [(bits[row >> 3] >> (row & 7)) & 1 == 1 for row in range(rows)]
            inner = iter(self.column(column[1], sum(present)))
            return [next(inner) if is_present else None for is_present in present]
        if form == 12:
            return self.codes([self.node(node) for node in column[1:]], rows)
        raise Damage(f"unknown form {form}")

    def node(self, node):
        if not isinstance(node, list):
            return node
        tag = node[0]
        self.met.add(f"tag {tag}")
        if tag == 0:
            return [self.node(item) for item in node[1:]]
        if tag == 1:
            return {self.names[node[at]]: self.node(node[at + 1]) for at in range(1, len(node), 2)}
        if tag == 2:
            return -0.0
        if tag == 3:
            return {"$integer": node[1]}
        if tag == 4:
            kind, letter = ARRAYS[node[1]]
            self.met.add(kind)
            count = len(node[2]) // struct.calcsize("<" + letter)
            values = struct.unpack(f"<{count}{letter}", node[2])
            if letter in "qQ":
                values = [str(value) for value in values]
            return {"$array": kind, "values": list(values)}
        raise Damage(f"unknown tag {tag}")


def number(value):
    """Bases may come as floats; integers are printed as integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def decode_payload(payload, first, recorded_at, met):
    version, count, names, groups, order, raw = msgpack.unpackb(payload, raw=False, strict_map_key=False)
    need(version == 1, "unknown version of the payload")
    values = Values(names, raw, met)
    if order is None:
        need(len(groups) == 1, "several groups without an order")
        group_of = [0] * count
    else:
        met.add("several groups")
        group_of = [int(group) for group in values.column(order, count)]
    rows = [group_of.count(group) for group in range(len(groups))]
    tables = []
    for group, size in zip(groups, rows):
        kind, schema_version, raw_bytes, entries, columns = group
        before = values.at
        decoded = [values.column(column, size) for column in columns]
        need(values.at - before == raw_bytes, "a group takes other bytes than it says")
        tables.append((EVENT_TYPES[kind], schema_version, entries, decoded))
    need(values.at == len(raw), "bytes are left over")
    next_row = [0] * len(groups)
    for index in range(count):
        group = group_of[index]
        kind, schema_version, entries, columns = tables[group]
        event = build(entries, names, columns, next_row[group], [0])
        next_row[group] += 1
        event["type"] = kind
        event["schemaVersion"] = schema_version
        event["position"] = first + index
        event["recordedAt"] = recorded_at
        yield event


def build(entries, names, columns, row, leaf):
    event = {}
    for entry in entries:
        if isinstance(entry, list):
            event[names[entry[0]]] = build(entry[1:], names, columns, row, leaf)
        else:
            event[names[entry]] = columns[leaf[0]][row]
            leaf[0] += 1
    return event


def read_segment(directory, name, head, state):
    with open(os.path.join(directory, name), "rb") as file:
        data = file.read()
    need(data[0:8] == b"HINDCAST", "no segment")
    need(struct.unpack_from("<I", data, 8)[0] == zlib.crc32(data[12:64]), "the header's CRC")
    form, first, recorded_at = struct.unpack_from("<IQq", data, 12)
    need(form in (1, 2), f"form {form}")
    need(first == int(name[:20]) == state["position"], "the position of the segment")
    need(data[32:64] == state["hash"] or state["hash"] is None, "the segment does not chain")
    state["met"].add(f"segment of form {form}")
    state["hash"] = data[32:64]
    at = 64
    is_last = first == head["segment"]
    frames = []
    while at < len(data) and not (is_last and state["position"] >= head["next_position"]):
        if data[at : at + 8] == bytes(8):
            break
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at : at + length]
        need(frame[0:4] == b"HCF1" and len(frame) == length, f"no frame at {at}")
        need(struct.unpack_from("<I", frame, 4)[0] == zlib.crc32(frame[8:]), f"the CRC at {at}")
        codec, flags, _, position, recorded_at, least, most, count, plain_bytes = struct.unpack_from(
            "<BBHQqqqII", frame, 12
        )
        need(codec == 1 and flags in (0, 1), f"codec {codec}, flags {flags}")
        payload = frame[88:]
        covered = frame[8:56]
        if flags == 1:
            payload = zlib.decompress(payload, wbits=-15)
            need(len(payload) == plain_bytes, "the plain length")
            covered = struct.pack("<IBB", 88 + plain_bytes, codec, 0) + covered[6:44] + bytes(4)
            state["compressed"] += 1
        digest = hashlib.sha256(state["hash"] + covered + payload).digest()
        need(digest == frame[56:88], f"the hash at {at}")
        need(position == state["position"], f"the position at {at}")
        times = []
        for event in decode_payload(payload, position, recorded_at, state["met"]):
            times.append(event["occurredAt"])
            yield event
        need(len(times) == count and min(times) == least and max(times) == most, f"the times at {at}")
        frames.append((position, at, least, most))
        state["hash"] = digest
        state["position"] += count
        state["frames"] += 1
        at += length
    if not is_last:
        check_index(directory, name, frames, (state["position"], at), len(data), state)


def check_index(directory, segment, frames, end, size, state):
    path = os.path.join(directory, segment.replace(".segment", ".index"))
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        data = file.read()
    need(data[0:4] == b"HCIX", "no index")
    need(struct.unpack_from("<I", data, 4)[0] == zlib.crc32(data[8:]), "the CRC of the index")
    end_position, end_offset = struct.unpack_from("<QQ", data, 8)
    if end_offset != size:
        return
    need((end_position, end_offset) == end, "the end of the index")
    entries = list(struct.iter_unpack("<QQqq", data[24:]))
    for index, (position, offset, least, most) in enumerate(entries):
        until = entries[index + 1][1] if index + 1 < len(entries) else end_offset
        run = [frame for frame in frames if offset <= frame[1] < until]
        need(run[0][:2] == (position, offset), "a run of the index")
        need(least == min(frame[2] for frame in run) and most == max(frame[3] for frame in run), "its times")
    state["indexes"] += 1


def marked(value):
    """With a form for the numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    return value


def main(directory):
    head = read_head(directory)
    start = first_position(directory)
    state = {
        "position": start,
        "hash": bytes(32) if start == 0 else None,
        "frames": 0,
        "compressed": 0,
        "indexes": 0,
        "met": set(),
    }
    names = sorted(name for name in os.listdir(directory) if name.endswith(".segment") and name[:20].isdigit())
    for name in names:
        if start <= int(name[:20]) <= head["segment"]:
            for event in read_segment(directory, name, head, state):
                print(json.dumps(marked(event), ensure_ascii=True, allow_nan=False))
    need(state["position"] == head["next_position"], "the log does not end where its head says")
    need(state["hash"] == head["hash"], "the last hash is not the head's")
    print(
        json.dumps(
            {
                "events": state["position"] - start,
                "frames": state["frames"],
                "compressedFrames": state["compressed"],
                "indexes": state["indexes"],
                "hash": state["hash"].hex(),
                "met": sorted(state["met"]),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
