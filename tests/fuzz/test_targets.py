"""Every Python fuzz target takes its seeds and thousands of mutations of them; `scripts/fuzz` runs longer.

The number of inputs is fixed, so that a run is the same each time; the seeds are real, so that the mutations
reach what lies behind lengths and checksums. That they do is asserted too.
"""

from __future__ import annotations

from itertools import islice

import pytest

from flight.cfdp_pdu import PduError, decode_pdu
from flight.packets import decode_tm_packet
from tests.fuzz.mutations import inputs
from tests.fuzz.seeds import SEEDS, downlink, packets_of
from tests.fuzz.targets import TARGETS

INPUTS = {
    "black_box": 300,
    "tm_frames": 3_000,
    "tm_protected": 3_000,
    "extraction": 3_000,
    "file_service": 4_000,
    "flight_messages": 600,
}


@pytest.mark.requirement("L3.7", "S4")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_a_refusal_comes_of_any_octets(name: str) -> None:
    for number, octets in enumerate(islice(inputs(name), INPUTS.get(name, 15_000))):
        try:
            TARGETS[name](octets)
        except BaseException as error:
            error.add_note(f"input {number} of {name}: {octets.hex()}")
            raise


def test_the_seeds_are_what_flies() -> None:
    services = {decode_tm_packet(packet).service for packet in packets_of(downlink()[0]) if packet[1] != 110}
    assert services >= {1, 3, 5, 6, 9, 11, 17, 23}
    read = 0
    for pdu in SEEDS["cfdp_pdu"]():
        try:
            decode_pdu(pdu)
            read += 1
        except PduError:
            pass
    assert read >= 8
    assert all(list(make()) for make in SEEDS.values())
