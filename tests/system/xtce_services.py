"""Reports of PUS services as an independent decoder reads them, held against the rows of an archive."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flight.dictionary import PARAMETERS, REPORTS, SETTINGS
from flight.frames import crc16
from safehold.answers import ASKED_BY
from tests.system.xtce_reader import time_ns

FILE_STATES = ("WRITTEN", "SEALED", "DELIVERED")
STAGES = {1: "accepted_ns", 3: "started_ns", 5: "progress_ns", 7: "completed_ns"}
REFUSALS = {2: "rejected", 4: "failed", 8: "failed"}
_NAMES = {"setting": "id"}  # of fields that the archive calls otherwise


def values_of(packet: Any) -> dict[str, Any]:
    """What a report says, by its fields' own names; numbers as sent."""
    layout = REPORTS[(packet["service"], packet["subtype"])]
    names = [one.name for one in layout.fields] + ([layout.rest] if layout.rest else [])
    found = {name: packet[f"{layout.name}_{name}"] for name in names}
    return {
        name: bytes(value) if isinstance(value, bytes) else value.raw_value for name, value in found.items()
    }


def hold_answers(decoded: Iterable[Any], rows: Iterable[Mapping[str, Any]]) -> dict[tuple[int, int], int]:
    """Every answer is a row and every row an answer, value by value; how many of each kind."""
    waiting = [(row["service"], row["subtype"], row["time_ns"], json.loads(row["content"])) for row in rows]
    seen: dict[tuple[int, int], int] = {}
    for packet in decoded:
        kind = packet["service"], packet["subtype"]
        if kind not in ASKED_BY:
            continue
        sent = values_of(packet)
        fits = [one for one in waiting if one[:3] == (*kind, time_ns(packet)) and _equal(kind, sent, one[3])]
        assert fits, (kind, sent, [one for one in waiting if one[:2] == kind])
        waiting.remove(fits[0])
        seen[kind] = seen.get(kind, 0) + 1
    assert waiting == [], "rows that are in no frame"
    return seen


def _equal(kind: tuple[int, int], sent: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    rest, listed = _REST.get(kind, (None, lambda content: (b"", None)))
    octets, count = listed(content)
    for name, value in sent.items():
        if name == rest:
            if value != octets:
                return False
        elif name in ("count", "events", "activities", "parameters", "length") and count is not None:
            if value != count:
                return False
        elif value != content[_NAMES.get(name, name)]:
            return False
    named = {_NAMES.get(name, name) for name in sent if name != "count"} - {rest}
    return content.keys() - named <= _LISTS.get(kind, set())


def _structure(content: Mapping[str, Any]) -> tuple[bytes, int]:
    names = content["parameters"]
    return b"".join(PARAMETERS[name].id.to_bytes(2, "big") for name in names), len(names)


def _disabled(content: Mapping[str, Any]) -> tuple[bytes, int]:
    return b"".join(one.to_bytes(2, "big") for one in content["events"]), len(content["events"])


def _dump(content: Mapping[str, Any]) -> tuple[bytes, int]:
    octets = bytes.fromhex(content["octets"])
    return octets + crc16(octets).to_bytes(2, "big"), len(octets)


def _code(at_ns: int) -> bytes:
    return ((at_ns << 24) // 10**9).to_bytes(7, "big")


def _schedule(content: Mapping[str, Any]) -> tuple[bytes, int]:
    each = content["activities"]
    return b"".join(_code(one["time_ns"]) + bytes.fromhex(one["packet"]) for one in each), len(each)


def _schedule_summary(content: Mapping[str, Any]) -> tuple[bytes, int]:
    each = content["activities"]
    return b"".join(_code(at) + struct.pack(">IB", request, state) for at, request, state in each), len(each)


def _setting(content: Mapping[str, Any]) -> tuple[bytes, int]:
    assert SETTINGS[content["name"]].id == content["id"]
    return struct.pack(f">{len(content['values'])}d", *content["values"]), len(content["values"])


def _files(content: Mapping[str, Any]) -> tuple[bytes, int]:
    each = content["files"]
    rows = (
        (one["id"], one["length"], one["crc"], one["kind"], FILE_STATES.index(one["state"])) for one in each
    )
    return b"".join(struct.pack(">IIIBB", *row) for row in rows), len(each)


_REST = {
    (3, 10): ("parameter_ids", _structure),
    (5, 8): ("event_ids", _disabled),
    (6, 6): ("octets", _dump),
    (11, 10): ("schedule", _schedule),
    (11, 13): ("schedule", _schedule_summary),
    (20, 2): ("values", _setting),
    (23, 13): ("files", _files),
}
_LISTS = {
    (6, 6): {"octets"},
    (20, 2): {"name", "values"},
    (23, 13): {"files"},
}


def hold_verification(decoded: Iterable[Any], rows: Iterable[Mapping[str, Any]]) -> int:
    """Every report of service 1 on a telecommand of the archive is in its row, and nothing else is there; how
    many there were.
    """
    by_request = {row["request_id"]: row for row in rows if row["request_id"] is not None}
    told: dict[int, dict[int, dict[str, Any]]] = {}
    times: dict[int, int] = {}
    count = 0
    for packet in decoded:
        if packet["service"] != 1:
            continue
        values = values_of(packet)
        request = values["request_id"]
        told.setdefault(request, {})[packet["subtype"]] = values
        times[request] = max(times.get(request, 0), time_ns(packet))
        count += request in by_request
    for request, row in by_request.items():
        stages = told.get(request, {})
        for subtype, column in STAGES.items():
            assert (row[column] is not None) == (subtype in stages), (row["name"], column)
        ends = list(_ends(stages))
        assert (row["state"] in REFUSALS.values()) == bool(ends), row["name"]
        for state, values in ends:
            assert row["state"] == state
            assert (row["failure_code"], row["failure_parameter"]) == (
                values["failure_code"],
                values["failure_parameter"],
            )
        assert row["onboard_ns"] == times[request], row["name"]
    return count


def _ends(stages: Mapping[int, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for subtype, state in REFUSALS.items():
        if subtype in stages:
            yield state, stages[subtype]
