"""Answers of the PUS services beyond verification, housekeeping and events; telecommands that carry octets.

Laid out in docs/wire.md: structures (TM[3,10]), memory (6,6 and 6,10), time (9,2), the schedule (11,10 and
11,13), storage (15,13), the connection test (17,4), settings (20,2) and files (23,13). Answers are hostile
octets: one that does not fit is refused with a `PacketError`. Telecommands: activities of the schedule
(TC[11,4]); the others are made by `flight.packets.encode_command`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from flight import dictionary
from flight.arguments import Arguments
from flight.frames import crc16
from flight.packets import (
    PacketError,
    TcPacket,
    TmPacket,
    decode_time,
    encode_command,
    encode_tc_packet,
    encode_time,
)

ACTIVITY_OCTETS_MAX = 96
"""The longest telecommand packet that can be time-tagged."""
SCHEDULE_CAPACITY = 32
TIME_BASED_SCHEDULING = 11
SCHEDULED_SEQUENCE = 0x2000
"""Set in the sequence count of a time-tagged packet, so that its request id is not that of its TC[11,4]."""


@dataclass(frozen=True, slots=True)
class Structure:
    """TM[3,10]: what a housekeeping structure holds, by the names that the dictionary has for its ids."""

    structure: int
    enabled: bool
    interval_ms: int
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisabledEvents:
    """TM[5,8]: the ids of events that are not reported."""

    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MemoryDump:
    """TM[6,6]: octets of a memory area."""

    area: int
    offset: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class MemoryCheck:
    """TM[6,10]: the CRC-16 of a range of a memory area."""

    area: int
    offset: int
    length: int
    checksum: int


@dataclass(frozen=True, slots=True)
class TimeReport:
    """TM[9,2]: on-board time, and the frame count of the virtual channel 0 frame that is next to leave."""

    exponent: int
    frame_count: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Activity:
    """A time-tagged telecommand: when it is to be released, and its packet."""

    time_ns: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class ScheduleDetail:
    """TM[11,10]: a part of the schedule, packets and all."""

    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True)
class ScheduleSummary:
    """TM[11,13]: of every activity its time, request id and state (1 waiting, 2 about to be executed)."""

    enabled: bool
    activities: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class StorageSummary:
    """TM[15,13]: what mass memory holds of a stream, in record numbers and octets."""

    stream: int
    enabled: bool
    first: int
    next: int
    sent: int
    acknowledged: int
    octets: int
    quota_octets: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Connection:
    """TM[17,4]: the application answers."""

    apid: int


@dataclass(frozen=True, slots=True)
class SettingReport:
    """TM[20,2]: every value of a setting; an unknown one has the name `setting_<id>`."""

    id: int
    name: str
    values: tuple[float, ...]


class FileState(IntEnum):
    """How far a file of mass memory is."""

    WRITTEN = 0
    SEALED = 1
    DELIVERED = 2


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of mass memory; its CRC-32 is 0 until it is sealed."""

    id: int
    length: int
    crc: int
    kind: int
    state: FileState


@dataclass(frozen=True, slots=True)
class FileList:
    """TM[23,13]: a part of mass memory's directory, from a place on, and how many files there are."""

    files_held: int
    place: int
    files: tuple[HeldFile, ...]


ServiceReport = (
    Structure
    | DisabledEvents
    | MemoryDump
    | MemoryCheck
    | TimeReport
    | ScheduleDetail
    | ScheduleSummary
    | StorageSummary
    | Connection
    | SettingReport
    | FileList
)

_PARAMETER_NAMES = {parameter.id: parameter.name for parameter in dictionary.PARAMETERS.values()}
_SETTING_NAMES = {setting.id: setting.name for setting in dictionary.SETTINGS.values()}


