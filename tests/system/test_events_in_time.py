"""Every event is on the ground within one usable pass: from what was made on board, when the satellite was
truly in sight, and the frames alone. Mission control's own count (`ground/timeliness.py`) has no part in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from flight.frames import Delivery
from safehold.result import Result
from tests.system.ledger_checker import apid_of, data_of, packets, service_of, sound

SECOND_NS = 1_000_000_000
USABLE_NS = 60 * SECOND_NS

Window = tuple[int, int]


def in_sight(result: Result) -> list[Window]:
    """When any station saw the satellite, by the truth: to the second."""
    seen = np.concatenate([[False], np.asarray(result.truth["in_contact"]), [False]])
    times = np.asarray(result.truth["sim_time_ns"])
    edges = np.flatnonzero(seen[1:] != seen[:-1])
    return [
        (int(times[first]), int(times[min(last, len(times) - 1)]))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]


def came(deliveries: Iterable[Delivery]) -> Iterator[tuple[bytes, int, int]]:
    """Events in frames: id and arguments as sent, on-board time, arrival."""
    now_ns = 0

    def frames() -> Iterator[bytes]:
        nonlocal now_ns
        for one in deliveries:
            now_ns = one.arrival_ns
            yield one.frame

    for packet in packets(frames()):
        if apid_of(packet) == 101 and sound(packet) and service_of(packet)[0] == 5:
            data, time = data_of(packet), int.from_bytes(packet[13:20], "big")
            yield data[:2] + data[4:], time * SECOND_NS >> 24, now_ns


def late(result: Result, deliveries: list[Delivery]) -> list[str]:
    """The events that were not here by the end of the first pass that was long enough for them."""
    arrivals: dict[bytes, list[tuple[int, int]]] = {}
    for what, time_ns, arrival_ns in came(deliveries):
        arrivals.setdefault(what, []).append((time_ns, arrival_ns))
    heard_ns = np.array([one.arrival_ns for one in result.received])
    usable = [
        (first, last) for first, last in in_sight(result) if ((heard_ns >= first) & (heard_ns <= last)).any()
    ]
    found = []
    for event in result.events:
        if event["source"] != "flight":
            continue
        made_ns, values = event["sim_time_ns"], tuple(event["arguments"].values())
        due_ns = next((last for first, last in usable if last - max(first, made_ns) > USABLE_NS), None)
        if due_ns is None:
            continue
        told = arrivals.get(struct.pack(f">H{len(values)}f", event["id"], *values), [])
        if not any(
            abs(time_ns - made_ns) <= SECOND_NS and arrival_ns <= due_ns + SECOND_NS
            for time_ns, arrival_ns in told
        ):
            found.append(f"{event['name']} of {made_ns / 1e9} s")
    return found


@pytest.mark.requirement("L2.2", "L2.4")
def test_every_event_of_a_day_is_here_within_one_usable_pass(day: Result) -> None:
    deliveries = list(day.received)
    made = [one for one in day.events if one["source"] == "flight"]
    assert len(made) > 100
    assert len(in_sight(day)) >= 3
    assert late(day, deliveries) == []
    # Without what the second pass brought, some come too late: those since the first.
    second = in_sight(day)[1]
    others = [one for one in deliveries if not second[0] <= one.arrival_ns <= second[1] + SECOND_NS]
    assert late(day, others) != []
