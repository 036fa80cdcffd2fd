"""Packets and PUS services, against spacepackets (an independent one) and against hostile octets."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss import PusTc, PusTm
from spacepackets.ecss.pus_17_test import Service17Tm

from flight import dictionary, packets
from flight.frames import crc16
from flight.packets import PacketError, TcPacket, TmPacket
from tests.downlink import encode_event, encode_housekeeping, encode_tm_packet, encode_verification

YEAR_NS = 366 * 86_400 * 1_000_000_000


def reason_of(decode: object, octets: object) -> str:
    with pytest.raises(PacketError) as caught:
        decode(octets)  # type: ignore[operator]
    return caught.value.reason


@pytest.mark.requirement("S3")
@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=200),
    st.integers(0, 16383),
    st.integers(0, 15),
)
def test_telecommands_against_spacepackets(
    service: int, subtype: int, data: bytes, sequence: int, acknowledge: int
) -> None:
    ours = TcPacket(service, subtype, data, sequence, acknowledge)
    theirs = PusTc(
        service=service,
        message_subtype=subtype,
        apid=100,
        app_data=data,
        seq_count=sequence,
        source_id=1,
        ack_flags=acknowledge,
    )
    octets = packets.encode_tc_packet(ours)
    assert octets == bytes(theirs.pack())
    assert packets.decode_tc_packet(octets) == ours
    assert ours.request_id == int.from_bytes(octets[:4], "big")


@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=1002),
    st.integers(0, 16383),
    st.integers(0, 65535),
    st.integers(0, YEAR_NS),
)
def test_telemetry_against_spacepackets(
    service: int, subtype: int, data: bytes, sequence: int, counter: int, time_ns: int
) -> None:
    ours = TmPacket(service, subtype, time_ns, data, sequence, counter)
    theirs = PusTm(
        service=service,
        message_subtype=subtype,
        timestamp=packets.encode_time(time_ns),
        apid=100,
        source_data=data,
        seq_count=sequence,
        message_counter=counter,
        destination_id=1,
    )
    octets = encode_tm_packet(ours)
    assert octets == bytes(theirs.pack())
    back = packets.decode_tm_packet(octets)
    # The fraction's last bit is 2^-24 s, 59.6 ns, and is cut off.
    assert 0 <= time_ns - back.time_ns < 60
    assert back.data == data
    assert (back.service, back.subtype, back.sequence, back.message_counter) == (
        service,
        subtype,
        sequence,
        counter,
    )


def test_pong_is_one_for_spacepackets() -> None:
    octets = encode_tm_packet(TmPacket(17, 2, 86_400_000_000_000))
    assert Service17Tm.unpack(octets, timestamp_len=7).pus_tm.message_subtype == 2


def test_time_code_of_a_day_and_a_half_second() -> None:
    assert packets.encode_time(86_400_500_000_000).hex() == "00015180" + "800000"
    assert packets.encode_time(-1) == bytes(7)
    assert packets.encode_time((2**32 + 5) * 1_000_000_000).hex() == "00000005" + "000000"


@given(st.binary(max_size=1100))
def test_octets_raise_packet_error_or_nothing(octets: bytes) -> None:
    sound = octets + crc16(octets).to_bytes(2, "big")
    for candidate in (octets, sound):
        for decode in (packets.decode_tm_packet, packets.decode_tc_packet):
            with suppress(PacketError):
                decode(candidate)


@given(st.sampled_from([1, 3, 5]), st.integers(0, 255), st.binary(max_size=600))
def test_content_raises_packet_error_or_nothing(service: int, subtype: int, data: bytes) -> None:
    decode = {1: packets.decode_verification, 3: packets.decode_housekeeping, 5: packets.decode_event}[
        service
    ]
    with suppress(PacketError):
        decode(TmPacket(service, subtype, 0, data))


def test_every_truncation_and_every_flipped_bit_of_a_packet_is_refused() -> None:
    octets = packets.encode_tc_packet(packets.encode_command("set_mode", {"mode": 3}, sequence=9))
    for length in range(len(octets)):
        assert reason_of(packets.decode_tc_packet, octets[:length]) == "length"
    for bit in range(8 * len(octets)):
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        assert reason_of(packets.decode_tc_packet, bytes(flipped)) in ("crc", "header", "length")


@pytest.mark.requirement("L2.2")
def test_housekeeping_holds_every_parameter_of_the_dictionary() -> None:
    of_structure = [p for p in dictionary.PARAMETERS.values() if p.structure == 1]
    sent = {
        p.name: [float(i + p.id % 100) for i in range(p.count)] if p.shape else float(p.id % 100)
        for p in of_structure
    }
    data = encode_housekeeping(1, sent)
    assert len(data) == 2 + sum(p.count * dictionary.TYPE_OCTETS[p.type] for p in of_structure)
    report = packets.decode_housekeeping(TmPacket(3, 25, 0, data))
    assert report.values == sent
    assert [*report.values] == [p.name for p in sorted(of_structure, key=lambda p: p.id)]
    assert reason_of(packets.decode_housekeeping, TmPacket(3, 25, 0, data[:-1])) == "data"
    assert reason_of(packets.decode_housekeeping, TmPacket(3, 25, 0, b"\xff\xff" + data[2:])) == "data"


def test_a_value_that_is_not_finite_becomes_none() -> None:
    name = next(p.name for p in dictionary.PARAMETERS.values() if p.type == "f32" and not p.shape)
    data = encode_housekeeping(1, {name: float("nan")})
    assert packets.decode_housekeeping(TmPacket(3, 25, 0, data)).values[name] is None


@given(st.sampled_from(sorted(dictionary.EVENTS)), st.integers(0, 65535), st.data())
def test_events_come_back_with_their_arguments_by_name(
    event_id: int, counter: int, data: st.DataObject
) -> None:
    event = dictionary.EVENTS[event_id]
    values = tuple(
        data.draw(st.floats(width=32, allow_nan=False, allow_infinity=False)) for _ in event.arguments
    )
    content = encode_event(event_id, counter, values)
    read = packets.decode_event(TmPacket(5, event.severity, 0, content))
    assert (read.id, read.name, read.counter) == (event_id, event.name, counter)
    assert tuple(read.arguments.values()) == values
    assert tuple(read.arguments) == event.arguments
    assert reason_of(packets.decode_event, TmPacket(5, event.severity % 4 + 1, 0, content)) == "data"


def test_an_event_that_the_dictionary_does_not_know_is_kept_by_number() -> None:
    read = packets.decode_event(TmPacket(5, 4, 0, encode_event(65535, 7, (1.0,))))
    assert (read.name, read.severity, read.arguments) == ("event_65535", 4, {})


@given(
    st.integers(1, 8),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
)
def test_verification_reports_come_back(
    subtype: int, request_id: int, code: int, parameter: int, step: int
) -> None:
    failed = subtype in (2, 4, 6, 8)
    report = packets.Verification(
        subtype,
        request_id,
        code if failed else 0,
        parameter if failed else 0,
        step if subtype in (5, 6) else 0,
    )
    data = encode_verification(report)
    assert packets.decode_verification(TmPacket(1, subtype, 0, data)) == report
    assert report.failed == failed


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("pong", {}, "unknown telecommand 'pong'; there are"),
        ("ping", {"x": 1}, "ping: there is no argument 'x'; its arguments are none"),
        ("set_mode", {}, "set_mode: the argument 'mode' is missing"),
        ("set_mode", {"mode": 99}, "set_mode: mode is 99; it must lie between 2 and 8"),
        ("set_mode", {"mode": 2.5}, "mode is 2.5; it must be a whole number"),
        ("set_mode", {"mode": float("nan")}, "mode is nan; it must lie between 2 and 8"),
    ],
)
def test_a_wrong_command_says_what_would_be_right(
    name: str, arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        packets.encode_command(name, arguments, sequence=0)
