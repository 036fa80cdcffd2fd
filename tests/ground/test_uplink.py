"""What steers the uplink, told apart from numbers that only shift."""

from __future__ import annotations

import pytest

from flight.tc_frames import TcFrame
from flight.tm_frames import Clcw
from ground.commands import CommandQueue
from ground.fop import NO_TAG
from ground.uplink import Timing, UplinkControl

pytestmark = pytest.mark.requirement("L2.1", "S5")

SECOND_NS = 1_000_000_000
STEP_NS = 300_000_000


def heard(*counts: int) -> UplinkControl:
    """An uplink in a pass in which frames of these counts have come, 0.3 s apart."""
    uplink = UplinkControl.start(Timing(240_000_000, 64_000), CommandQueue(()), lambda frame: b"frame")
    uplink.begin(0, SECOND_NS, carrier_off_ns=400 * SECOND_NS)
    for place, count in enumerate(counts):
        uplink.see(Clcw(), count % 256, 2 * SECOND_NS + place * STEP_NS)
    return uplink


@pytest.mark.parametrize("shift", [1, 3, 100, 255])
def test_frame_counts_that_are_all_shifted_steer_alike(shift: int) -> None:
    counts = (253, 254, 1, 0, 2)  # over the end of the count, and one overtaken
    one, other = heard(*counts), heard(*(count + shift for count in counts))
    assert one.to_plain() != other.to_plain()
    assert one.control() == other.control()
    assert one.counters == other.counters
    for ahead in range(-130, 131):
        assert (
            heard(*counts, 2 + ahead).counters == heard(*(c + shift for c in (*counts, 2 + ahead))).counters
        )


def test_a_frame_that_was_overtaken_last_steers_differently() -> None:
    assert heard(10, 11).control() != heard(11, 10).control()
    assert heard(11, 10).counters["clcws_overtaken"] == 1


def test_nothing_of_the_frames_of_a_pass_is_left_after_it() -> None:
    one, other = heard(10, 12, 11), heard(10, 11, 12)
    assert one.control()[0]["clcw"] != other.control()[0]["clcw"]
    for uplink in (one, other):
        uplink.end(300 * SECOND_NS)
    assert one.control()[0]["clcw"] == other.control()[0]["clcw"]
    one.begin(1, 600 * SECOND_NS, carrier_off_ns=900 * SECOND_NS)
    one.see(Clcw(), 3, 601 * SECOND_NS)
    assert one.counters["clcws_overtaken"] == 1, "each pass begins anew"


def test_its_state_goes_on_alike() -> None:
    one = heard(10, 12, 11)
    again = UplinkControl.from_plain(one.to_plain(), one.timing, CommandQueue(()), one.seal)
    assert again.control() == one.control()
    for uplink in (one, again):
        uplink.see(Clcw(), 12, 3 * SECOND_NS)
    assert one.counters == again.counters == {"clcws_overtaken": 2}


def test_nothing_is_dropped_that_fop_1_does_not_take() -> None:
    """A BD frame that is under way keeps the next one waiting: it stays first in its queue."""
    packets = [b"\x17\x6e" + bytes([number]) * 40 for number in range(3)]
    uplink = heard(10)
    sent: list[bytes] = []

    def sealed(frame: TcFrame) -> bytes:
        if frame.kind == "BD":
            sent.append(frame.data)
        return b"frame"

    uplink.seal = sealed
    uplink.fop.bd_ready = False
    uplink.offer(packets, 2 * SECOND_NS)
    uplink.expedited = [(NO_TAG, b"\x03first"), (NO_TAG, b"\x03second")]
    uplink.changed(2 * SECOND_NS)
    assert len(uplink.pdus) == 3
    assert [data for _, data in uplink.expedited] == [b"\x03first", b"\x03second"]
    assert uplink.take() == []
    uplink.fop.bd_ready = True
    uplink.changed(2 * SECOND_NS)
    assert [data for _, data in uplink.expedited] == [b"\x03second"], "one is on the air"
    while uplink.timer_ns() < 10 * SECOND_NS:
        uplink.run(uplink.timer_ns())
    assert (uplink.expedited, uplink.pdus) == ([], [])
    assert sent == [b"first", b"second", *packets]
