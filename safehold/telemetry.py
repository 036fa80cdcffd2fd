"""What the ground heard, decoded: telemetry as columns, and the ground's own events."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import EVENTS, PARAMETERS, Parameter
from flight.packets import Event

if TYPE_CHECKING:
    from flight.frames import Delivery
    from ground.receiver import Report

SEVERITIES = ("", "info", "low", "medium", "high")
LIVE, STORED = "live", "stored"
_NUMPY = {"f64": ">f8", "f32": ">f4", "i64": ">i8", "u64": ">u8", "u32": ">u4", "u16": ">u2", "i16": ">i2"}


class TelemetryTable(Sequence[Mapping[str, Any]]):
    """Housekeeping reports in the order in which they came.

    A row is a dictionary: arrival_ns, station, time_ns (on board), structure, quality, and every parameter of
    its structure, an array as a list, None for what is not finite. The values are kept as columns.
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
            if parameter.structure == row["structure"]:
                values = [_plain(self.columns[name][index].item()) for name in element_names(parameter)]
                row[parameter.name] = values if parameter.shape else values[0]
        return row

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (self[index] for index in range(len(self)))


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

    def table(self) -> TelemetryTable:
        """All that was added. A parameter is NaN where its structure was not sent."""
        rows = len(self.times_ns)
        names = np.array([*self.stations, ""], dtype=object)
        made: dict[str, NDArray[Any]] = {
            "arrival_ns": np.array(self.arrivals_ns, dtype=np.int64),
            "station": names[np.array(self.station_of, dtype=np.int64)],
            "time_ns": np.array(self.times_ns, dtype=np.int64),
            "structure": np.zeros(rows, dtype=np.int64),
            "quality": np.array([LIVE, STORED], dtype=object)[
                np.frombuffer(bytes(self.stored), dtype=np.uint8)
            ],
        }
        if not rows:
            made["station"] = made["quality"] = np.array([], dtype="U1")
        for number, mine in sorted(self.structures.items()):
            places = np.array(mine.places, dtype=np.int64)
            made["structure"][places] = number
            values = np.frombuffer(bytes(mine.octets), dtype=structure_dtype(number))
            for parameter in PARAMETERS.values():
                if parameter.structure == number:
                    _spread(made, parameter, values[parameter.name], places, rows)
        return TelemetryTable(made)


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


def _spread(
    made: dict[str, NDArray[Any]],
    parameter: Parameter,
    values: NDArray[Any],
    places: NDArray[np.int64],
    rows: int,
) -> None:
    """The columns of a parameter; whole numbers stay whole if every row has one."""
    whole = parameter.type[0] != "f" and len(places) == rows
    for index, name in enumerate(element_names(parameter)):
        column = np.full(rows, 0 if whole else math.nan, dtype=np.int64 if whole else np.float64)
        column[places] = values[:, index]
        if not whole:
            column[~np.isfinite(column)] = math.nan
        made[name] = column


def decode(
    frames: Iterable[Delivery], stations: Sequence[str]
) -> tuple[TelemetryTable, list[dict[str, Any]]]:
    """Housekeeping reports, and events as the ground received them, from frames in their order of arrival."""
    from ground.receiver import Receiver

    receiver = Receiver(values_wanted=False)
    builder = TelemetryBuilder(stations)
    events: list[dict[str, Any]] = []
    for delivery in frames:
        for report in receiver.receive(delivery.frame) or ():
            if isinstance(report.content, Event):
                events.append(_event(report, report.content, delivery.arrival_ns, stations[delivery.station]))
            elif report.packet.service == 3 and report.packet.subtype == 25:
                builder.add(
                    int.from_bytes(report.packet.data[:2], "big"),
                    report.packet.data[2:],
                    time_ns=report.packet.time_ns,
                    arrival_ns=delivery.arrival_ns,
                    station=delivery.station,
                    stored=False,
                )
    return builder.table(), events


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
