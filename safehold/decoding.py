"""What the ground heard, decoded: telemetry as columns, and the ground's own events. Frames are gone through
once; housekeeping waits in temporary files until somebody wants its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from flight.batches import BATCH, SUMMARY
from flight.dictionary import EVENTS, PARAMETERS
from flight.packets import Event, PacketError, TmPacket, check_housekeeping
from flight.services import ServiceReport, Structure
from flight.structures import definitions_of, is_user
from flight.tm_frames import LIVE_CHANNEL
from ground.alarms import LIVE, STORED, AlarmMonitor
from ground.gaps import STREAM_OF_APID, STREAMS, Gaps
from ground.receiver import Receiver
from safehold.answers import ReportLog
from safehold.stored import Samples
from safehold.summaries import SummaryBuilder
from safehold.telemetry import TelemetryBuilder, TelemetryTable, element_names, plain, structure_dtype

if TYPE_CHECKING:
    from flight.frames import Delivery
    from ground.receiver import Report

SEVERITIES = ("", "info", "low", "medium", "high")
_WAITING_MAX = 10_000  # reports of structures that nobody has told of yet
_ANNOUNCE_NS = 6_000_000_000
PACKET_OVERHEAD_OCTETS = 22  # of a telemetry packet: its headers and its error control


@dataclass(frozen=True, slots=True)
class Held:
    """A live report of structure 1, as sent; it says what mass memory holds."""

    time_ns: int
    arrival_ns: int
    octets: bytes


@dataclass(slots=True)
class Received:
    """What the frames of a run held. `frames_missing` and `repeated` are (arrival ns, how many frames are
    missing before the one that came; octets of a record that had come before). `stored`: batches of stored
    housekeeping that were read and refused, samples in them, groups of samples that came again. `backlogs`:
    (arrival ns of a live report, records to come by stream). `last_held`: the live report of what mass memory
    holds that came last. `summaries`: those of stored housekeeping. `structures`: `Definitions.results`.
    `unknown`: how many reports came of each structure that nobody has defined, or that do not fit it.
    `reports`: answers of services.
    """

    telemetry: TelemetryTable
    stored: dict[str, int]
    events: list[dict[str, Any]]
    gaps: Gaps
    alarms: AlarmMonitor
    frames: int
    frames_missing: list[tuple[int, int]]
    repeated: list[tuple[int, int]]
    backlogs: list[tuple[int, list[int]]]
    last_held: Held | None = None
    summaries: SummaryBuilder = field(default_factory=lambda: SummaryBuilder(()))
    structures: list[dict[str, Any]] = field(default_factory=list)
    unknown: dict[int, int] = field(default_factory=dict)
    reports: ReportLog = field(default_factory=lambda: ReportLog(()))


def decode(
    frames: Iterable[Delivery],
    stations: Sequence[str],
    *,
    tick_ns: int = 100_000_000,
    commands: Iterable[Mapping[str, Any]] = (),
) -> Received:
    """Everything that frames hold, in their order of arrival; each stored record once. `tick_ns` is the
    control period, in which samples of stored housekeeping are counted. `commands`: rows of a result, which
    tell what structures the ground has defined.
    """
    decoder = _Decoder(stations, tick_ns)
    builder = decoder.builder
    builder.definitions = definitions_of(commands)
    for delivery in frames:
        decoder.take(delivery)
    decoder.read_waiting()
    telemetry = builder.table(decoder.judge)
    decoder.order_alarms()
    return Received(
        telemetry,
        {
            "batches": builder.stored.batches,
            "refused": builder.stored.refused,
            "samples": builder.samples,
            "repeated": builder.repeated,
            "summaries": decoder.summaries.taken,
            "summaries_refused": decoder.summaries.refused,
        },
        decoder.events,
        decoder.gaps,
        decoder.alarms,
        decoder.frames,
        [one for one in decoder.frames_missing if one[1]],
        decoder.repeated,
        decoder.backlogs,
        decoder.last_held,
        decoder.summaries,
        builder.definitions.results(),
        decoder.unknown,
        decoder.reports,
    )


class _Decoder:
    """Goes through the frames once."""

    def __init__(self, stations: Sequence[str], tick_ns: int) -> None:
        self.stations = stations
        self.receiver = Receiver(values_wanted=False, definitions=None, stored=True)
        self.builder = TelemetryBuilder(stations, tick_ns)
        self.gaps = Gaps()
        self.alarms = AlarmMonitor()
        self.events: list[dict[str, Any]] = []
        self.frames = 0
        self.frames_missing: list[tuple[int, int]] = []
        self.repeated: list[tuple[int, int]] = []
        self.backlogs: list[tuple[int, list[int]]] = []
        self.last_held: Held | None = None
        self.summaries = SummaryBuilder(stations)
        self.unknown: dict[int, int] = {}
        self.reports = ReportLog(stations)
        self._waiting: list[tuple[TmPacket, Delivery, bool]] = []
        self._stored_alarms_from: int | None = None
        self._last_count: int | None = None
        self._awaited: dict[int, int] = {}  # the place in `frames_missing` of a master frame count
        self._announced_ns = -_ANNOUNCE_NS

    def take(self, delivery: Delivery) -> None:
        """One frame, which the ground has accepted."""
        reports = self.receiver.receive(delivery.frame)
        if reports is None:
            return
        self.frames += 1
        count = delivery.frame[2]
        if self._last_count is not None and (missing := (count - self._last_count - 1) % 256):
            # A frame that was overtaken comes with a count just below: it is missing no more.
            if missing > 128:
                if (place := self._awaited.pop(count, None)) is not None:
                    when, others = self.frames_missing[place]
                    self.frames_missing[place] = when, others - 1
                return self._reports(reports, delivery)
            for behind in range(1, missing + 1):
                self._awaited[(count - behind) % 256] = len(self.frames_missing)
            self.frames_missing.append((delivery.arrival_ns, missing))
        self._awaited.pop(count, None)
        self._last_count = count
        return self._reports(reports, delivery)

    def _reports(self, reports: Sequence[Report], delivery: Delivery) -> None:
        stored = delivery.frame[1] >> 1 & 7 != LIVE_CHANNEL
        for report in reports:
            packet = report.packet
            if packet.apid in STREAM_OF_APID:
                number = self.gaps.take(packet.apid, packet.sequence, packet.time_ns)
                if number is None:
                    self.repeated.append((delivery.arrival_ns, len(packet.data) + PACKET_OVERHEAD_OCTETS))
                    continue
            if isinstance(report.content, Event):
                self._take_event(report, report.content, delivery, stored=stored)
            elif (packet.service, packet.subtype) == BATCH:
                self.builder.stored.add(packet, arrival_ns=delivery.arrival_ns, station=delivery.station)
            elif (packet.service, packet.subtype) == SUMMARY:
                self.summaries.add(packet, arrival_ns=delivery.arrival_ns, station=delivery.station)
            elif isinstance(report.content, ServiceReport):
                self.reports.add(packet, report.content, delivery, stored=stored)
                if isinstance(told := report.content, Structure):
                    self.builder.definitions.report(told.structure, told.parameters, packet.time_ns)
            elif (packet.service, packet.subtype) == (3, 25) and is_user(structure_of(packet)):
                if not self._defined(packet, delivery, stored=stored):
                    self._wait(packet, delivery, stored=stored)
            elif (packet.service, packet.subtype) == (3, 25):
                structure, octets = int.from_bytes(packet.data[:2], "big"), packet.data[2:]
                times = {"time_ns": packet.time_ns, "arrival_ns": delivery.arrival_ns}
                self.builder.add(structure, octets, **times, station=delivery.station, stored=stored)
                self.alarms.see_housekeeping(structure, octets, **times, stored=stored)
                if not stored and structure == 1:
                    self._hold(octets, **times)
                if not stored and structure == 1 and packet.time_ns >= self._announced_ns + _ANNOUNCE_NS:
                    self._announced_ns = packet.time_ns
                    announce(self.gaps, octets, packet.time_ns)
                    backlog = [self.gaps.backlog(stream) for stream in range(len(STREAMS))]
                    self.backlogs.append((delivery.arrival_ns, backlog))

    def _defined(self, packet: TmPacket, delivery: Delivery, *, stored: bool) -> bool:
        """Takes a report of a structure that the ground has defined; False if nobody has told of it yet."""
        structure = structure_of(packet)
        try:
            check_housekeeping(packet, self.builder.definitions)
        except PacketError as error:
            if error.reason == "structure":
                return False
            self._not_known(structure)
            return True
        times = {"time_ns": packet.time_ns, "arrival_ns": delivery.arrival_ns}
        self.builder.add(structure, packet.data[2:], **times, station=delivery.station, stored=stored)
        return True

    def _wait(self, packet: TmPacket, delivery: Delivery, *, stored: bool) -> None:
        """What the structure holds may be told later."""
        if len(self._waiting) < _WAITING_MAX:
            self._waiting.append((packet, delivery._replace(frame=b""), stored))
        else:
            self._not_known(structure_of(packet))

    def read_waiting(self) -> None:
        """Takes the reports of structures that were told of later than they came."""
        for packet, delivery, stored in self._waiting:
            if not self._defined(packet, delivery, stored=stored):
                self._not_known(structure_of(packet))
        self._waiting.clear()

    def _not_known(self, structure: int) -> None:
        self.unknown[structure] = self.unknown.get(structure, 0) + 1

    def _hold(self, octets: bytes, *, time_ns: int, arrival_ns: int) -> None:
        """Keeps the live report that came last, of those that came together the one made first."""
        last = self.last_held
        if last is None or (arrival_ns, -time_ns) > (last.arrival_ns, -last.time_ns):
            self.last_held = Held(time_ns, arrival_ns, octets)

    def judge(self, samples: Samples) -> None:
        """Holds a window's stored samples against the limits, in order of on-board time."""
        if self._stored_alarms_from is None:
            self._stored_alarms_from = len(self.alarms.alarms)
        for parameter in PARAMETERS.values():
            for index, (name, limits) in enumerate(
                zip(element_names(parameter), parameter.limits, strict=bool(parameter.limits))
            ):
                if (found := samples.values.get((parameter.name, index))) is None:
                    continue
                places, values = found
                times = samples.times_ns[places], samples.arrivals_ns[places]
                self.alarms.see_samples(name, limits, values, times_ns=times[0], arrivals_ns=times[1])

    def order_alarms(self) -> None:
        """Puts what `judge` raised in the order of the dictionary, each value's in order of time."""
        if self._stored_alarms_from is None:
            return
        order = {
            name: place
            for place, name in enumerate(
                name for parameter in PARAMETERS.values() for name in element_names(parameter)
            )
        }
        self.alarms.order_from(self._stored_alarms_from, lambda alarm: order[alarm.name])

    def _take_event(self, report: Report, event: Event, delivery: Delivery, *, stored: bool) -> None:
        time_ns = report.packet.time_ns
        if event.name == "records_given_up":
            stream, reason, first, count = (int(value or 0) for value in event.arguments.values())
            self.gaps.give_up(stream, reason, first, count, time_ns)
        self.alarms.see_event(event, time_ns=time_ns, arrival_ns=delivery.arrival_ns, stored=stored)
        row = _event(report, event, delivery.arrival_ns, self.stations[delivery.station])
        self.events.append(row | {"quality": STORED if stored else LIVE})


def structure_of(packet: TmPacket) -> int:
    """The structure that a TM[3,25] names."""
    return int.from_bytes(packet.data[:2], "big")


def announce(gaps: Gaps, octets: bytes, time_ns: int) -> None:
    """Tells the gaps what live housekeeping of structure 1 says that mass memory holds."""
    (row,) = np.frombuffer(octets, dtype=structure_dtype(1), count=1)
    for stream, (first, following) in enumerate(zip(row["records_first"], row["records_next"], strict=True)):
        gaps.announce(stream, int(first), int(following), time_ns)


def _event(report: Report, event: Event, arrival_ns: int, station: str) -> dict[str, Any]:
    return {
        "sim_time_ns": arrival_ns,
        "source": "ground",
        "station": station,
        "id": event.id,
        "name": event.name,
        "severity": SEVERITIES[event.severity] if 0 < event.severity < 5 else "unknown",
        "arguments": {name: plain(value) for name, value in event.arguments.items()},
        "on_board_time_ns": report.packet.time_ns,
        "meaning": EVENTS[event.id].meaning if event.id in EVENTS else "",
    }
