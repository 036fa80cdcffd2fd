"""The list of hostile frames, item by item, at mission control's receiver: counted, and nothing is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from flight.packets import TmPacket
from flight.tm_frames import TM_FRAME_OCTETS, Clcw, TmFramer
from ground.receiver import Receiver
from tests.downlink import encode_tm_packet
from tests.uplink import repaired, sealed_ping

ALIVE = encode_tm_packet(TmPacket(17, 2, 0, b"", 0, 0))


def frame() -> bytes:
    (made,) = TmFramer().frames([ALIVE], Clcw(report_value=9))
    return made


def changed(at: int, mask: int) -> bytes:
    octets = bytearray(frame())
    octets[at] ^= mask
    return repaired(bytes(octets))


def inner(packet: bytes) -> bytes:
    (made,) = TmFramer().frames([packet], Clcw(report_value=9))
    return made


Make = Callable[[], list[bytes]]


def items() -> Iterator[tuple[str, Make, dict[str, int]]]:
    every = range(TM_FRAME_OCTETS)
    yield "empty", lambda: [b""], {"frames_refused_length": 1}
    yield "one octet", lambda: [b"x"], {"frames_refused_length": 1}
    yield "every truncation", lambda: [frame()[:n] for n in every], {"frames_refused_length": len(every)}
    yield "one octet more", lambda: [frame() + b"x"], {"frames_refused_length": 1}
    yield "10 MB", lambda: [bytes(10_000_000)], {"frames_refused_length": 1}
    yield "a million tiny parts", lambda: [b"x"] * 1_000_000, {"frames_refused_length": 1_000_000}
    yield "a slow drip", lambda: [bytes([one]) for one in frame()], {"frames_refused_length": TM_FRAME_OCTETS}
    yield "a flipped bit", lambda: [frame()[:-1] + b"\0"], {"frames_refused_fecf": 1}
    yield "another version", lambda: [changed(0, 0x40)], {"frames_refused_version": 1}
    yield "another spacecraft", lambda: [changed(1, 0x20)], {"frames_refused_scid": 1}
    yield "another channel", lambda: [changed(1, 0x06)], {"frames_refused_vcid": 1}
    yield "a pointer beyond the field", lambda: [changed(4, 0x06)], {"frames_refused_pointer": 1}
    yield "no CLCW", lambda: [changed(1109, 0x80)], {"frames_refused_clcw": 1}
    yield "the uplink reflected", lambda: [sealed_ping()], {"frames_refused_length": 1}
    yield (
        "the uplink reflected and filled up",
        lambda: [repaired(sealed_ping().ljust(TM_FRAME_OCTETS, b"\0"))],
        {"frames_refused_scid": 1},
    )


ITEMS = list(items())


@pytest.mark.requirement("L2.2", "L3.7")
@pytest.mark.parametrize(("name", "make", "counts"), ITEMS, ids=[one[0] for one in ITEMS])
def test_a_hostile_frame_bounces_off_the_receiver(name: str, make: Make, counts: dict[str, int]) -> None:
    receiver = Receiver()
    receiver.receive(frame())
    before = {key: value for key, value in receiver.to_plain().items() if key != "counters"}
    was = receiver.results()
    for octets in make():
        assert receiver.receive(octets) is None
    now = receiver.results()
    assert {key: value - was.get(key, 0) for key, value in now.items() if value != was.get(key, 0)} == counts
    assert {key: value for key, value in receiver.to_plain().items() if key != "counters"} == before


def _packets() -> Iterator[tuple[str, bytes, str]]:
    def sealed(octets: bytes) -> bytes:
        return repaired(octets)

    yield "a CRC that does not fit", ALIVE[:-1] + bytes([ALIVE[-1] ^ 1]), "packets_refused_crc"
    yield "a telecommand", sealed(b"\x18" + ALIVE[1:]), "packets_refused_header"
    yield "another PUS version", sealed(ALIVE[:6] + b"\x10" + ALIVE[7:]), "packets_refused_pus"
    yield "an unknown APID", sealed(ALIVE[:1] + b"\xf0" + ALIVE[2:]), "packets_refused_apid"
    yield "an unknown service", sealed(ALIVE[:7] + b"\xfe" + ALIVE[8:]), "packets_refused_service"
    too_long = bytes([0x08, 100, 0xC0, 0]) + (1_400 - 7).to_bytes(2, "big") + ALIVE[6:20] + bytes(1_380)
    yield "more than 1,024 octets", sealed(too_long), "packets_dropped_size"


PACKETS = list(_packets())


@pytest.mark.requirement("L2.2", "L3.7")
@pytest.mark.parametrize(("name", "packet", "count"), PACKETS, ids=[one[0] for one in PACKETS])
def test_a_hostile_packet_in_a_sound_frame_bounces(name: str, packet: bytes, count: str) -> None:
    receiver, framer = Receiver(), TmFramer()
    reports = [
        report
        for octets in framer.frames([packet, ALIVE], Clcw())
        for report in receiver.receive(octets) or []
    ]
    assert [report.packet.service for report in reports] == [17], "the next one is read"
    assert receiver.results()[count] == 1
