"""What the ground heard, decoded: telemetry as columns, and the ground's own events."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from flight.batches import BATCH
from flight.dictionary import EVENTS, PARAMETERS, Parameter
from flight.packets import Event
from flight.tm_frames import LIVE_CHANNEL
from ground.alarms import LIVE, STORED, AlarmMonitor
from ground.gaps import STREAM_OF_APID, STREAMS, Gaps
from ground.receiver import Receiver
from safehold.stored import Samples, StoredBuilder

if TYPE_CHECKING:
    from flight.frames import Delivery
    from ground.receiver import Report

SEVERITIES = ("", "info", "low", "medium", "high")
_ANNOUNCE_NS = 6_000_000_000
PACKET_OVERHEAD_OCTETS = 22  # of a telemetry packet: its headers and its error control
_NUMPY = {"f64": ">f8", "f32": ">f4", "i64": ">i8", "u64": ">u8", "u32": ">u4", "u16": ">u2", "i16": ">i2"}


class TelemetryTable(Sequence[Mapping[str, Any]]):
    """Live housekeeping reports and stored samples, in order of their on-board time.

    A row is a dictionary: arrival_ns, station, time_ns (on board), structure, quality, and every parameter of
    its structure, an array as a list, None for what is not finite or did not come. A stored sample is of
    structure 0: all parameters. The values are kept as columns.
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """`columns` as `columns` of this module gives them."""
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["time_ns"])

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        row: dict[str, Any] = {name: self.columns[name][index].item() for name in _NUMBERS_OF_ROW}
        row |= {name: str(self.columns[name][index]) for name in ("station", "quality")}
        for parameter in PARAMETERS.values():
            if row["structure"] in (parameter.structure, STORED_STRUCTURE):
                values = [
                    _plain(self.columns[name][index].item()) if name in self.columns else None
                    for name in element_names(parameter)
                ]
                row[parameter.name] = values if parameter.shape else values[0]
        return row

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (self[index] for index in range(len(self)))


STORED_STRUCTURE = 0  # of no report: a stored sample has every parameter
_Piece = tuple[NDArray[np.int64], NDArray[Any]]  # rows, and the values of one element there
_NUMBERS_OF_ROW = ("arrival_ns", "time_ns", "structure")


@dataclass(slots=True)
class _Structure:
    """The reports of one structure: their places among all, and their octets back to back."""

    places: array[int] = field(default_factory=lambda: array("q"))
    octets: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class TelemetryBuilder:
    """Gathers reports as octets, and reads them all at once: a value costs nanoseconds, not microseconds."""

    stations: Sequence[str]
    arrivals_ns: array[int] = field(default_factory=lambda: array("q"))
    times_ns: array[int] = field(default_factory=lambda: array("q"))
    station_of: array[int] = field(default_factory=lambda: array("H"))
    stored: bytearray = field(default_factory=bytearray)
    structures: dict[int, _Structure] = field(default_factory=dict)

    def add(
        self, structure: int, octets: bytes, *, time_ns: int, arrival_ns: int, station: int, stored: bool
    ) -> None:
        """A report of a structure: its parameters as sent."""
        mine = self.structures.setdefault(structure, _Structure())
        mine.places.append(len(self.times_ns))
        mine.octets += octets
        self.arrivals_ns.append(arrival_ns)
        self.times_ns.append(time_ns)
        self.station_of.append(station)
        self.stored.append(stored)

    def table(self, samples: Samples | None = None) -> TelemetryTable:
        """All that was added, and stored samples. A parameter is NaN where it was not sent."""
        reports = len(self.times_ns)
        stored = 0 if samples is None else len(samples)
        names = np.array([*self.stations, ""], dtype=object)
        made: dict[str, NDArray[Any]] = {
            "arrival_ns": np.array(self.arrivals_ns, dtype=np.int64),
            "station": np.array(self.station_of, dtype=np.int64),
            "time_ns": np.array(self.times_ns, dtype=np.int64),
            "structure": np.full(reports, STORED_STRUCTURE, dtype=np.int64),
            "quality": np.frombuffer(bytes(self.stored), dtype=np.uint8).astype(np.int64),
        }
        if samples is not None and stored:
            rows = (samples.arrivals_ns, samples.stations, samples.times_ns)
            for name, column in zip(("arrival_ns", "station", "time_ns"), rows, strict=True):
                made[name] = np.concatenate([made[name], column])
            made["structure"] = np.append(made["structure"], np.full(stored, STORED_STRUCTURE))
            made["quality"] = np.append(made["quality"], np.ones(stored, dtype=np.int64))
        pieces = self._pieces(made["structure"])
        for key, (places, values) in (samples.values if samples is not None else {}).items():
            pieces.setdefault(key, []).append((places + reports, values))
        order = np.lexsort((made["structure"], made["quality"], made["time_ns"]))
        place_of = np.empty(len(order), dtype=np.int64)
        place_of[order] = np.arange(len(order))
        made = {name: column[order] for name, column in made.items()}
        made["station"] = names[made["station"]]
        made["quality"] = np.array([LIVE, STORED], dtype=object)[made["quality"]]
        if not len(order):
            made["station"] = made["quality"] = np.array([], dtype="U1")
        for parameter in PARAMETERS.values():
            for index, name in enumerate(element_names(parameter)):
                if (found := pieces.get((parameter.name, index))) is not None:
                    made[name] = _column(parameter, found, place_of)
        return TelemetryTable(made)

    def _pieces(self, structure_of: NDArray[np.int64]) -> dict[tuple[str, int], list[_Piece]]:
        """The reports' values by parameter and index; notes each report's structure."""
        pieces: dict[tuple[str, int], list[_Piece]] = {}
        for number, mine in sorted(self.structures.items()):
            places = np.array(mine.places, dtype=np.int64)
            structure_of[places] = number
            values = np.frombuffer(bytes(mine.octets), dtype=structure_dtype(number))
            for parameter in PARAMETERS.values():
                if parameter.structure == number:
                    for index in range(parameter.count):
                        pieces[parameter.name, index] = [(places, values[parameter.name][:, index])]
        return pieces


