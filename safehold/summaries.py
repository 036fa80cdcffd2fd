"""Summaries of stored housekeeping (TM[3,129], docs/wire.md) as columns, a row for each element of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flight.batches import decode_summary
from flight.dictionary import PARAMETERS
from flight.packets import PacketError, TmPacket
from safehold.spool import Spool
from safehold.stored import WINDOW_NS
from safehold.telemetry import element_names

_ROW = np.dtype(
    [
        ("time_ns", "<i8"),
        ("arrival_ns", "<i8"),
        ("station", "<u2"),
        ("tick_first", "<u4"),
        ("tick_last", "<u4"),
        ("samples", "<u2"),
        ("parameter", "<u2"),
        ("index", "<u2"),
        ("least", "<f4"),
        ("mean", "<f4"),
        ("greatest", "<f4"),
    ]
)
_WHOLE = ("time_ns", "arrival_ns", "tick_first", "tick_last", "samples")
_REAL = ("least", "mean", "greatest")


@dataclass(slots=True)
class SummaryBuilder:
    """Takes summaries as they come; they wait in a temporary file, by windows of on-board time."""

    stations: Sequence[str]
    taken: int = 0
    refused: int = 0
    _rows: Spool = field(default_factory=Spool)

    def add(self, packet: TmPacket, *, arrival_ns: int, station: int) -> None:
        """A TM[3,129]; one that contradicts the dictionary or itself is counted and dropped."""
        try:
            summary = decode_summary(packet)
        except PacketError:
            self.refused += 1
            return
        self.taken += 1
        head = packet.time_ns, arrival_ns, station, summary.tick_first, summary.tick_last, summary.samples
        rows = [
            (*head, PARAMETERS[one.parameter].id, one.index, one.least, one.mean, one.greatest)
            for one in summary.extremes
        ]
        self._rows.add((packet.time_ns // WINDOW_NS,), np.array(rows, dtype=_ROW).tobytes())

    def pieces(self) -> Iterator[Mapping[str, NDArray[Any]]]:
        """All rows in order of on-board time, a window at a time; one piece without any if there are none.

        `element` is named as the columns of telemetry are; values are as the satellite made them.
        """
        stations = np.array([*self.stations, ""], dtype=object)
        names = {(one.id, index): name for one in PARAMETERS.values() for index, name in _elements(one.name)}
        windows = sorted(window for (window,) in self._rows.kept())
        for window in windows or [0]:
            rows = np.frombuffer(self._rows.read((window,)), dtype=_ROW)
            rows = rows[np.argsort(rows["time_ns"], kind="stable")]
            keys = zip(rows["parameter"].tolist(), rows["index"].tolist(), strict=True)
            texts = [names[key] for key in keys]
            yield {
                **{name: rows[name].astype(np.int64) for name in _WHOLE},
                "station": stations[rows["station"]] if len(rows) else np.array([], dtype="U1"),
                "element": np.array(texts, dtype=object if texts else "U1"),
                **{name: rows[name].astype(np.float64) for name in _REAL},
            }


def _elements(parameter: str) -> Iterator[tuple[int, str]]:
    return iter(enumerate(element_names(PARAMETERS[parameter])))
