"""Reads what `hindcast log export` wrote with the package `cloudevents`, and puts exact values back as docs/events.md says.

usage: read_cloud_events.py <file>     prints one JSON line an event: what the package made of it
"""

import base64
import json
import math
import struct
import sys
from datetime import datetime, timedelta, timezone

from cloudevents.core.formats.json import JSONFormat

FORMATS = {"Uint8Array": "B", "Float32Array": "f", "Float64Array": "d", "Int32Array": "i"}


def exact(value):
    """A value of `data` as Python holds it: floats, integers of any size, tuples for typed arrays."""
    if isinstance(value, list):
        return [exact(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$value")
    if kind is None:
        return {key: exact(item) for key, item in value.items()}
    if kind in ("NaN", "Infinity", "-Infinity", "-0"):
        return float(kind)
    if kind == "bigint":
        return int(value["text"])
    if kind == "object":
        return {key: exact(item) for key, item in value["entries"]}
    raw = base64.b64decode(value["base64"])
    form = FORMATS[kind]
    return tuple(struct.unpack(f"<{len(raw) // struct.calcsize(form)}{form}", raw))


def described(value):
    """Type and value as text, so that two languages can compare them."""
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if isinstance(value, float):
        if math.isnan(value):
            return "float nan"
        return f"float {value.hex()}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int {value}"
    return value


def micros(time):
    return (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


for line in open(sys.argv[1], encoding="utf-8"):
    event = JSONFormat().read(None, line)
    data = exact(event.get_data())
    inputs = data.get("sensitive", {}).get("inputs", {})
    print(
        json.dumps(
            {
                "id": event.get_id(),
                "type": event.get_type(),
                "subject": event.get_subject(),
                "position": event.get_extension("position"),
                "occurredAt": micros(event.get_time()),
                "inputs": described(inputs),
            }
        )
    )