def element_names(parameter: Parameter) -> list[str]:
    """The columns of a parameter: its name, or one with an index for each element of an array."""
    if not parameter.shape:
        return [parameter.name]
    return [f"{parameter.name}_{index}" for index in range(parameter.count)]


def structure_dtype(structure: int) -> np.dtype[np.void]:
    """The layout of a housekeeping structure's parameters as sent."""
    return np.dtype(
        [
            (one.name, _NUMPY.get(one.type, one.type.replace("u8", "u1")), (one.count,))
            for one in PARAMETERS.values()
            if one.structure == structure
        ]
    )


def _column(parameter: Parameter, pieces: Sequence[_Piece], place_of: NDArray[np.int64]) -> NDArray[Any]:
    """One element's column; whole numbers stay whole if every row has one."""
    rows = len(place_of)
    whole = parameter.type[0] != "f" and sum(len(places) for places, _ in pieces) == rows
    column = np.full(rows, 0 if whole else math.nan, dtype=np.int64 if whole else np.float64)
    for places, values in pieces:
        column[place_of[places]] = values
    if not whole:
        column[~np.isfinite(column)] = math.nan
    return column


@dataclass(slots=True)
class Received:
    """What the frames of a run held. `frames_missing` and `repeated` are (arrival ns, how many frames are
    missing before the one that came; octets of a record that had come before). `stored`: batches of stored
    housekeeping that were read and refused, samples in them, groups of samples that came again. `backlogs`:
    (arrival ns of a live report, records to come by stream).
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


def decode(frames: Iterable[Delivery], stations: Sequence[str], *, tick_ns: int = 100_000_000) -> Received:
    """Everything that frames hold, in their order of arrival; each stored record once. `tick_ns` is the
    control period, in which samples of stored housekeeping are counted.
    """
    decoder = _Decoder(stations, tick_ns)
    for delivery in frames:
        decoder.take(delivery)
    samples = decoder.stored.samples()
    decoder.judge(samples)
    return Received(
        decoder.builder.table(samples),
        {
            "batches": decoder.stored.batches,
            "refused": decoder.stored.refused,
            "samples": len(samples),
            "repeated": samples.repeated,
        },
        decoder.events,
        decoder.gaps,
        decoder.alarms,
        decoder.frames,
        [one for one in decoder.frames_missing if one[1]],
        decoder.repeated,
        decoder.backlogs,
    )


class _Decoder:
    """Goes through the frames once."""

    def __init__(self, stations: Sequence[str], tick_ns: int) -> None:
        self.stations = stations
        self.stored = StoredBuilder(tick_ns)
        self.receiver = Receiver(values_wanted=False)
        self.builder = TelemetryBuilder(stations)
        self.gaps = Gaps()
        self.alarms = AlarmMonitor()
        self.events: list[dict[str, Any]] = []
        self.frames = 0
        self.frames_missing: list[tuple[int, int]] = []
        self.repeated: list[tuple[int, int]] = []
        self.backlogs: list[tuple[int, list[int]]] = []
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
                self.stored.add(packet, arrival_ns=delivery.arrival_ns, station=delivery.station)
            elif (packet.service, packet.subtype) == (3, 25):
                structure, octets = int.from_bytes(packet.data[:2], "big"), packet.data[2:]
                times = {"time_ns": packet.time_ns, "arrival_ns": delivery.arrival_ns}
                self.builder.add(structure, octets, **times, station=delivery.station, stored=stored)
                self.alarms.see_housekeeping(structure, octets, **times, stored=stored)
                if not stored and structure == 1 and packet.time_ns >= self._announced_ns + _ANNOUNCE_NS:
                    self._announced_ns = packet.time_ns
                    announce(self.gaps, octets, packet.time_ns)
                    backlog = [self.gaps.backlog(stream) for stream in range(len(STREAMS))]
                    self.backlogs.append((delivery.arrival_ns, backlog))

    def judge(self, samples: Samples) -> None:
        """Holds all stored samples against the limits, in order of on-board time."""
        for parameter in PARAMETERS.values():
            for index, (name, limits) in enumerate(
                zip(element_names(parameter), parameter.limits, strict=bool(parameter.limits))
            ):
                if (found := samples.values.get((parameter.name, index))) is None:
                    continue
                places, values = found
                times = samples.times_ns[places], samples.arrivals_ns[places]
                self.alarms.see_samples(name, limits, values, times_ns=times[0], arrivals_ns=times[1])

    def _take_event(self, report: Report, event: Event, delivery: Delivery, *, stored: bool) -> None:
        time_ns = report.packet.time_ns
        if event.name == "records_given_up":
            stream, reason, first, count = (int(value or 0) for value in event.arguments.values())
            self.gaps.give_up(stream, reason, first, count, time_ns)
        self.alarms.see_event(event, time_ns=time_ns, arrival_ns=delivery.arrival_ns, stored=stored)
        row = _event(report, event, delivery.arrival_ns, self.stations[delivery.station])
        self.events.append(row | {"quality": STORED if stored else LIVE})


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
        "arguments": {name: _plain(value) for name, value in event.arguments.items()},
        "on_board_time_ns": report.packet.time_ns,
        "meaning": EVENTS[event.id].meaning if event.id in EVENTS else "",
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
