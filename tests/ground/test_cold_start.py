"""Which telemetry tells of a cold start, and which does not."""

from __future__ import annotations

import pytest

from flight.packets import Event, TmPacket
from flight.tm_frames import LIVE_CHANNEL, PLAYBACK_CHANNEL
from ground.cold_start import ColdStart, cold_start
from ground.receiver import Report
from tests.downlink import encode_housekeeping

TICK_NS = 100_000_000
TIME_NS = 50_000_000_000


def reset(boots: float, warm: float, *, name: str = "computer_reset", channel: int = LIVE_CHANNEL) -> Report:
    arguments = {"cause": 2.0, "boots": boots, "warm": warm, "down_s": 1.0}
    return Report(TmPacket(5, 3, TIME_NS, b""), Event(100, name, 3, 7, arguments), channel)


def living(boots: int, warm: int, ticks: int) -> Report:
    values = {"boot_count": boots, "boot_warm": warm, "tick": ticks}
    return Report(TmPacket(3, 25, TIME_NS, encode_housekeeping(1, values)), None)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize("channel", [LIVE_CHANNEL, PLAYBACK_CHANNEL])
def test_the_event_of_a_cold_start_tells_of_it_live_and_played_back(channel: int) -> None:
    assert cold_start(reset(3.0, 0.0, channel=channel), TICK_NS) == ColdStart(3, TIME_NS)


@pytest.mark.requirement("L2.6")
def test_housekeeping_tells_of_the_cold_start_since_which_its_ticks_count() -> None:
    assert cold_start(living(2, 0, 70), TICK_NS) == ColdStart(2, TIME_NS - 7_000_000_000)


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize(
    "report",
    [
        reset(3.0, 1.0),
        reset(1.0, 0.0),
        reset(3.0, 0.0, name="mode_changed"),
        living(2, 1, 70),
        living(1, 0, 70),
        Report(TmPacket(3, 25, TIME_NS, b"\0\1"), None),
        Report(TmPacket(17, 2, TIME_NS, b""), None),
    ],
    ids=["warm", "the first of all", "another event", "alive warm", "alive first", "cut short", "pong"],
)
def test_nothing_else_tells_of_one(report: Report) -> None:
    assert cold_start(report, TICK_NS) is None
