"""What is fuzzed of the ground and of the flight process: parsers, each with what it may raise.

A target takes octets, does with them what its part of the software does with what comes from outside, and
raises nothing but AssertionError, for what must hold of any input. The first octet of most is a switch: if it
is odd, length fields and checksums are mended first, so that what lies behind them is reached.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from flight import batches, packets, services
from flight.cfdp_pdu import PduError, decode_pdu, encode_pdu
from flight.frames import FrameError, crc16
from flight.packets import PacketError, TmPacket
from flight.server import Service
from flight.tc_frames import TcFrame, parse
from flight.tm_frames import TM_FRAME_OCTETS, PacketExtractor, decode_tm_frame
from flight.tm_protection import OPENED_FRAME_OCTETS, TelemetryProtection
from ground import protocol
from ground.cfdp.service import FileService
from ground.elements import navigation
from ground.protocol import MessageError
from ground.receiver import Receiver
from ground.store.journal import records
from ground.telemetry_security import Opener, seal_telemetry
from tests.downlink import encode_tm_packet
from tests.fuzz.seeds import downlink
from tests.telemetry import KEY, RING
from tests.uplink import repaired

_S = 10**9


def tm_frames(data: bytes) -> None:
    """Frames, one behind the other, through mission control's receiver, and its state to octets and back."""
    receiver = Receiver()
    frames = [data[at : at + TM_FRAME_OCTETS] for at in range(1, len(data), TM_FRAME_OCTETS)]
    for frame in frames:
        octets = frame
        if data[0] & 1 and len(frame) >= 8:
            octets = repaired(frame.ljust(TM_FRAME_OCTETS, b"\0"))
        with suppress(FrameError):
            decode_tm_frame(octets)
        receiver.receive(octets)
    again = Receiver.from_plain(json.loads(json.dumps(receiver.to_plain())))
    assert again.results() == receiver.results()


def tm_protected(data: bytes) -> None:
    """Protected frames through mission control's receiver: bit 1 of the switch says how they are protected.
    Bit 2 seals each under the key first, so that what lies behind the MAC is reached. Without it no frame is
    taken but those that a satellite has made, each once.
    """
    protection: TelemetryProtection = "encrypted" if data and data[0] & 2 else "authenticated"
    receiver = Receiver(opener=Opener.start(RING, protection))
    taken: list[bytes] = []
    for number, at in enumerate(range(1, len(data), TM_FRAME_OCTETS), start=1):
        octets = data[at : at + TM_FRAME_OCTETS]
        if data[0] & 4:
            clear = repaired(octets.ljust(OPENED_FRAME_OCTETS, b"\0")[:OPENED_FRAME_OCTETS])
            octets = seal_telemetry(RING, clear, protection, key_id=KEY, counter=number)
        elif data[0] & 1:
            octets = repaired(octets.ljust(TM_FRAME_OCTETS, b"\0"))
        before = receiver.to_plain()
        if receiver.receive(octets) is None:
            assert {**receiver.to_plain(), "counters": 0} == {**before, "counters": 0}, "it moved something"
        else:
            taken.append(octets[:-2])
    assert len(set(taken)) == len(taken), "a frame was taken twice"
    sealed_here = bool(data and data[0] & 4)
    assert sealed_here or set(taken) <= genuine(protection), "a frame of nobody's was taken"
    again = Receiver.from_plain(json.loads(json.dumps(receiver.to_plain())), Opener.start(RING, protection))
    assert again.to_plain() == receiver.to_plain()


@cache
def genuine(protection: TelemetryProtection) -> frozenset[bytes]:
    """The frames of the seeds' satellite, but for their FECF."""
    return frozenset(frame[:-2] for frame in downlink(protection)[0])


def tm_packets(data: bytes) -> None:
    """A packet, whatever it says it is; every reader gets it."""
    octets = _as_packet(data[1:]) if data and data[0] & 1 else data[1:]
    with suppress(PacketError):
        _read(packets.decode_tm_packet(octets))


def _as_packet(octets: bytes) -> bytes:
    if len(octets) < 9:
        return octets
    made = bytearray(octets)
    made[0], made[2] = 0x08 | made[0] & 7, made[2] | 0xC0
    made[4:6] = (len(made) - 7).to_bytes(2, "big")
    made[-2:] = crc16(bytes(made[:-2])).to_bytes(2, "big")
    return bytes(made)


def _read(packet: TmPacket) -> None:
    readers: tuple[Callable[[TmPacket], object], ...] = (
        packets.decode_verification,
        packets.decode_event,
        packets.decode_housekeeping,
        services.decode_report,
        batches.decode_batch,
        batches.decode_summary,
    )
    for reader in readers:
        with suppress(PacketError):
            reader(packet)
    with suppress(PacketError):
        again = packets.decode_tm_packet(encode_tm_packet(packet))
        assert again == packet
    values = navigation(packet.data)
    assert values is None or len(values) == 6


