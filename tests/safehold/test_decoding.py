"""Frames that arrive in another order than they left are neither lost nor counted as missing."""

from __future__ import annotations

import pytest

from flight.frames import Delivery
from flight.packets import TmPacket
from flight.tm_frames import Clcw, TmFramer
from ground.files import Files
from safehold.command_run import downlink_lines
from safehold.decoding import decode
from safehold.downlink import downlink_document
from tests.downlink import encode_housekeeping, encode_tm_packet

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


@pytest.mark.requirement("L2.2")
def test_the_backlog_is_told_as_of_the_last_live_report() -> None:
    held = {"records_first": [0] * 5, "records_next": [7, 0, 2, 0, 0]}
    framer, deliveries = TmFramer(), []
    for second in (3600, 3601):
        report = encode_housekeeping(1, held)
        (frame, *_) = framer.frames([encode_tm_packet(TmPacket(3, 25, second * S, report, second))], Clcw())
        deliveries.append(Delivery(second * S, 0, frame))
    found = downlink_document(decode(deliveries, ["here"]), [], [], events_late=0)
    assert (found["backlog_records"], found["backlog_as_of_s"]) == (9, 3601.0)
    document = {"downlink": found, "passes": [], "files": Files().results()}
    (line,) = [one for one in downlink_lines(document) if "recorder" in one]
    assert "9 records to come as of 01:00:01" in line
