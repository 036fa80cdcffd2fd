"""Space packets (CCSDS 133.0-B) and the PUS-C services in them (ECSS-E-ST-70-41C), laid out in docs/wire.md.

What a packet means comes from the dictionary. Packets from the link are hostile: one that does not fit is
refused with a `PacketError` that names the reason, under which the receiver counts it.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cache

from flight import dictionary
from flight.arguments import BIG_ENDIAN, Arguments
from flight.arguments import encode as encode_arguments
from flight.dictionary import Parameter
from flight.frames import IDLE_APID, PACKET_HEADER_OCTETS, crc16
from flight.structures import Definitions, is_user
from flight.tc_frames import TC_PACKET_OCTETS_MAX
from flight.tm_frames import TM_PACKET_OCTETS_MAX

FLIGHT_APID = 100
CRITICAL_APID = 101
HOUSEKEEPING_APID = 102
DEBUG_APID = 103
FILE_APID = 110
TM_APIDS = frozenset({FLIGHT_APID, CRITICAL_APID, HOUSEKEEPING_APID, DEBUG_APID})
GROUND_ID = 1
PUS_VERSION = 2
ACKNOWLEDGE_ACCEPTANCE = 1
ACKNOWLEDGE_COMPLETION = 8

_HEADER = struct.Struct(">HHH")
_TM_SECONDARY = struct.Struct(">BBBHH7s")
_TC_SECONDARY = struct.Struct(">BBBH")
_TM_OVERHEAD = PACKET_HEADER_OCTETS + _TM_SECONDARY.size + 2
_TC_OVERHEAD = PACKET_HEADER_OCTETS + _TC_SECONDARY.size + 2
_NS_PER_S = 1_000_000_000

Value = int | float | None
Layout = tuple[struct.Struct, tuple[tuple[str, int, bool, bool], ...]]
"""How a report is packed, and of each parameter name, count, whether it is an array and whether of floats."""
"""A telemetry value as plain JSON knows it: a number that is not finite becomes None."""


class PacketError(ValueError):
    """A packet that is not taken; `reason` is the name under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


