"""The log of true contacts finds what a link should not have carried."""

from __future__ import annotations

import pytest

from flight.frames import Delivery
from safehold.contact_log import ContactLog

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