def cfdp_pdu(data: bytes) -> None:
    """A PDU; one that is read says the same when it is written and read again. Not so from an entity to
    itself, which both ends refuse: there, a Finished cannot tell which of the two gave up.
    """
    with suppress(PduError):
        pdu = decode_pdu(_as_pdu(data[1:]) if data and data[0] & 1 else data[1:])
        assert decode_pdu(encode_pdu(pdu)) == pdu or pdu.source == pdu.destination


def _as_pdu(octets: bytes) -> bytes:
    if len(octets) < 12:
        return octets
    made = bytearray(octets)
    made[1:3] = (len(made) - 10).to_bytes(2, "big")
    return repaired(bytes(made))


def file_service(data: bytes) -> None:
    """PDUs one after another, each behind a switch and a length, into mission control's file transfer."""
    service = FileService()
    service.resume(0)
    service.put("upload/0001", bytes(3000))
    now_ns = at = 0
    while at + 3 <= len(data):
        switch, octets = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        pdu = data[at + 3 : at + 3 + octets]
        at += 3 + octets
        service.on_pdu(_as_pdu(pdu) if switch & 1 else pdu, now_ns)
        now_ns += (switch >> 4) * _S
        for made in service.due(now_ns, 20_000):
            decode_pdu(made)
        if switch & 2:
            service.suspend(now_ns)
            service.resume(now_ns)
    again = FileService.from_plain(json.loads(json.dumps(service.to_plain())))
    assert again.to_plain() == service.to_plain()
    for file in service.take_files():
        assert ".." not in file.name
        assert not file.name.startswith("/")


def tc_frames(data: bytes) -> None:
    """A telecommand frame that somebody shows to the ground."""
    octets = bytes(data[1:])
    if data and data[0] & 1 and len(octets) >= 6:
        octets = repaired(
            octets[:2]
            + (octets[2] & 0xFC | (len(octets) - 1) >> 8 & 3).to_bytes(1, "big")
            + ((len(octets) - 1) & 0xFF).to_bytes(1, "big")
            + octets[4:]
        )
    with suppress(FrameError):
        sealed = parse(octets)
        with suppress(FrameError):
            assert isinstance(sealed.opened(bytes(20)), TcFrame)


def ground_messages(data: bytes) -> None:
    """Messages to mission control's process, and payloads of each sort."""
    readers: tuple[Callable[[bytes], object], ...] = (
        protocol.decode,
        protocol.decode_exchange,
        protocol.decode_answer,
        protocol.decode_pair,
    )
    for reader in readers:
        with suppress(MessageError):
            reader(data)


def flight_messages(data: bytes) -> None:
    """Requests to the flight process, divided by 0xFE, and their parts by 0xFF: each gets a reply."""
    service = Service()
    for request in data.split(b"\xfe")[:8]:
        reply = service.handle_all(request.split(b"\xff"))
        assert reply
        assert len(reply[0]) < 64


def journal(data: bytes) -> None:
    """A journal after a crash: what is read of it lies in it, record behind record."""
    last = 0
    for end, delivery in records(data):
        assert end - len(delivery.frame) >= last
        assert data[end - len(delivery.frame) : end] == delivery.frame
        last = end


def black_box(data: bytes) -> None:
    """A chunk of the black box that came down."""
    from safehold.black_box import Chunk, _open, _step
    from safehold.errors import BlackBoxError

    chunk = Chunk("a chunk", data, 0, 0)
    with suppress(BlackBoxError):
        replay = _open(chunk)
        for _ in range(20):
            if not _step(chunk, replay):
                break


def extraction(data: bytes) -> None:
    """The data fields of frames with any first header pointers, and late ones among them."""
    extractor = PacketExtractor()
    for at in range(0, len(data), TM_FRAME_OCTETS):
        frame = data[at : at + TM_FRAME_OCTETS].ljust(TM_FRAME_OCTETS, b"\0")
        made = bytes([frame[0] & 0x3F, frame[1]]) + frame[2:]
        with suppress(FrameError):
            for packet in extractor.push(decode_tm_frame(repaired(made))):
                assert len(packet) >= 7


TARGETS: dict[str, Callable[[bytes], None]] = {
    "tm_frames": tm_frames,
    "tm_protected": tm_protected,
    "extraction": extraction,
    "tm_packets": tm_packets,
    "cfdp_pdu": cfdp_pdu,
    "file_service": file_service,
    "tc_frames": tc_frames,
    "ground_messages": ground_messages,
    "flight_messages": flight_messages,
    "journal": journal,
    "black_box": black_box,
}