def encode_time(time_ns: int) -> bytes:
    """CUC time code, 4 + 3 octets, of nanoseconds since the scenario's epoch (CCSDS 301.0-B, 3.2)."""
    seconds, rest_ns = divmod(max(time_ns, 0), _NS_PER_S)
    return (seconds & 0xFFFFFFFF).to_bytes(4, "big") + ((rest_ns << 24) // _NS_PER_S).to_bytes(3, "big")


def decode_time(code: bytes) -> int:
    """Nanoseconds since the scenario's epoch of a CUC time code, within the code's 60 ns below the time
    encoded.
    """
    return int.from_bytes(code[:4], "big") * _NS_PER_S + -(
        -int.from_bytes(code[4:7], "big") * _NS_PER_S >> 24
    )


@dataclass(frozen=True, slots=True)
class TmPacket:
    """A telemetry packet with its PUS secondary header."""

    service: int
    subtype: int
    time_ns: int
    data: bytes = b""
    sequence: int = 0
    message_counter: int = 0
    apid: int = FLIGHT_APID


@dataclass(frozen=True, slots=True)
class TcPacket:
    """A telecommand packet with its PUS secondary header."""

    service: int
    subtype: int
    data: bytes = b""
    sequence: int = 0
    acknowledge: int = ACKNOWLEDGE_ACCEPTANCE | ACKNOWLEDGE_COMPLETION
    source: int = GROUND_ID
    apid: int = FLIGHT_APID

    @property
    def request_id(self) -> int:
        """What names this telecommand in its verification reports: the first four octets of its header."""
        return (0b11 << 11 | self.apid) << 16 | 0b11 << 14 | self.sequence


def encode_tc_packet(packet: TcPacket) -> bytes:
    """The octets of a telecommand packet; raises ValueError for more than 1,024."""
    total = _TC_OVERHEAD + len(packet.data)
    if total > TC_PACKET_OCTETS_MAX:
        raise ValueError(f"a telecommand packet has at most {TC_PACKET_OCTETS_MAX} octets, not {total}")
    header = _HEADER.pack(
        0b11 << 11 | packet.apid, 0b11 << 14 | packet.sequence & 0x3FFF, total - PACKET_HEADER_OCTETS - 1
    )
    secondary = _TC_SECONDARY.pack(
        PUS_VERSION << 4 | packet.acknowledge, packet.service, packet.subtype, packet.source
    )
    body = header + secondary + packet.data
    return body + crc16(body).to_bytes(2, "big")


def decode_tm_packet(octets: bytes) -> TmPacket:
    """Reads a telemetry packet.

    Raises PacketError with reason `header`, `length`, `apid`, `crc` or `pus`.
    """
    identification, sequence = _check_header(
        octets,
        kind=0b00001,
        overhead=_TM_OVERHEAD,
        most=TM_PACKET_OCTETS_MAX,
        what="telemetry",
        apids=TM_APIDS,
    )
    version, service, subtype, counter, _, code = _TM_SECONDARY.unpack_from(octets, PACKET_HEADER_OCTETS)
    if version >> 4 != PUS_VERSION:
        raise PacketError("pus", f"PUS version {version >> 4}")
    data = bytes(octets[PACKET_HEADER_OCTETS + _TM_SECONDARY.size : -2])
    return TmPacket(
        service, subtype, decode_time(code), data, sequence & 0x3FFF, counter, identification & 0x7FF
    )


def decode_tc_packet(octets: bytes) -> TcPacket:
    """Reads a telecommand packet; raises PacketError as `decode_tm_packet` does."""
    identification, sequence = _check_header(
        octets,
        kind=0b00011,
        overhead=_TC_OVERHEAD,
        most=TC_PACKET_OCTETS_MAX,
        what="telecommand",
        apids=frozenset({FLIGHT_APID}),
    )
    version, service, subtype, source = _TC_SECONDARY.unpack_from(octets, PACKET_HEADER_OCTETS)
    if version >> 4 != PUS_VERSION:
        raise PacketError("pus", f"PUS version {version >> 4}")
    data = bytes(octets[PACKET_HEADER_OCTETS + _TC_SECONDARY.size : -2])
    return TcPacket(service, subtype, data, sequence & 0x3FFF, version & 15, source, identification & 0x7FF)


def _check_header(
    octets: bytes, *, kind: int, overhead: int, most: int, what: str, apids: frozenset[int]
) -> tuple[int, int]:
    if not overhead <= len(octets) <= most:
        raise PacketError("length", f"a {what} packet has {overhead} to {most} octets, not {len(octets)}")
    identification, sequence, length = _HEADER.unpack_from(octets)
    if identification >> 11 != kind or sequence >> 14 != 0b11:
        raise PacketError("header", f"0x{identification:04X} 0x{sequence:04X} is no whole {what} packet")
    if length != len(octets) - PACKET_HEADER_OCTETS - 1:
        raise PacketError("length", f"length field {length} in a packet of {len(octets)} octets")
    if crc16(octets) != 0:
        raise PacketError("crc", "the packet error control does not fit")
    apid = identification & 0x7FF
    if apid not in apids:
        raise PacketError("apid", "an idle packet" if apid == IDLE_APID else f"unknown APID {apid}")
    return identification, sequence


def encode_command(name: str, arguments: Arguments, *, sequence: int) -> TcPacket:
    """The telecommand of the dictionary with that name.

    Raises ValueError, naming what is wrong, for an unknown name or arguments that cannot be sent.
    """
    command = dictionary.TELECOMMANDS.get(name)
    if command is None:
        raise ValueError(
            f"unknown telecommand {name!r}; there are {', '.join(sorted(dictionary.TELECOMMANDS))}"
        )
    data = command.id.to_bytes(2, "big") if command.service == 8 else b""
    data += encode_arguments(command, arguments)
    return TcPacket(command.service, command.subtype, data, sequence)


@dataclass(frozen=True, slots=True)
class Verification:
    """A PUS 1 report: how far a telecommand got; `step` in progress reports alone."""

    subtype: int
    request_id: int
    failure_code: int = 0
    failure_parameter: int = 0
    step: int = 0

    @property
    def failed(self) -> bool:
        """Whether it reports a failure."""
        return self.subtype % 2 == 0


@dataclass(frozen=True, slots=True)
class Event:
    """A PUS 5 event; one that the dictionary does not know has the name `event_<id>` and no arguments."""

    id: int
    name: str
    severity: int
    counter: int
    arguments: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """A PUS 3 report: every parameter of a structure, an array as a list."""

    structure: int
    values: dict[str, Value | list[Value]]


def decode_verification(packet: TmPacket) -> Verification:
    """Reads a TM[1,1] to TM[1,8]; raises PacketError `data` otherwise."""
    subtype, data = packet.subtype, packet.data
    step_octets = 1 if subtype in (5, 6) else 0
    if not 1 <= subtype <= 8 or len(data) != 4 + step_octets + (0 if subtype % 2 else 6):
        raise PacketError("data", f"TM[1,{subtype}] with {len(data)} octets of data")
    code, parameter = (0, 0) if subtype % 2 else struct.unpack_from(">HI", data, 4 + step_octets)
    return Verification(
        subtype, int.from_bytes(data[:4], "big"), code, parameter, data[4] if step_octets else 0
    )


def decode_event(packet: TmPacket) -> Event:
    """Reads a TM[5,x]; raises PacketError `data` if it contradicts the dictionary."""
    if len(packet.data) < 4 or not 1 <= packet.subtype <= 4:
        raise PacketError("data", f"TM[5,{packet.subtype}] with {len(packet.data)} octets of data")
    event_id, counter = struct.unpack_from(">HH", packet.data)
    known = dictionary.EVENTS.get(event_id)
    if known is None:
        return Event(event_id, f"event_{event_id}", packet.subtype, counter, {})
    if len(packet.data) != 4 + 4 * len(known.arguments) or known.severity != packet.subtype:
        raise PacketError(
            "data", f"event {known.name} as TM[5,{packet.subtype}] with {len(packet.data)} octets of data"
        )
    values = struct.unpack_from(f">{len(known.arguments)}f", packet.data, 4)
    arguments = {name: _plain(value) for name, value in zip(known.arguments, values, strict=True)}
    return Event(event_id, known.name, packet.subtype, counter, arguments)


def structure_octets(structure: int) -> int:
    """How many octets the parameters of a housekeeping structure take; 0 if there is none of that number."""
    return _structure(structure)[0].size


def check_housekeeping(packet: TmPacket, definitions: Definitions | None = None) -> int:
    """The structure of a TM[3,25], its values left alone.

    Raises PacketError `structure` for one that the ground may define and `definitions` do not have, `data` if
    it contradicts the dictionary or its definition.
    """
    structure, _ = _layout_of(packet, definitions)
    return structure


def decode_housekeeping(packet: TmPacket, definitions: Definitions | None = None) -> Housekeeping:
    """Reads a TM[3,25]; raises PacketError as `check_housekeeping` does."""
    structure, (layout, fields) = _layout_of(packet, definitions)
    flat = layout.unpack_from(packet.data, 2)
    values: dict[str, Value | list[Value]] = {}
    first = 0
    for name, count, is_array, is_float in fields:
        numbers: list[Value] = [*flat[first : first + count]]
        if is_float:
            numbers = [_plain(number) for number in flat[first : first + count]]
        values[name] = numbers if is_array else numbers[0]
        first += count
    return Housekeeping(structure, values)


def _layout_of(packet: TmPacket, definitions: Definitions | None) -> tuple[int, Layout]:
    structure = int.from_bytes(packet.data[:2], "big")
    layout = _structure(structure)
    if packet.subtype == 25 and len(packet.data) > 2 and not layout[0].size and is_user(structure):
        parameters = () if definitions is None else definitions.parameters(structure, packet.time_ns)
        if not parameters:
            raise PacketError("structure", f"nobody has said what structure {structure} holds")
        layout = _layout(parameters)
    octets = layout[0].size
    if packet.subtype != 25 or octets == 0 or len(packet.data) != 2 + octets:
        raise PacketError(
            "data", f"TM[3,{packet.subtype}] of structure {structure} with {len(packet.data)} octets of data"
        )
    return structure, layout


@cache  # by its number: hundreds of parameters take longer to hash than a report to read
def _structure(structure: int) -> Layout:
    return _layout(tuple(one for one in dictionary.PARAMETERS.values() if one.structure == structure))


@cache
def _layout(parameters: tuple[Parameter, ...]) -> Layout:
    layout, fields = ">", []
    for parameter in parameters:
        layout += f"{parameter.count}{BIG_ENDIAN[parameter.type]}"
        fields.append((parameter.name, parameter.count, bool(parameter.shape), parameter.type[0] == "f"))
    return struct.Struct(layout), tuple(fields)


def _plain(number: float) -> Value:
    return number if math.isfinite(number) else None
