"""Transfer frames: round trips, an outside CRC value, and every way in which a hostile frame can be wrong.

Exact equality everywhere: these are octets.
"""

from __future__ import annotations

import random
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight import tm_frames
from flight.frames import FrameError, crc16
from flight.packets import TmPacket
from flight.tm_frames import Clcw, PacketExtractor, TmFrame, TmFramer, decode_tm_frame, encode_tm_frame
from tests.downlink import encode_tm_packet, idle_frame


def telemetry(*sizes: int) -> list[bytes]:
    return [encode_tm_packet(TmPacket(3, 25, 0, bytes([i % 251]) * size, i)) for i, size in enumerate(sizes)]


def repaired(frame: bytearray) -> bytes:
    """The frame with a FECF that fits, so that what lies behind the CRC is reached."""
    return bytes(frame[:-2]) + crc16(bytes(frame[:-2])).to_bytes(2, "big")


def reason_of(decode: object, octets: bytes) -> str:
    with pytest.raises(FrameError) as caught:
        decode(octets)  # type: ignore[operator]
    return caught.value.reason


def test_crc_against_the_published_check_value() -> None:
    # The check value of CRC-16/IBM-3740 ("CCITT-FALSE") in the catalogue of parametrised CRC algorithms.
    assert crc16(b"123456789") == 0x29B1


@pytest.mark.requirement("S3")
@given(
    st.sampled_from(sorted(tm_frames.TM_CHANNELS)),
    st.integers(0, 255),
    st.integers(0, 255),
    st.one_of(st.integers(0, 1102), st.sampled_from([2046, 2047])),
    st.binary(min_size=1103, max_size=1103),
    st.builds(
        Clcw,
        *[st.booleans()] * 5,
        farm_b_counter=st.integers(0, 3),
        report_value=st.integers(0, 255),
    ),
)
def test_tm_frames_come_back_as_they_were(
    channel: int, master: int, count: int, pointer: int, data: bytes, clcw: Clcw
) -> None:
    if channel == tm_frames.IDLE_CHANNEL:
        pointer = tm_frames.POINTER_IDLE
    frame = TmFrame(channel, master, count, pointer, data, clcw)
    octets = encode_tm_frame(frame)
    assert len(octets) == 1115
    assert decode_tm_frame(octets) == frame
    assert tm_frames.may_bring_files(octets) == (channel == tm_frames.FILE_CHANNEL)


def test_an_idle_frame_carries_its_clcw_and_no_packet() -> None:
    frame = decode_tm_frame(idle_frame(3, 4, Clcw(report_value=9)))
    assert (frame.virtual_channel, frame.master_count, frame.channel_count) == (7, 3, 4)
    assert frame.clcw.report_value == 9
    assert PacketExtractor().push(frame) == []


def test_the_status_field_of_a_clcw_says_that_the_farm_started_cold_and_nothing_else() -> None:
    word = Clcw(lockout=True, report_value=7, cold=True).encode()
    assert word == 0x05002007
    assert Clcw.decode(word) == Clcw(lockout=True, report_value=7, cold=True)
    for other in (0x08000000, 0x10000000):
        with pytest.raises(FrameError, match="fixed fields"):
            Clcw.decode(word | other)


@given(st.binary(max_size=1400))
def test_no_octets_crash_the_decoder(octets: bytes) -> None:
    with pytest.raises(FrameError):
        decode_tm_frame(octets)


def test_every_truncation_and_every_flipped_bit_of_a_tm_frame_is_refused() -> None:
    (frame,) = TmFramer().frames(telemetry(40), Clcw())
    for length in range(len(frame)):
        assert reason_of(decode_tm_frame, frame[:length]) == "length"
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        assert reason_of(decode_tm_frame, bytes(flipped)) == "fecf"


@pytest.mark.parametrize(
    ("octet", "mask", "reason"),
    [
        (0, 0x40, "version"),
        (0, 0x01, "scid"),
        (1, 0x20, "scid"),
        (1, 0x06, "vcid"),
        (1, 0x0E, "pointer"),
        (1, 0x01, "format"),
        (4, 0x80, "format"),
        (4, 0x08, "format"),
        (4, 0x06, "pointer"),
        (1109, 0x80, "clcw"),
        (1110, 0x04, "clcw"),
    ],
)
def test_a_sound_tm_frame_of_somebody_else_is_refused(octet: int, mask: int, reason: str) -> None:
    (frame,) = TmFramer().frames(telemetry(40), Clcw())
    other = bytearray(frame)
    other[octet] ^= mask
    assert reason_of(decode_tm_frame, repaired(other)) == reason


