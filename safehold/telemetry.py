"""Telemetry that the ground received as columns: live reports, and stored samples.

A month has gigabytes of values. So reports and batches wait as octets in temporary files, by windows of
on-board time, and values are made a window at a time, whenever somebody goes through them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from flight.dictionary import PARAMETERS, Parameter
from flight.structures import USER_LAST, Definitions, is_user
from ground.alarms import LIVE, STORED
from safehold.spool import Spool
from safehold.stored import WINDOW_NS, Samples, StoredBuilder

_NUMPY = {"f64": ">f8", "f32": ">f4", "i64": ">i8", "u64": ">u8", "u32": ">u4", "u16": ">u2", "i16": ">i2"}
STORED_STRUCTURE = 0  # of no report: a stored sample has every parameter
_NUMBERS_OF_ROW = ("arrival_ns", "time_ns", "structure")

Columns = Mapping[str, NDArray[Any]]
_Layout = tuple[int, tuple[Parameter, ...]]  # a structure, and what it holds
_Piece = tuple[NDArray[np.int64], NDArray[Any]]  # rows, and the values of one element there


class TelemetryTable(Sequence[Mapping[str, Any]]):
    """Live housekeeping reports and stored samples, in order of their on-board time.

    A row is a dictionary: arrival_ns, station, time_ns (on board), structure, quality, and every parameter of
    its structure, an array as a list, None for what is not finite or did not come. A stored sample is of
    structure 0: all parameters. `pieces` goes through them as columns, a bounded number of rows at a time;
    `columns`, rows and slices need memory for all of them.
    """

    def __init__(
        self,
        pieces: Callable[[], Iterable[Columns]],
        rows: int,
        definitions: Definitions | None = None,
    ) -> None:
        """`pieces` gives so many rows as columns, the same columns each time, at least one piece.
        `definitions`: of the structures that the ground has defined.
        """
        self.pieces = pieces
        self._definitions = Definitions() if definitions is None else definitions
        self._rows = rows
        self._columns: Columns | None = None

    @classmethod
    def of(cls, columns: Columns) -> TelemetryTable:
        """A table of columns that there are."""
        return cls(lambda: (columns,), len(columns["time_ns"]))

    @property
    def columns(self) -> Columns:
        """All rows as columns."""
        if self._columns is None:
            parts = list(self.pieces())
            self._columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return self._columns

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return _row(self.columns, index, self._definitions)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for piece in self.pieces():
            for index in range(len(piece["time_ns"])):
                yield _row(piece, index, self._definitions)


def _row(columns: Columns, index: int, definitions: Definitions) -> Mapping[str, Any]:
    row: dict[str, Any] = {name: columns[name][index].item() for name in _NUMBERS_OF_ROW}
    row |= {name: str(columns[name][index]) for name in ("station", "quality")}
    defined = definitions.parameters(row["structure"], row["time_ns"])
    for parameter in PARAMETERS.values():
        if row["structure"] in (parameter.structure, STORED_STRUCTURE) or parameter in defined:
            values = [
                plain(columns[name][index].item()) if name in columns else None
                for name in element_names(parameter)
            ]
            row[parameter.name] = values if parameter.shape else values[0]
    return row


@dataclass(slots=True)
class _Extent:
    """How many rows there are, and how many of them have a value of each element."""

    rows: int = 0
    values: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, key: tuple[str, int], rows: int) -> None:
        """So many more rows have that element."""
        self.values[key] = self.values.get(key, 0) + rows


@dataclass(slots=True)
class TelemetryBuilder:
    """Gathers reports as octets, and batches; reads a window's all at once: a value costs nanoseconds, not
    microseconds. `tick_ns` is the control period, `window_ns` how much of on-board time is read at a time.
    """

    stations: Sequence[str]
    tick_ns: int = 100_000_000
    window_ns: int = WINDOW_NS
    samples: int = 0
    repeated: int = 0
    _reports: Spool = field(default_factory=Spool)
    _counts: dict[int, int] = field(default_factory=dict)
    _layouts: dict[int, _Layout] = field(default_factory=dict)
    definitions: Definitions = field(default_factory=Definitions)
    stored: StoredBuilder = field(init=False)

    def __post_init__(self) -> None:
        self.stored = StoredBuilder(self.tick_ns, self.window_ns)

    def add(
        self, structure: int, octets: bytes, *, time_ns: int, arrival_ns: int, station: int, stored: bool
    ) -> None:
        """A report of a structure: its parameters as sent. One that the ground defines must be in
        `definitions`, and fit.
        """
        layout = self._layout(structure, time_ns)
        report = np.array((arrival_ns, time_ns, station, stored), dtype=_REPORT_HEAD).tobytes() + octets
        self._reports.add((time_ns // self.window_ns, layout), report)
        self._counts[layout] = self._counts.get(layout, 0) + 1

    def _layout(self, structure: int, time_ns: int) -> int:
        """The number of what a structure holds at a time: its own, or one for each definition."""
        if not is_user(structure):
            self._layouts.setdefault(structure, (structure, _built_in(structure)))
            return structure
        wanted = structure, self.definitions.parameters(structure, time_ns)
        for number, layout in self._layouts.items():
            if layout == wanted:
                return number
        number = USER_LAST + 1 + len(self._layouts)
        self._layouts[number] = wanted
        return number

    def table(self, see: Callable[[Samples], None] = lambda samples: None) -> TelemetryTable:
        """All that was added. A parameter is NaN where it was not sent. `see` is shown the stored samples
        first, a window at a time. `samples` and `repeated` then tell how many there are, and how many groups
        came again.
        """
        extent = _Extent(sum(self._counts.values()))
        for layout, (_, parameters) in self._layouts.items():
            for parameter in parameters:
                for index in range(parameter.count):
                    extent.add((parameter.name, index), self._counts[layout])
        self.samples = self.repeated = 0
        for window in self.stored.windows():
            samples = self.stored.samples(window)
            see(samples)
            self.samples += len(samples)
            self.repeated += samples.repeated
            for key, (places, _) in samples.values.items():
                extent.add(key, len(places))
        extent.rows += self.samples
        return TelemetryTable(lambda: self._pieces(extent), extent.rows, self.definitions)

    def _pieces(self, extent: _Extent) -> Iterator[Columns]:
        """The table's columns, a window at a time."""
        windows = {window for window, _ in self._reports.kept()} | set(self.stored.windows())
        none = True
        for window in sorted(windows):
            piece = self._window(window, extent)
            if len(piece["time_ns"]):
                none = False
                yield piece
        if none:
            heads = {name: np.zeros(0, dtype=np.int64) for name in ("arrival_ns", "station", "time_ns")}
            heads |= {"structure": heads["time_ns"], "quality": np.array([], dtype="U1")}
            yield {**heads, "station": heads["quality"]}

    def _window(self, window: int, extent: _Extent) -> Columns:
        found, values = self._reports_of(window)
        reports = len(found["time_ns"])
        samples = self.stored.samples(window)
        found["arrival_ns"] = np.concatenate([found["arrival_ns"], samples.arrivals_ns])
        found["station"] = np.concatenate([found["station"], samples.stations])
        found["time_ns"] = np.concatenate([found["time_ns"], samples.times_ns])
        found["structure"] = np.append(found["structure"], np.full(len(samples), STORED_STRUCTURE))
        found["quality"] = np.append(found["quality"], np.ones(len(samples), dtype=np.int64))
        for key, (places, numbers) in samples.values.items():
            values.setdefault(key, []).append((places + reports, numbers))
        order = np.lexsort((found["structure"], found["quality"], found["time_ns"]))
        place_of = np.empty(len(order), dtype=np.int64)
        place_of[order] = np.arange(len(order))
        made = {name: column[order] for name, column in found.items()}
        made["station"] = np.array([*self.stations, ""], dtype=object)[made["station"]]
        made["quality"] = np.array([LIVE, STORED], dtype=object)[made["quality"]]
        for parameter in PARAMETERS.values():
            for index, name in enumerate(element_names(parameter)):
                if (having := extent.values.get((parameter.name, index))) is not None:
                    whole = parameter.type[0] != "f" and having == extent.rows
                    made[name] = _column(values.get((parameter.name, index), ()), place_of, whole=whole)
        return made

    def _reports_of(self, window: int) -> tuple[dict[str, NDArray[Any]], dict[tuple[str, int], list[_Piece]]]:
        """The reports of a window: of each what a row has beside its values, and the values by element."""
        heads: dict[str, list[NDArray[Any]]] = {name: [_NO_NUMBERS] for name in _HEADS}
        values: dict[tuple[str, int], list[_Piece]] = {}
        start = 0
        for number in sorted(self._counts):
            structure, parameters = self._layouts[number]
            dtype = np.dtype([("head", _REPORT_HEAD), ("values", _dtype(parameters))])
            reports = np.frombuffer(self._reports.read((window, number)), dtype=dtype)
            for name in ("arrival_ns", "time_ns", "station", "quality"):
                heads[name].append(reports["head"][name].astype(np.int64))
            heads["structure"].append(np.full(len(reports), structure, dtype=np.int64))
            places = np.arange(start, start + len(reports))
            start += len(reports)
            for parameter in parameters:
                for index in range(parameter.count):
                    column = reports["values"][parameter.name][:, index]
                    values.setdefault((parameter.name, index), []).append((places, column))
        return {name: np.concatenate(parts) for name, parts in heads.items()}, values


