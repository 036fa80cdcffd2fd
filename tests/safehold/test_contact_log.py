"""The log of true contacts finds what a link should not have carried."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from flight.frames import Delivery
from safehold.contact_log import ContactLog, ContactMark, Seen, SeenList, TrueWindow

TICK_NS = 100_000_000
LATENCY_NS = 240_000_000


@pytest.fixture
def log() -> ContactLog:
    """Station 0 sees the satellite from tick 100 to 200, station 1 from 150 on."""
    log = ContactLog(2)
    log.note(100, 0b01)
    log.note(150, 0b11)
    log.note(200, 0b10)
    return log


@pytest.mark.requirement("L2.1")
@pytest.mark.parametrize(
    ("station", "arrival_ns", "outside"),
    [
        (0, 10_240_000_000, False),  # left as the window opened
        (0, 10_239_999_999, True),  # left a nanosecond before
        (0, 20_000_000_000, False),  # arrived as it closed
        (0, 20_000_000_001, True),
        (1, 20_500_000_000, False),  # the other station's window is still open
        (1, 12_000_000_000, True),  # a window of another station does not help
    ],
)
def test_octets_outside_a_window_are_counted(
    log: ContactLog, station: int, arrival_ns: int, outside: bool
) -> None:
    frame = Delivery(arrival_ns, station, bytes(1115))
    found = log.octets_outside([frame], latency_ns=LATENCY_NS, tick_ns=TICK_NS)
    assert found == (1115 if outside else 0)


def row(tick: int) -> Seen:
    """What is seen at a tick: of doubles that no fewer bits could hold."""
    return Seen(tick, tick / 7.0, tick % 3, -tick / 11.0)


@pytest.mark.requirement("L2.1")
def test_a_long_log_is_read_and_rewound_as_a_short_one() -> None:
    """Reads across the file's edge, cuts into the file and behind it, and additions after either."""
    seen, expected = SeenList(), []
    for first in range(0, 60_000, 1500):
        fresh = [row(3 * tick) for tick in range(first, first + 1500)]
        seen.extend(fresh)
        expected += fresh
    assert list(seen.slice(0)) == expected
    assert list(seen.slice(40_000, 59_990)) == expected[40_000:59_990]
    assert list(seen.slice(59_000, 70_000)) == expected[59_000:]
    assert list(seen.between(100_000, 170_001)) == [one for one in expected if 100_000 <= one.tick < 170_001]
    for length in (59_000, 20_001, 20_001):
        seen.cut(length)
        expected = expected[:length]
        assert len(seen) == length
        assert list(seen.slice(0)) == expected
        fresh = [row(200_000 + tick) for tick in range(10_000)]
        seen.extend(fresh)
        expected += fresh
        assert list(seen.slice(length - 5)) == expected[length - 5 :]
    seen.cut(0)
    assert list(seen.slice(0)) == []


@pytest.mark.requirement("L2.1")
def test_a_long_log_survives_a_snapshot_and_a_rewind() -> None:
    log = ContactLog(1)
    log.note(0, 1)
    log.note_elevations(row(tick) for tick in range(20_000))
    mark = log.mark()
    log.note(20_000, 0)
    log.note_elevations(row(tick) for tick in range(20_000, 40_000))
    other = ContactLog(1)
    other.from_json(json.loads(json.dumps(log.to_json())))
    window = TrueWindow(0, 5_000, 35_000, True, True)
    for one in (log, other):
        assert one.elevation_max_deg(window) == 34_999 / 7.0
        assert one.range_rates(window) == [
            (tick, -tick / 11.0) for tick in range(5_000, 35_000) if tick % 3 == 0
        ]
        assert isinstance(mark, ContactMark)
        one.rewind(mark)
        assert one.elevations(19_000) == [row(tick) for tick in range(19_000, 20_000)]


@pytest.mark.requirement("L2.1")
def test_a_month_of_contact_needs_no_memory() -> None:
    seen = SeenList()
    tracemalloc.start()
    try:
        for first in range(0, 200_000, 500):
            seen.extend(map(row, range(first, first + 500)))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(seen) == 200_000
    assert held < 600_000