class _Reader:
    """Takes big-endian fields off octets; raises PacketError when there are too few."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise PacketError("data", f"{len(self._data)} octets of data are too few")
        self._at += count
        return taken

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def time_ns(self) -> int:
        return decode_time(self.take(7))

    def end(self) -> None:
        if self._at != len(self._data):
            raise PacketError("data", f"{len(self._data) - self._at} octets of data are too many")


def _structure(data: _Reader) -> Structure:
    number, enabled, interval_ms, count = (data.number(octets) for octets in (2, 1, 4, 2))
    ids = [data.number(2) for _ in range(count)]
    names = tuple(_PARAMETER_NAMES.get(one, f"parameter_{one}") for one in ids)
    return Structure(number, bool(enabled), interval_ms, names)


def _disabled_events(data: _Reader) -> DisabledEvents:
    return DisabledEvents(tuple(data.number(2) for _ in range(data.number(2))))


def _memory_dump(data: _Reader) -> MemoryDump:
    area, offset, length = (data.number(octets) for octets in (1, 4, 2))
    octets = data.take(length)
    if crc16(octets) != data.number(2):
        raise PacketError("data", "the checksum of a memory dump does not fit")
    return MemoryDump(area, offset, octets)


def _memory_check(data: _Reader) -> MemoryCheck:
    return MemoryCheck(*(data.number(octets) for octets in (1, 4, 4, 2)))


def _time_report(data: _Reader) -> TimeReport:
    return TimeReport(data.number(1), data.number(1), data.time_ns())


def _schedule_detail(data: _Reader) -> ScheduleDetail:
    activities = []
    for _ in range(data.number(1)):
        time_ns, header = data.time_ns(), data.take(6)
        activities.append(Activity(time_ns, header + data.take(int.from_bytes(header[4:], "big") + 1)))
    return ScheduleDetail(tuple(activities))


def _schedule_summary(data: _Reader) -> ScheduleSummary:
    enabled, count = data.number(1), data.number(1)
    return ScheduleSummary(
        bool(enabled), tuple((data.time_ns(), data.number(4), data.number(1)) for _ in range(count))
    )


def _storage_summary(data: _Reader) -> StorageSummary:
    stream, enabled = data.number(1), bool(data.number(1))
    first, following, sent, acknowledged, octets, quota_octets = (data.number(8) for _ in range(6))
    given_up = data.number(4)
    return StorageSummary(
        stream, enabled, first, following, sent, acknowledged, octets, quota_octets, given_up
    )


def _connection(data: _Reader) -> Connection:
    return Connection(data.number(2))


def _settings(data: _Reader) -> SettingReport:
    number, count = data.number(2), data.number(2)
    values = struct.unpack(f">{count}d", data.take(8 * count))
    return SettingReport(number, _SETTING_NAMES.get(number, f"setting_{number}"), values)


def _file_list(data: _Reader) -> FileList:
    held, place, count = data.number(2), data.number(2), data.number(1)
    files = []
    for _ in range(count):
        file, length, crc, kind, state = (data.number(octets) for octets in (4, 4, 4, 1, 1))
        if state > FileState.DELIVERED:
            raise PacketError("data", f"a file in the unknown state {state}")
        files.append(HeldFile(file, length, crc, kind, FileState(state)))
    return FileList(held, place, tuple(files))


_DECODERS: dict[tuple[int, int], Callable[[_Reader], ServiceReport]] = {
    (3, 10): _structure,
    (5, 8): _disabled_events,
    (6, 6): _memory_dump,
    (6, 10): _memory_check,
    (9, 2): _time_report,
    (11, 10): _schedule_detail,
    (11, 13): _schedule_summary,
    (15, 13): _storage_summary,
    (17, 4): _connection,
    (20, 2): _settings,
    (23, 13): _file_list,
}


def is_known(packet: TmPacket) -> bool:
    """Whether `decode_report` reads packets of this service and subtype."""
    return (packet.service, packet.subtype) in _DECODERS


def decode_report(packet: TmPacket) -> ServiceReport:
    """What such a packet says; raises PacketError `service` for another one, `data` if it does not fit."""
    decoder = _DECODERS.get((packet.service, packet.subtype))
    if decoder is None:
        raise PacketError("service", f"TM[{packet.service},{packet.subtype}] is none of these")
    data = _Reader(packet.data)
    report = decoder(data)
    data.end()
    return report


def insert_activities(activities: Sequence[Activity], *, sequence: int) -> TcPacket:
    """TC[11,4] with these activities; raises ValueError for none, too many or one that is too long."""
    command = dictionary.TELECOMMANDS["insert_activities"]
    if not 1 <= len(activities) <= SCHEDULE_CAPACITY:
        raise ValueError(f"1 to {SCHEDULE_CAPACITY} activities, not {len(activities)}")
    data = bytes([len(activities)])
    for activity in activities:
        if len(activity.packet) > ACTIVITY_OCTETS_MAX:
            raise ValueError(
                f"a time-tagged packet has at most {ACTIVITY_OCTETS_MAX} octets, not {len(activity.packet)}"
            )
        if activity.time_ns < 0:
            raise ValueError(f"a time tag is not negative, as {activity.time_ns} ns is")
        data += encode_time(activity.time_ns) + activity.packet
    return TcPacket(command.service, command.subtype, data, sequence)


def make_command(
    name: str, arguments: Arguments, *, sequence: int, execute_at_ns: int | None = None
) -> TcPacket:
    """A telecommand of the dictionary, within a TC[11,4] if it is to be executed at a time.

    The time counts from the scenario's epoch. A sequence count has 13 bits here: the fourteenth marks the
    time-tagged packet. Raises ValueError as `encode_command` and `insert_activities` do.
    """
    sequence %= SCHEDULED_SEQUENCE
    if execute_at_ns is None:
        return encode_command(name, arguments, sequence=sequence)
    inner = encode_command(name, arguments, sequence=sequence | SCHEDULED_SEQUENCE)
    if inner.service == TIME_BASED_SCHEDULING:
        raise ValueError(f"telecommand {name!r} is about the schedule and cannot itself be time-tagged")
    return insert_activities([Activity(execute_at_ns, encode_tc_packet(inner))], sequence=sequence)


def load_memory(area: int, offset: int, octets: bytes, *, sequence: int) -> TcPacket:
    """TC[6,2] that writes octets into a memory area; raises ValueError for none or more than 900."""
    arguments: Arguments = {"area": area, "offset": offset, "octets": octets.hex()}
    return encode_command("load_memory", arguments, sequence=sequence)
