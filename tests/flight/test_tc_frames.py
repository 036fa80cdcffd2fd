"""TC frames: round trips through sealing and opening, segments, and every way in which one is wrong.

Exact equality everywhere: these are octets. The seal is checked against `cryptography`, called by itself.
"""

from __future__ import annotations

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from flight.frames import FrameError, crc16
from flight.tc_frames import (
    SEGMENT_OCTETS_MAX,
    SegmentFlag,
    TcFrame,
    clear_octets,
    parse,
    segment_packet,
    set_expected_frame,
    unlock_frame,
)
from ground.security import seal_frame
from tests.uplink import RING, open_frame, repaired, sealed_frame

PING = TcFrame("AD", bytes(range(20)), 77)


def reason_of(octets: bytes) -> str:
    with pytest.raises(FrameError) as caught:
        open_frame(RING, octets)
    return caught.value.reason


frames = st.one_of(
    st.builds(
        TcFrame,
        st.just("AD"),
        st.binary(min_size=1, max_size=218),
        st.integers(0, 255),
        st.sampled_from(list(SegmentFlag)),
    ),
    st.builds(
        TcFrame,
        st.just("BD"),
        st.binary(min_size=1, max_size=218),
        st.just(0),
        st.sampled_from(list(SegmentFlag)),
    ),
    st.just(unlock_frame()),
    st.builds(set_expected_frame, st.integers(0, 255)),
)


@pytest.mark.requirement("L2.3", "S3")
@given(frames, st.sampled_from(list(RING.keys)), st.integers(1, 2**64 - 1))
def test_frames_come_back_as_they_were(frame: TcFrame, key_id: int, counter: int) -> None:
    octets = seal_frame(RING, frame, key_id=key_id, counter=counter)
    assert len(octets) == len(frame.data) + (37 if frame.kind == "BC" else 38) <= 256
    assert open_frame(RING, octets) == (frame, counter)
    assert (parse(octets).key_id, parse(octets).counter) == (key_id, counter)


def test_a_frame_is_laid_out_as_docs_wire_has_it() -> None:
    octets = seal_frame(RING, PING, key_id=2, counter=0x0102030405060708)
    header = struct.pack(">HHBB", 0x015A, 38 + 20 - 1, 77, 0xC0)
    nonce = b"TC\0\0" + bytes(range(1, 9))
    associated = header + b"\0\2" + nonce
    body = associated + AESGCM(RING.keys[2]).encrypt(nonce, PING.data, associated)
    assert octets == body + crc16(body).to_bytes(2, "big")
    assert clear_octets(PING) == header + PING.data
    assert seal_frame(RING, unlock_frame(), key_id=1, counter=1)[:5] == struct.pack(">HHB", 0x315A, 37, 0)
    assert set_expected_frame(200).data == b"\x82\0\xc8"


@pytest.mark.requirement("L2.3")
@given(st.binary(min_size=1, max_size=1024))
def test_segments_make_up_the_packet_in_order(packet: bytes) -> None:
    parts = segment_packet(packet, "AD")
    assert b"".join(part.data for part in parts) == packet
    assert all(1 <= len(part.data) <= SEGMENT_OCTETS_MAX == 218 for part in parts)
    flags = [part.segment for part in parts]
    if len(parts) == 1:
        assert flags == [SegmentFlag.WHOLE]
    else:
        assert flags[0] == SegmentFlag.FIRST
        assert flags[-1] == SegmentFlag.LAST
        assert set(flags[1:-1]) <= {SegmentFlag.CONTINUING}


def test_what_does_not_fit_is_refused() -> None:
    for size in (0, 1025):
        with pytest.raises(ValueError, match="1 to 1024 octets"):
            segment_packet(bytes(size))
    for size in (0, 219):
        with pytest.raises(ValueError, match="1 to 218 octets"):
            sealed_frame(TcFrame("BD", bytes(size)))
    for counter in (0, 2**64):
        with pytest.raises(ValueError, match="counter"):
            sealed_frame(PING, counter=counter)


@given(st.binary(max_size=1400))
def test_no_octets_crash_the_reader(octets: bytes) -> None:
    with pytest.raises(FrameError):
        open_frame(RING, octets)


def test_every_truncation_and_every_flipped_bit_is_refused_with_and_without_a_fitting_crc() -> None:
    frame = sealed_frame(PING)
    for length in range(len(frame)):
        assert reason_of(frame[:length]) == "length"
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        assert reason_of(bytes(flipped)) in ("fecf", "length")
        if bit < 8 * (len(frame) - 2):
            assert reason_of(repaired(bytes(flipped))) not in ("fecf", "map")


@pytest.mark.parametrize(
    ("octet", "mask", "reason"),
    [
        (0, 0x80, "version"),
        (0, 0x08, "version"),
        (1, 0x01, "scid"),
        (2, 0x04, "vcid"),
        (3, 0x01, "length"),
        (0, 0x10, "type"),
        (7, 0x80, "key_unknown"),
        (8, 0x01, "iv"),
        (0, 0x20, "mac"),  # an AD frame made to bypass
        (4, 0x01, "mac"),  # N(S)
        (5, 0x40, "mac"),  # segment header
        (7, 0x03, "mac"),  # another key that there is
        (19, 0xFF, "mac"),  # counter
        (20, 0x01, "mac"),
        (-3, 0x01, "mac"),
    ],
)
def test_a_sound_frame_of_somebody_else_is_refused(octet: int, mask: int, reason: str) -> None:
    other = bytearray(sealed_frame(PING, key_id=1))
    other[octet] ^= mask
    assert reason_of(repaired(bytes(other))) == reason


def test_a_frame_too_short_for_a_seal_and_one_for_another_map_are_refused() -> None:
    for total in range(9, 39):
        body = struct.pack(">HHBB", 0x215A, total - 1, 0, 0xC0) + bytes(total - 8)
        assert reason_of(body + crc16(body).to_bytes(2, "big")) == "header"
    header = struct.pack(">HHBB", 0x215A, 38, 0, 0xC1)
    nonce = b"TC\0\0" + bytes(7) + b"\1"
    body = header + b"\0\1" + nonce + AESGCM(RING.keys[1]).encrypt(nonce, b"x", header + b"\0\1" + nonce)
    assert reason_of(body + crc16(body).to_bytes(2, "big")) == "map"
