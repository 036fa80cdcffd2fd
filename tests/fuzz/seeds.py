"""Seeds for the fuzz targets: real frames, packets, PDUs and chunks, made anew each time by what flies.

Nothing of it is kept in git: what a seed is, is read here. `python -m tests.fuzz.write_seeds FOLDER` makes a
folder of them for each target. `native/fuzz/TARGET.cpp` says how its input is laid out, `tests.fuzz.targets`
those of the ground's parsers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from flight import dictionary, services
from flight.cfdp_pdu import (
    GROUND,
    SATELLITE,
    Ack,
    Body,
    ChecksumType,
    Directive,
    Eof,
    FileData,
    Finished,
    Metadata,
    Nak,
    Pdu,
    Prompt,
    encode_pdu,
)
from flight.frames import Delivery, crc16
from flight.packets import TcPacket, encode_command, encode_tc_packet
from flight.tc_frames import TcFrame, clear_octets, segment_packet, set_expected_frame, unlock_frame
from flight.tm_protection import TelemetryProtection
from ground import protocol
from ground.store.journal import record
from tests.flight.conftest import tumbling_frames
from tests.uplink import sealed_frame

_TICKS = 420
_CONTENT = bytes(range(256)) * 8


@cache
def downlink(protection: TelemetryProtection = "none") -> tuple[tuple[bytes, ...], bytes]:
    """TM frames of a computer that has been commanded in contact, and a chunk of its black box."""
    from flight.computer import make_computer

    computer = make_computer(parameters={"radio_silence_s": 0.0}, telemetry_protection=protection)
    sensors = tumbling_frames(_TICKS, receiver_lock=True)
    frames: list[bytes] = []
    asked = [
        packet
        for name, packet in commands().items()
        if name.startswith(("report_", "ping", "test_", "list_", "dump", "check", "request"))
    ]
    for tick in range(_TICKS):
        uplink = []
        if tick > 300 and tick % 4 == 0 and asked:
            uplink = [sealed_frame(TcFrame("BD", encode_tc_packet(asked.pop())))]
        frames += computer.step(sensors[tick].tobytes(), uplink)[1]
    chunks = [bytes(computer.read_file(file[0])) for file in computer.files()]
    return tuple(frames), max(chunks, key=len)


@cache
def commands() -> dict[str, TcPacket]:
    """Every telecommand of the dictionary once, its arguments the least that there are."""
    made = {}
    for sequence, command in enumerate(dictionary.TELECOMMANDS.values()):
        if command.tail:
            continue
        arguments = {one.name: 0.0 if one.min is None else one.min for one in command.arguments}
        made[command.name] = encode_command(command.name, arguments, sequence=sequence)
    ping = encode_tc_packet(encode_command("ping", {}, sequence=0x2000))
    made["insert_activities"] = services.insert_activities([services.Activity(10**9, ping)], sequence=90)
    made["load_memory"] = services.load_memory(1, 0, bytes(8), sequence=91)
    return made


def pdus() -> Iterator[bytes]:
    """Of either direction, in the order of a transfer."""
    checksum = (
        sum(int.from_bytes(_CONTENT[at : at + 4], "big") for at in range(0, len(_CONTENT), 4)) & 0xFFFFFFFF
    )
    up: list[Body] = [
        Metadata(len(_CONTENT), "upload/0001", "upload/0001", ChecksumType.MODULAR),
        *(FileData(at, _CONTENT[at : at + 512]) for at in (0, 1024, 512, 1536)),
        Eof(checksum, len(_CONTENT)),
        Prompt(),
        Ack(Directive.FINISHED),
    ]
    for body in up:
        yield encode_pdu(Pdu(GROUND, 5, SATELLITE, body))
    down: list[Body] = [
        Nak(0, 5000, ((0, 0), (0, 1000), (3000, 4000))),
        Ack(Directive.EOF),
        Finished(True),
    ]
    for body in down:
        yield encode_pdu(Pdu(SATELLITE, 7, GROUND, body))


def _uplink() -> Iterator[bytes]:
    for packet in commands().values():
        clear = [clear_octets(frame) for frame in segment_packet(encode_tc_packet(packet))]
        yield b"".join(bytes([len(one)]) + one for one in clear)
    control = [unlock_frame(), set_expected_frame(9), TcFrame("AD", _ping(), 9), TcFrame("AD", _ping(), 200)]
    yield b"".join(bytes([len(one)]) + one for one in map(clear_octets, control))


def _ping() -> bytes:
    return encode_tc_packet(commands()["ping"])


def _telecommand() -> Iterator[bytes]:
    whole = b""
    for packet in commands().values():
        body = encode_tc_packet(packet)[6:-2]
        part = b"\x21" + len(body).to_bytes(2, "big") + body
        yield part
        whole += part
    yield whole


def _segments() -> Iterator[bytes]:
    packet = encode_tc_packet(services.load_memory(1, 0, bytes(600), sequence=3))
    parts = [packet[at : at + 200] for at in range(0, len(packet), 200)]
    flags = [0x01, *[0x00] * (len(parts) - 2), 0x82]
    yield b"".join(bytes([flag, len(part)]) + part for flag, part in zip(flags, parts, strict=True))
    yield bytes([0x83, len(_ping())]) + _ping()


def _files() -> Iterator[bytes]:
    parts = [b"\x03" + len(pdu).to_bytes(2, "big") + pdu for pdu in pdus()]
    yield from parts
    yield b"".join(parts)


def _stores() -> Iterator[bytes]:
    yield b"\x00\x00" + bytes([0, 0, 9])
    yield b"\x01" + bytes(8 * (2 + 3 + 3))  # persistence without copies
    stream = bytes(32 + 3 * 8 + 2 * 4 + 8 + 8 + 8 + 8)  # an empty one
    chain = bytes(32 + 4096 + 8)
    yield b"\x02" + 5 * stream + bytes(16) + chain
    entry = struct.pack("<4I3B5x", 7, 300, 300, 0, 3, 0, 0)
    yield (
        b"\x02"
        + 5 * stream
        + struct.pack("<QQ", 300, 1)
        + entry
        + struct.pack("<QQ", 1, 300)
        + bytes(300)
        + chain
    )
    records = [struct.pack("<QII", number, 40, 0) + bytes(40) for number in range(3)]
    yield b"\x03" + b"".join(records)  # a block of a pool
    yield b"\x03" + b"".join(records)[:-1]


def _stage() -> Iterator[bytes]:
    for packet in list(commands().values())[:12]:
        yield sealed_frame(TcFrame("BD", encode_tc_packet(packet)))
    yield sealed_frame(unlock_frame())
    yield sealed_frame(TcFrame("AD", _ping(), 7))


def _frame_codec() -> Iterator[bytes]:
    for frame in tumbling_frames(4):
        yield frame.tobytes()
    yield tumbling_frames(8).tobytes()


def packets_of(frames: tuple[bytes, ...]) -> Iterator[bytes]:
    """The packets in TM frames."""
    from flight.tm_frames import PacketExtractor, decode_tm_frame

    extractors: dict[int, PacketExtractor] = {}
    for octets in frames:
        frame = decode_tm_frame(octets)
        yield from extractors.setdefault(frame.virtual_channel, PacketExtractor()).push(frame)


def _protected() -> Iterator[bytes]:
    """Two frames of a satellite behind each switch of the target; for the one that seals, opened ones."""
    from ground.telemetry_security import Opener
    from tests.telemetry import RING

    kinds: tuple[TelemetryProtection, ...] = ("authenticated", "encrypted")
    for switch, protection in enumerate(kinds):
        opener = Opener(RING, protection)
        frames = downlink(protection)[0]
        for first in (0, len(frames) // 2, len(frames) - 2):
            two = frames[first : first + 2]
            yield bytes([2 * switch]) + b"".join(two)
            yield bytes([2 * switch | 1]) + b"".join(two)
            clear = [opener.read(one).octets.ljust(len(one), b"\0") for one in two]
            yield bytes([2 * switch | 4]) + b"".join(clear)


def _tm_packets() -> Iterator[bytes]:
    seen = set()
    for packet in packets_of(downlink()[0]):
        kind = packet[:2] + packet[7:9]
        if kind not in seen:
            seen.add(kind)
            yield packet


def _messages() -> Iterator[bytes]:
    frames = downlink()[0][:3]
    exchange = protocol.encode_exchange(77, [Delivery(10**9, 0, frame) for frame in frames])
    yield protocol.encode(1, 2, exchange)
    yield exchange
    yield protocol.encode_pair(b"first", b"second")


def _requests() -> Iterator[bytes]:
    """Parts of a request are divided by 0xFF, requests by 0xFE."""
    configuration = {"replicas": 1, "resync": False, "autonomy": True, "tick_ns": 10**8, "parameters": {}}
    start = b"START\xff" + dictionary.SHA256.encode() + b"\xff" + json.dumps(configuration).encode()
    step = b"STEP\xff" + tumbling_frames(1)[0].tobytes().replace(b"\xff", b"\0").replace(b"\xfe", b"\0")
    for request in (step, step + b"\xff" + bytes(40), b"TELEMETRY", b"TICK\xff" + bytes(600), b"DIGEST"):
        yield start + b"\xfe" + request + b"\xfe" + request
    yield start + b"\xfeRESTORE\xff" + bytes(100) + b"\xfeLOAD\xff" + bytes(100) + b"\xfeLAST\xfeSTOP"


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "stage": _stage,
    "uplink": _uplink,
    "telecommand": _telecommand,
    "segments": _segments,
    "files": _files,
    "black_box": lambda: iter([downlink()[1]]),
    "frame_codec": _frame_codec,
    "stores": _stores,
    "tm_frames": lambda: iter(downlink()[0][:: max(1, len(downlink()[0]) // 12)]),
    "tm_protected": _protected,
    "tm_packets": _tm_packets,
    "cfdp_pdu": pdus,
    "file_service": _files,
    "tc_frames": _stage,
    "ground_messages": _messages,
    "flight_messages": _requests,
    "journal": lambda: iter([b"".join(record(Delivery(5, 1, one)) for one in downlink()[0][:2])]),
}


def write(folder: Path, names: list[str]) -> None:
    """The seeds of these targets, one a file."""
    for name in names or list(SEEDS):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, octets in enumerate(SEEDS[name]()):
            (folder / name / f"seed-{number:03d}-{crc16(octets):04x}").write_bytes(octets)
