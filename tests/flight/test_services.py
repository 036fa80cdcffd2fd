"""Answers and telecommands of the PUS services: what is written is read again, anything else is refused."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight import dictionary, packets, services
from flight.frames import crc16
from flight.packets import PacketError, TmPacket
from flight.services import Activity

SECOND_NS = 1_000_000_000
KNOWN = [(3, 10), (5, 8), (6, 6), (6, 10), (9, 2), (11, 10), (11, 13), (15, 13), (17, 4), (20, 2)]


def read(service: int, subtype: int, data: bytes) -> services.ServiceReport:
    return services.decode_report(TmPacket(service, subtype, 0, data))


def ping(sequence: int = 1) -> bytes:
    return packets.encode_tc_packet(packets.encode_command("ping", {}, sequence=sequence))


def test_every_answer_is_read_field_by_field() -> None:
    first, second = list(dictionary.PARAMETERS.values())[:2]
    structure = struct.pack(">HBIHHHH", 200, 1, 500, 3, first.id, 65_000, second.id)
    assert read(3, 10, structure) == services.Structure(
        200, True, 500, (first.name, "parameter_65000", second.name)
    )
    assert read(5, 8, bytes([0, 2, 0, 7, 1, 0])) == services.DisabledEvents((7, 256))
    dump = struct.pack(">BIH", 1, 70_000, 3) + b"abc" + crc16(b"abc").to_bytes(2, "big")
    assert read(6, 6, dump) == services.MemoryDump(1, 70_000, b"abc")
    assert read(6, 10, struct.pack(">BIIH", 2, 5, 100_000, 0xABCD)) == services.MemoryCheck(
        2, 5, 100_000, 0xABCD
    )
    time = packets.encode_time(5 * SECOND_NS)
    assert read(9, 2, bytes([3, 77]) + time) == services.TimeReport(3, 77, 5 * SECOND_NS)
    detail = bytes([2]) + time + ping(1) + time + ping(2)
    assert read(11, 10, detail) == services.ScheduleDetail(
        (Activity(5 * SECOND_NS, ping(1)), Activity(5 * SECOND_NS, ping(2)))
    )
    summary = bytes([1, 1]) + time + bytes([0x18, 0x64, 0xE0, 1]) + bytes([2])
    assert read(11, 13, summary) == services.ScheduleSummary(True, ((5 * SECOND_NS, 0x1864E001, 2),))
    assert read(15, 13, struct.pack(">BB6QI", 2, 1, 3, 9, 8, 4, 1_000, 2_000, 7)) == (
        services.StorageSummary(2, True, 3, 9, 8, 4, 1_000, 2_000, 7)
    )
    assert read(17, 4, bytes([0, 100])) == services.Connection(100)
    setting = dictionary.SETTINGS["schedule_window_s"]
    values = struct.pack(">HHd", setting.id, 1, 60.0)
    assert read(20, 2, values) == services.SettingReport(setting.id, "schedule_window_s", (60.0,))


@given(st.sampled_from(KNOWN), st.binary(max_size=200))
def test_octets_are_read_or_refused_and_never_in_part(which: tuple[int, int], data: bytes) -> None:
    with suppress(PacketError):
        assert read(*which, data) is not None
        for cut in (data[:-1], data + b"\0"):
            with pytest.raises(PacketError):
                read(*which, cut)


def test_a_damaged_dump_is_refused() -> None:
    dump = bytearray(struct.pack(">BIH", 1, 0, 3) + b"abc" + crc16(b"abc").to_bytes(2, "big"))
    dump[8] ^= 1
    with pytest.raises(PacketError, match="checksum"):
        read(6, 6, bytes(dump))


@pytest.mark.requirement("L2.6")
def test_a_time_tagged_telecommand_is_a_packet_in_a_packet_with_a_request_id_of_its_own() -> None:
    outer = services.make_command("set_mode", {"mode": 3}, sequence=5, execute_at_ns=90 * SECOND_NS)
    assert (outer.service, outer.subtype, outer.sequence, outer.data[0]) == (11, 4, 5, 1)
    assert packets.decode_time(outer.data[1:8]) == 90 * SECOND_NS
    inner = packets.decode_tc_packet(outer.data[8:])
    assert (inner.service, inner.subtype, inner.data) == (8, 1, bytes([0, 2, 3]))
    assert inner.request_id == outer.request_id | services.SCHEDULED_SEQUENCE
    assert services.make_command("ping", {}, sequence=8_197).sequence == 5


def test_what_cannot_be_time_tagged_or_loaded_says_why() -> None:
    with pytest.raises(ValueError, match="cannot itself be time-tagged"):
        services.make_command("enable_schedule", {}, sequence=0, execute_at_ns=SECOND_NS)
    with pytest.raises(ValueError, match="is not negative"):
        services.make_command("ping", {}, sequence=0, execute_at_ns=-1)
    with pytest.raises(ValueError, match="1 to 32 activities, not 0"):
        services.insert_activities([], sequence=0)
    with pytest.raises(ValueError, match="at most 96 octets, not 97"):
        services.insert_activities([Activity(0, bytes(97))], sequence=0)
    with pytest.raises(ValueError, match="1 to 900 octets, not 0"):
        services.load_memory(1, 0, b"", sequence=0)
    with pytest.raises(ValueError, match="carries octets"):
        packets.encode_command("insert_activities", {"activities": 1}, sequence=0)


def test_arguments_in_groups_come_behind_their_count() -> None:
    assert packets.encode_command("enable_housekeeping", {"structure": 9}, sequence=0).data == bytes([1, 9])
    dump = packets.encode_command("dump_memory", {"area": 2, "offset": 3, "length": 4}, sequence=0)
    assert dump.data == bytes([2, 1, 0, 0, 0, 3, 0, 4])
    several = packets.encode_command("enable_housekeeping", {"structure": [1, 130]}, sequence=0)
    assert several.data == bytes([2, 1, 130])
    ranges = {"area": 2, "offset": [3, 258], "length": 4}  # what is no list holds for every group
    assert packets.encode_command("dump_memory", ranges, sequence=0).data == bytes(
        [2, 2, 0, 0, 0, 3, 0, 4, 0, 0, 1, 2, 0, 4]
    )


def test_dangerous_telecommands_and_their_modes_are_in_the_dictionary() -> None:
    load = dictionary.TELECOMMANDS["load_memory"]
    assert load.dangerous
    assert load.modes == ("SAFE", "STANDBY", "DOWNLINK")
    assert not dictionary.TELECOMMANDS["ping"].dangerous
    assert dictionary.TELECOMMANDS["ping"].modes == ()
