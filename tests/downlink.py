"""The satellite's side of the downlink for tests: telemetry packets, their data, and idle frames."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from flight import dictionary
from flight.arguments import BIG_ENDIAN
from flight.frames import PACKET_HEADER_OCTETS, crc16
from flight.packets import GROUND_ID, PUS_VERSION, TmPacket, Verification, encode_time
from flight.tm_frames import (
    IDLE_CHANNEL,
    POINTER_IDLE,
    TM_DATA_OCTETS,
    TM_PACKET_OCTETS_MAX,
    Clcw,
    TmFrame,
    encode_tm_frame,
)

_HEADER = struct.Struct(">HHH")
_TM_SECONDARY = struct.Struct(">BBBHH7s")
_TM_OVERHEAD = PACKET_HEADER_OCTETS + _TM_SECONDARY.size + 2


def encode_tm_packet(packet: TmPacket) -> bytes:
    """The octets of a telemetry packet; raises ValueError above 1,024."""
    total = _TM_OVERHEAD + len(packet.data)
    if total > TM_PACKET_OCTETS_MAX:
        raise ValueError(f"a telemetry packet has at most {TM_PACKET_OCTETS_MAX} octets, not {total}")
    header = _HEADER.pack(
        0b01 << 11 | packet.apid, 0b11 << 14 | packet.sequence & 0x3FFF, total - PACKET_HEADER_OCTETS - 1
    )
    secondary = _TM_SECONDARY.pack(
        PUS_VERSION << 4,
        packet.service,
        packet.subtype,
        packet.message_counter & 0xFFFF,
        GROUND_ID,
        encode_time(packet.time_ns),
    )
    body = header + secondary + packet.data
    return body + crc16(body).to_bytes(2, "big")


def encode_verification(report: Verification) -> bytes:
    """The data of a TM[1,x]."""
    data = report.request_id.to_bytes(4, "big")
    if report.subtype in (5, 6):
        data += bytes([report.step])
    return data + struct.pack(">HI", report.failure_code, report.failure_parameter) if report.failed else data


def encode_event(event_id: int, counter: int, arguments: tuple[float, ...]) -> bytes:
    """The data of a TM[5,x]."""
    return struct.pack(f">HH{len(arguments)}f", event_id, counter & 0xFFFF, *arguments)


def encode_housekeeping(structure: int, values: Mapping[str, float | list[float]]) -> bytes:
    """The data of a TM[3,25]; parameters left out are 0."""
    data = structure.to_bytes(2, "big")
    for parameter in dictionary.PARAMETERS.values():
        if parameter.structure != structure:
            continue
        value = values.get(parameter.name, [0] * parameter.count if parameter.shape else 0)
        numbers = value if isinstance(value, list) else [value]
        if parameter.type[0] != "f":
            numbers = [int(number) for number in numbers]
        data += struct.pack(f">{parameter.count}{BIG_ENDIAN[parameter.type]}", *numbers)
    return data


def idle_frame(master_count: int, channel_count: int, clcw: Clcw, data_octets: int = TM_DATA_OCTETS) -> bytes:
    """A frame of the idle channel, sent for its CLCW when no packet waits."""
    frame = TmFrame(IDLE_CHANNEL, master_count, channel_count, POINTER_IDLE, bytes(data_octets), clcw)
    return encode_tm_frame(frame, data_octets)
