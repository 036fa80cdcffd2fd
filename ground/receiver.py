"""What a station does with the frames that arrive: checks them, takes the packets out, counts what it
refuses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from flight import packets, services
from flight.cfdp_pdu import FILE_APID
from flight.frames import FrameError
from flight.packets import Event, Housekeeping, PacketError, TmPacket, Verification
from flight.services import ServiceReport, Structure
from flight.structures import Definitions, is_user
from flight.tm_frames import (
    FILE_CHANNEL,
    LIVE_CHANNEL,
    TM_FRAME_OCTETS,
    Clcw,
    PacketExtractor,
    TmFrame,
    decode_tm_frame,
)
from flight.tm_protection import OPENED_FRAME_OCTETS
from ground.telemetry_security import Opener

_STRUCTURE_AT = 20  # behind a telemetry packet's headers


@dataclass(frozen=True, slots=True)
class Report:
    """A telemetry packet, what it says, and the virtual channel that it came by; `content` is None without
    data, or if none was asked for.
    """

    packet: TmPacket
    content: Verification | Housekeeping | Event | ServiceReport | None
    channel: int = LIVE_CHANNEL


@dataclass(slots=True)
class Receiver:
    """Reads TM frames of any quality; whatever does not fit is counted by reason and dropped.

    `values_wanted` as for `read_report`. `files`: the packets of files in the last frame. `definitions`: of
    the structures that the ground defines; None passes their reports on unread. `unknown`: how many reports
    came of each structure that nobody had defined. With an `opener` frames have to be protected, and nothing
    is made of one that it refuses; `opened` is the last frame as it is then kept. `stored`: what comes was
    kept by a ground, and opened by it if it was protected.
    """

    counters: dict[str, int] = field(default_factory=dict)
    values_wanted: bool = True
    clcw: Clcw | None = None
    master_count: int = 0
    live_count: int = 0
    extractors: dict[int, PacketExtractor] = field(default_factory=dict)
    files: list[bytes] = field(default_factory=list)
    definitions: Definitions | None = field(default_factory=Definitions)
    unknown: dict[int, int] = field(default_factory=dict)
    opener: Opener | None = None
    opened: bytes = b""
    stored: bool = False

    def receive(self, frame: bytes) -> list[Report] | None:
        """The reports that this frame completes; None if the frame is refused."""
        self.files = []
        try:
            decoded = self._decode(frame)
        except FrameError as error:
            self.count(f"frames_refused_{error.reason}")
            return None
        self.count("frames_received")
        self.clcw, self.master_count = decoded.clcw, decoded.master_count
        if decoded.virtual_channel == LIVE_CHANNEL:
            self.live_count = decoded.channel_count
        extractor = self.extractors.setdefault(decoded.virtual_channel, PacketExtractor())
        reports = []
        for octets in extractor.push(decoded):
            if is_file_packet(octets, decoded.virtual_channel):
                self.files.append(octets)
                self.count("packets_received")
                continue
            try:
                report = read_report(octets, values_wanted=self.values_wanted, definitions=self.definitions)
                if decoded.virtual_channel != LIVE_CHANNEL:
                    report = replace(report, channel=decoded.virtual_channel)
                if isinstance(report.content, Structure) and self.definitions is not None:
                    told = report.content
                    self.definitions.report(told.structure, told.parameters, report.packet.time_ns)
                reports.append(report)
                self.count("packets_received")
            except PacketError as error:
                self.count(f"packets_refused_{error.reason}")
                if error.reason == "structure":
                    number = int.from_bytes(octets[_STRUCTURE_AT : _STRUCTURE_AT + 2], "big")
                    self.unknown[number] = self.unknown.get(number, 0) + 1
        return reports

    def _decode(self, frame: bytes) -> TmFrame:
        """The frame, opened if it is protected; raises FrameError, and nothing has then changed."""
        if self.opener is None:
            short = self.stored and len(frame) == OPENED_FRAME_OCTETS
            self.opened = frame
            return decode_tm_frame(frame, OPENED_FRAME_OCTETS if short else TM_FRAME_OCTETS)
        opened = self.opener.open(frame)
        decoded = decode_tm_frame(opened.octets, OPENED_FRAME_OCTETS)
        self.opener.take(opened)
        self.opened = opened.octets
        return decoded

    def count(self, name: str) -> None:
        """Adds one to a counter."""
        self.counters[name] = self.counters.get(name, 0) + 1

    def results(self) -> dict[str, int]:
        """The counters, with those of the packet extraction."""
        totals = dict(self.counters)
        for extractor in self.extractors.values():
            totals["frames_missing"] = totals.get("frames_missing", 0) + extractor.frames_missing
            for reason, number in extractor.dropped.items():
                name = f"packets_dropped_{reason}"
                totals[name] = totals.get(name, 0) + number
        return dict(sorted(totals.items()))

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        structures = {} if not self.definitions else {"definitions": self.definitions.to_plain()}
        if self.unknown:
            structures["unknown"] = sorted([number, count] for number, count in self.unknown.items())
        opener = {} if self.opener is None else {"opener": self.opener.to_plain()}
        return {
            **opener,
            **{name: value for name, value in structures.items() if value},  # most runs define none
            "counters": self.counters,
            "values_wanted": self.values_wanted,
            "clcw": None if self.clcw is None else self.clcw.encode(),
            "master_count": self.master_count,
            "live_count": self.live_count,
            "extractors": {
                str(channel): {**asdict(extractor), "partial": extractor.partial.hex()}
                for channel, extractor in self.extractors.items()
            },
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any], opener: Opener | None = None) -> Self:
        """The receiver with that state; `opener` takes its own, if telemetry is protected."""
        if opener is not None:
            opener.restore(values["opener"])
        extractors = {
            int(channel): PacketExtractor(**{**state, "partial": bytes.fromhex(state["partial"])})
            for channel, state in values["extractors"].items()
        }
        clcw = None if values["clcw"] is None else Clcw.decode(values["clcw"])
        counts = values["master_count"], values["live_count"]
        counters = dict(values["counters"])
        made = cls(counters, values["values_wanted"], clcw, *counts, extractors, opener=opener)
        made.definitions = Definitions.from_plain(values.get("definitions", ()))
        made.unknown = {int(number): int(count) for number, count in values.get("unknown", ())}
        return made


def is_file_packet(octets: bytes, channel: int) -> bool:
    """Whether a packet carries a PDU of files: telemetry of their APID, on their channel, without a
    secondary header.
    """
    return channel == FILE_CHANNEL and int.from_bytes(octets[:2], "big") == FILE_APID


def read_report(
    octets: bytes, *, values_wanted: bool = True, definitions: Definitions | None = None
) -> Report:
    """What a telemetry packet says; raises PacketError for one that the dictionary does not know.

    Without `definitions`, reports of structures that the ground defines are not read.

    Without `values_wanted` housekeeping is checked, which is quick, and its hundreds of values are not read.
    """
    packet = packets.decode_tm_packet(octets)
    if services.is_known(packet):
        return Report(packet, services.decode_report(packet))
    if packet.service == 1:
        return Report(packet, packets.decode_verification(packet))
    if packet.service == 3:
        if packet.apid == packets.HOUSEKEEPING_APID:  # stored housekeeping, read when it is wanted
            return Report(packet, None)
        if definitions is None and packet.subtype == 25 and is_user(int.from_bytes(packet.data[:2], "big")):
            return Report(packet, None)
        if not values_wanted:
            packets.check_housekeeping(packet, definitions)
            return Report(packet, None)
        return Report(packet, packets.decode_housekeeping(packet, definitions))
    if packet.service == 5:
        return Report(packet, packets.decode_event(packet))
    if (packet.service, packet.subtype) == (17, 2) and not packet.data:
        return Report(packet, None)
    raise PacketError(
        "service", f"TM[{packet.service},{packet.subtype}] with {len(packet.data)} octets of data"
    )
