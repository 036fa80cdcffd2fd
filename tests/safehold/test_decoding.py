"""Frames that arrive in another order than they left are neither lost nor counted as missing."""

from __future__ import annotations

import pytest

from flight.frames import Delivery
from flight.packets import TmPacket, encode_housekeeping, encode_tm_packet
from flight.tm_frames import Clcw, TmFramer
from safehold.telemetry import decode

S = 10**9


@pytest.mark.requirement("L2.2", "S3")
def test_overtaken_frames_are_taken_and_not_missing() -> None:
    framer, frames = TmFramer(), []
    for second in range(300):
        report = encode_housekeeping(1, {"tick": second})
        (frame, *_) = framer.frames([encode_tm_packet(TmPacket(3, 25, second * S, report, second))], Clcw())
        frames.append(frame)
    order = [*range(9), 11, 9, 10, *range(12, 250), *range(251, 255), 250, *range(255, 290), *range(292, 300)]
    found = decode([Delivery(S + at, 0, frames[place]) for at, place in enumerate(order)], ["here"])
    assert [missing for _, missing in found.frames_missing] == [2]
    assert len(found.telemetry) == 298