@pytest.mark.requirement("S3")
@given(st.lists(st.lists(st.integers(0, 1002), max_size=12), min_size=1, max_size=12))
def test_packets_of_any_length_pass_through_frames(ticks: list[list[int]]) -> None:
    # Each tick flushes its frames: packets span frames, gaps below 7 octets occur, idle packets run over.
    framer, extractor, sent, got = TmFramer(), PacketExtractor(), [], []
    for sizes in ticks:
        packets = telemetry(*sizes)
        sent += packets
        for octets in framer.frames(packets, Clcw()):
            got += extractor.push(decode_tm_frame(octets))
    assert got == sent
    assert extractor.dropped == {}
    assert extractor.frames_missing == 0


@given(
    st.lists(st.integers(0, 1002), min_size=30, max_size=60),
    st.sets(st.integers(0, 40), max_size=10),
)
def test_a_lost_frame_costs_its_own_packets_only(sizes: list[int], lost: set[int]) -> None:
    packets = telemetry(*sizes)
    octets = TmFramer().frames(packets, Clcw())
    extractor, got = PacketExtractor(), []
    for index, frame in enumerate(octets):
        if index not in lost:
            got += extractor.push(decode_tm_frame(frame))
    ends = list(accumulate(map(len, packets)))
    edges = [(end - len(packet), end) for packet, end in zip(packets, ends, strict=True)]
    whole = [
        packet
        for packet, (first, last) in zip(packets, edges, strict=True)
        if not any(first < 1103 * (n + 1) and last > 1103 * n for n in lost)
    ]
    assert got == whole


@pytest.mark.requirement("S3")
@given(
    st.lists(st.integers(0, 1002), min_size=30, max_size=60),
    st.integers(0, 250),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_a_frame_that_others_overtook_is_not_missing(
    sizes: list[int], first: int, apart: int, chance: random.Random
) -> None:
    # Every packet is flushed, so that most lie whole in a frame; the last frames keep their places.
    framer, octets, whole = TmFramer(channel_count=first), [], []
    for packet in telemetry(*sizes):
        made = framer.frames([packet], Clcw())
        octets += made
        whole += [packet] * (len(made) == 1)
    places = sorted(range(len(octets) - 10), key=lambda place: place + chance.uniform(0, apart))
    extractor, got = PacketExtractor(), []
    got += extractor.push(decode_tm_frame(octets[0]))
    places.remove(0)
    for place in [*places, *range(len(octets) - 10, len(octets))]:
        got += extractor.push(decode_tm_frame(octets[place]))
    assert extractor.frames_missing == 0
    assert set(whole) <= set(got)
    assert len(got) == len(set(got))
    assert extractor.awaited == []


@given(
    st.lists(
        st.tuples(
            st.integers(0, 255),
            st.one_of(st.integers(0, 1102), st.sampled_from([2046, 2047])),
            st.binary(min_size=40, max_size=60),
        ),
        max_size=20,
    )
)
def test_hostile_data_fields_cannot_crash_or_grow_the_extractor(
    content: list[tuple[int, int, bytes]],
) -> None:
    extractor = PacketExtractor()
    for count, pointer, data in content:
        frame = TmFrame(0, 0, count, pointer, (data * 30)[:1103], Clcw())
        for packet in extractor.push(frame):
            assert 7 <= len(packet) <= 1024
        assert len(extractor.partial) <= 65542


def test_a_pointer_that_contradicts_the_packets_costs_the_packet_and_resynchronises() -> None:
    first, second = TmFramer().frames(telemetry(700, 700), Clcw())
    wrong = bytearray(second)
    pointer = int.from_bytes(wrong[4:6], "big") & 0x7FF
    wrong[4:6] = (0x1800 | pointer + 1).to_bytes(2, "big")
    extractor = PacketExtractor()
    assert len(extractor.push(decode_tm_frame(first))) == 1
    assert extractor.push(decode_tm_frame(repaired(wrong))) == []
    assert extractor.dropped["pointer"] == 1
