"""What the ground heard, decoded: telemetry as columns, and the ground's own events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from safehold.simulation import Simulation

SEVERITIES = ("", "info", "low", "medium", "high")


def decode(simulation: Simulation) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Housekeeping reports (a dictionary each), and events as the ground received them."""
    from flight.dictionary import EVENTS
    from ground.receiver import decode_archive

    archive = decode_archive(simulation.ground.archive)
    names = [site.name for site in simulation.sites]
    events = [
        {
            "sim_time_ns": event["arrival_ns"],
            "source": "ground",
            "station": names[event["station"]],
            "id": event["id"],
            "name": event["name"],
            "severity": SEVERITIES[event["severity"]] if 0 < event["severity"] < 5 else "unknown",
            "arguments": {name: _plain(value) for name, value in event["arguments"].items()},
            "on_board_time_ns": event["time_ns"],
            "meaning": EVENTS[event["id"]].meaning if event["id"] in EVENTS else "",
        }
        for event in archive.events
    ]
    telemetry = [{**row, "station": names[row["station"]]} for row in archive.telemetry]
    return telemetry, events


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Rows of telemetry as columns, arrays spread over one column an element; what a row lacks is NaN."""
    flat = [dict(_spread(row)) for row in rows]
    names: dict[str, None] = {}
    for row in flat:
        names.update(dict.fromkeys(row))
    if not names:
        names = dict.fromkeys(("arrival_ns", "station", "time_ns", "structure"))
    return {name: _column(name, [row.get(name) for row in flat]) for name in names}


def _spread(row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, list):
            yield from ((f"{name}_{index}", item) for index, item in enumerate(value))
        else:
            yield name, value


def _column(name: str, values: Sequence[Any]) -> NDArray[Any]:
    if name == "station":
        return np.array(values, dtype=object if values else "U1")
    if name.endswith("_ns") or all(isinstance(value, int) for value in values):
        return np.array([0 if value is None else int(value) for value in values], dtype=np.int64)
    return np.array([math.nan if value is None else float(value) for value in values], dtype=np.float64)
