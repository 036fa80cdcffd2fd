"""Records that are missing are asked for, those that have come are acknowledged, alike in every pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from flight.dictionary import EVENTS
from flight.packets import Event, TmPacket
from ground.commands import CommandQueue
from ground.config import GroundConfig
from ground.mission import Ground
from ground.predict import predict
from ground.process import InProcessGround
from ground.receiver import Report
from ground.recovery import ACKNOWLEDGE_BEFORE_NS, LOOK_NS, RANGES_A_LOOK, RANGES_A_PASS, Recovery, widened
from tests.downlink import encode_housekeeping

pytestmark = pytest.mark.requirement("L2.4", "L2.6")

Configure = Callable[..., GroundConfig]
MakeWorld = Callable[..., Any]
SECOND_NS = 1_000_000_000
TICK_NS = 100_000_000
CRITICAL, HOUSEKEEPING = 101, 102


def record(number: int, apid: int = CRITICAL) -> Report:
    return Report(TmPacket(5, 1, number * SECOND_NS, b"", number % 16384, apid=apid), None)


class Session:
    """A recovery with a queue of its own, in a pass of ten minutes."""

    def __init__(self) -> None:
        self.queue, self.recovery = CommandQueue(()), Recovery()
        self.begin(0)

    def begin(self, start_ns: int) -> None:
        self.recovery.begin(
            start_ns, last_ns=start_ns + 600 * SECOND_NS, expires_ns=start_ns + 601 * SECOND_NS
        )

    def see(self, *numbers: int, apid: int = CRITICAL) -> None:
        for number in numbers:
            self.recovery.see(record(number, apid), number * SECOND_NS)

    def look(self) -> list[tuple[str, dict[str, float]]]:
        """What the next timer asks for."""
        before = len(self.requests())
        self.recovery.run(self.recovery.timer_ns(), self.queue)
        return self.requests()[before:]

    def requests(self) -> list[tuple[str, dict[str, float]]]:
        rows = [row["command"] for row in self.queue.rows().values()]
        return [(row["name"], row["arguments"]) for row in rows]

    def asked(self) -> list[tuple[float, float]]:
        return [(one["first"], one["last"]) for name, one in self.look() if name == "play_back"]


def test_what_is_missing_for_a_whole_look_is_asked_for_once() -> None:
    session = Session()
    session.see(0, 1, 5, 9)
    assert session.asked() == [], "they may only have been overtaken"
    session.see(6, 10)
    assert session.asked() == [(2, 4), (7, 8)]
    session.see(2, 12)
    assert session.asked() == [], "not twice in a pass, and 11 has only just been passed over"
    assert session.asked() == [(11, 11)]
    session.begin(6000 * SECOND_NS)
    assert session.asked() == []
    assert session.asked() == [], "the satellite begins with what was not acknowledged, and has not passed it"
    session.see(13)
    assert session.asked() == []
    assert session.asked() == [(3, 4), (7, 8), (11, 11)]


def test_nothing_is_asked_for_while_nothing_is_missing() -> None:
    session = Session()
    for number in range(0, 280, 10):
        session.see(*range(number, number + 10))
        assert session.look() == []


def test_requests_are_bounded_and_none_is_left_out() -> None:
    session = Session()
    session.see(*range(0, 400, 2))
    session.see(*range(0, 400, 3), apid=HOUSEKEEPING)
    assert session.asked() == []
    spans: dict[float, list[tuple[float, float]]] = {0: [], 2: []}
    for _ in range(6):
        for _, one in session.look():
            spans[one["stream"]].append((one["first"], one["last"]))
    assert [len(one) for one in spans.values()] == [RANGES_A_LOOK] * 2
    assert (spans[0][0][0], spans[0][-1][1]) == (1, 397)
    assert (spans[2][0][0], spans[2][-1][1]) == (1, 398)
    for step in range(1, 8):
        session.see(*range(400 + 40 * step, 440 + 40 * step, 2))
        session.look()
    assert len(session.recovery.asked) <= 2 * RANGES_A_PASS


@given(st.lists(st.integers(1, 50), min_size=2, max_size=60), st.integers(1, 12))
def test_ranges_are_widened_over_the_narrowest_spaces(steps: list[int], most: int) -> None:
    edges = [sum(steps[: at + 1]) * 2 for at in range(len(steps) // 2 * 2)]
    gaps = list(zip(edges[::2], edges[1::2], strict=True))
    found = widened(gaps, most)
    assert len(found) == min(most, len(gaps))
    assert all(any(low <= first and last <= high for low, high in found) for first, last in gaps)
    closed = sorted(b[0] - a[1] for a, b in pairwise(gaps))[: len(gaps) - len(found)]
    wide = sum(high - low for low, high in found)
    assert wide == sum(last - first for first, last in gaps) + sum(closed)


@pytest.mark.parametrize(
    ("numbers", "until"), [([], 0), ([0, 1, 2], 3), ([0, 1, 5], 2), ([*range(20_000)], 20_000)]
)
def test_each_pass_has_two_acknowledgements_whatever_came(numbers: list[int], until: int) -> None:
    session = Session()
    session.see(*numbers)
    asked = []
    while (due_ns := session.recovery.timer_ns()) < 2**62:
        asked += [one for one in session.look() if one[0] == "acknowledge_records"]
        acknowledged_ns = due_ns
    assert acknowledged_ns == 600 * SECOND_NS - ACKNOWLEDGE_BEFORE_NS
    assert asked == [
        ("acknowledge_records", {"stream": 0.0, "until": float(until)}),
        ("acknowledge_records", {"stream": 2.0, "until": 0.0}),
    ]


def test_the_ledger_closes_gaps_so_that_they_are_not_asked_for() -> None:
    session = Session()
    session.see(0, 5)
    session.look()
    arguments = {"stream": 0.0, "reason": 0.0, "first": 1.0, "count": 4.0}
    event = Event(200, "records_given_up", 2, 0, arguments)
    assert EVENTS[200].name == event.name
    session.recovery.see(replace(record(6), content=event), 6 * SECOND_NS)
    assert session.look() == []
    assert session.recovery.gaps.complete_until(0) == 7


def test_live_housekeeping_tells_what_is_held_and_stored_does_not() -> None:
    values = {"records_first": [3, 0, 0, 0, 0], "records_next": [9, 0, 0, 0, 0]}
    packet = TmPacket(3, 25, SECOND_NS, encode_housekeeping(1, values))
    session = Session()
    session.recovery.see(Report(packet, None, channel=1), SECOND_NS)
    assert session.recovery.gaps.backlog(0) == 0
    session.recovery.see(Report(packet, None), SECOND_NS)
    assert session.recovery.gaps.backlog(0) == 9
    session.recovery.see(Report(replace(packet, data=packet.data[:40]), None), SECOND_NS)
    session.see(0, 6, 7)
    session.look()
    assert session.asked() == [(3, 5)], "what is not held any more is not asked for"


def test_what_steers_does_not_depend_on_numbers_until_some_are_missing() -> None:
    one, other = Session(), Session()
    one.see(0, 1)
    other.see(0, 1, 2)
    for session in (one, other):
        session.look()
    assert one.recovery.control() == other.recovery.control()
    other.see(4)
    assert one.recovery.control() != other.recovery.control()


def test_its_state_goes_through_json() -> None:
    session = Session()
    session.see(0, 3, 9)
    session.look()
    session.look()
    plain = session.recovery.to_plain()
    again = Recovery.from_plain(json.loads(json.dumps(plain)))
    assert again == session.recovery
    assert again.to_plain() == plain
    assert again.asked == [(0, 1, 2), (0, 4, 8)]


def test_lost_records_come_in_the_same_pass_and_all_are_acknowledged(
    configure: Configure, make_world: MakeWorld
) -> None:
    config = configure()
    windows = [(one.station, one.aos_ns, one.los_ns) for one in predict(config)][:2]
    world = make_world(InProcessGround(config), windows)
    world.satellite.recorded = 100
    world.satellite.lost = frozenset({0, 7, 8, 9, 40})
    world.fly(windows[0][2] // TICK_NS + 50)
    assert world.satellite.records == [
        (128, 1, 0, 0, 0),
        (128, 1, 0, 7, 9),
        (128, 1, 0, 40, 40),
        (11, 1, 0, 100),
        (11, 1, 2, 0),
    ]
    stream = world.ground.results()["records"]["streams"]["critical"]
    assert (stream["received"], stream["missing"]) == (100, 0)
    world.fly(windows[1][2] // TICK_NS + 50)
    assert world.satellite.records[5:] == [(11, 1, 0, 100), (11, 1, 2, 0)]
    assert world.ground.results()["records"]["requests"] == {"acknowledge_records": 4, "play_back": 3}


def test_a_satellite_that_is_not_heard_lets_no_requests_pile_up(configure: Configure) -> None:
    config = configure()
    ground = Ground(config)
    windows = predict(config)
    for window in windows[:6]:
        ground.advance(window.los_ns // TICK_NS + 10, [])
    state = json.loads(ground.to_bytes())
    assert len(state["commands"]["tracking"]) <= 2
    assert ground.results()["requests"]["expired"] >= 2 * 5


def test_looks_are_on_a_grid_of_the_pass() -> None:
    session = Session()
    assert [session.recovery.timer_ns(), session.look(), session.recovery.timer_ns()] == [
        LOOK_NS,
        [],
        2 * LOOK_NS,
    ]