_HEADS = ("arrival_ns", "station", "time_ns", "structure", "quality")
_NO_NUMBERS = np.zeros(0, dtype=np.int64)
_REPORT_HEAD = np.dtype([("arrival_ns", "<i8"), ("time_ns", "<i8"), ("station", "<u2"), ("quality", "u1")])


def element_names(parameter: Parameter) -> list[str]:
    """The columns of a parameter: its name, or one with an index for each element of an array."""
    if not parameter.shape:
        return [parameter.name]
    return [f"{parameter.name}_{index}" for index in range(parameter.count)]


def structure_dtype(structure: int) -> np.dtype[np.void]:
    """The layout of a housekeeping structure of the dictionary, its parameters as sent."""
    return _dtype(_built_in(structure))


@cache
def _built_in(structure: int) -> tuple[Parameter, ...]:
    return tuple(one for one in PARAMETERS.values() if one.structure == structure)


@cache
def _dtype(parameters: tuple[Parameter, ...]) -> np.dtype[np.void]:
    return np.dtype(
        [(one.name, _NUMPY.get(one.type, one.type.replace("u8", "u1")), (one.count,)) for one in parameters]
    )


def _column(pieces: Sequence[_Piece], place_of: NDArray[np.int64], *, whole: bool) -> NDArray[Any]:
    """One element's column; whole numbers stay whole if every row of the table has one."""
    column = np.full(len(place_of), 0 if whole else math.nan, dtype=np.int64 if whole else np.float64)
    for places, values in pieces:
        column[place_of[places]] = values
    if not whole:
        column[~np.isfinite(column)] = math.nan
    return column


def plain(value: Any) -> Any:
    """The same value, None for a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
