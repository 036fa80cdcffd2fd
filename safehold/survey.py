"""What a report draws of a run's truth. It is gone through once, piece by piece: a month's has two gigabytes.

Long series are thinned to the extremes of each stretch, so that no spike is lost; pieces are whole stretches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safehold import parquet

STRETCHES = 1200
TRACK_POINTS = 3000
_ROWS_OF_PIECE = 16_384

Array = NDArray[Any]
Line = tuple[list[float | None], list[float | None]]
"""Hours and values, both at most two a stretch; None for what is not finite."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure of lines over time, and how they come from columns of truth."""

    title: str
    unit: str
    series: Callable[[Mapping[str, Array]], Mapping[str, Array]]
    logarithmic: bool = False
    range: tuple[float, float] | None = None


def _rates(truth: Mapping[str, Array]) -> dict[str, Array]:
    return {axis: np.degrees(truth[f"rate_body_{axis}_rad_s"]) for axis in "xyz"}


def _size(truth: Mapping[str, Array]) -> dict[str, Array]:
    squares = (rate**2 for rate in _rates(truth).values())
    return {"size": np.sqrt(sum(squares, np.zeros(len(truth["sim_time_ns"]))))}


def _pointing(truth: Mapping[str, Array]) -> dict[str, Array]:
    found = {"pointing error": truth["pointing_error_deg"]}
    if "attitude_knowledge_error_deg" in truth:
        found["knowledge error"] = truth["attitude_knowledge_error_deg"]
    return found


def _temperatures(truth: Mapping[str, Array]) -> dict[str, Array]:
    return {name[12:-2].replace("_", " "): truth[name] - 273.15 for name in truth if _is_temperature(name)}


def _is_temperature(name: str) -> bool:
    return name.startswith("temperature_") and name.endswith("_k")


DRAWINGS = (
    Drawing("Body rate", "deg/s", _size, logarithmic=True),
    Drawing("Body rate by axis", "deg/s", _rates),
    Drawing("Pointing", "deg", _pointing, logarithmic=True),
    Drawing(
        "Wheel speeds",
        "rad/s",
        lambda truth: {f"wheel {number}": truth[f"wheel_speed_{number}_rad_s"] for number in range(1, 5)},
    ),
    Drawing(
        "Battery",
        "%",
        lambda truth: {"state of charge": truth["battery_state_of_charge"] * 100.0},
        range=(0.0, 101.0),
    ),
    Drawing("Power", "W", lambda truth: {"array": truth["array_power_w"], "bus": truth["bus_power_w"]}),
    Drawing("Temperatures", "°C", _temperatures),
)
_TRACK = ("sim_time_ns", *(f"position_gcrf_{axis}_m" for axis in "xyz"), "illumination", "in_contact")
_OTHERS = (
    *(f"rate_body_{axis}_rad_s" for axis in "xyz"),
    "pointing_error_deg",
    "attitude_knowledge_error_deg",
    *(f"wheel_speed_{number}_rad_s" for number in range(1, 5)),
    "battery_state_of_charge",
    "array_power_w",
    "bus_power_w",
)


@dataclass(slots=True)
class Survey:
    """What is drawn of so many rows of truth: `hours` is when they end; lines by drawing and name; eclipses
    from and until which hour; some rows of what the ground track needs.
    """

    rows: int
    hours: float = 0.0
    lines: dict[str, dict[str, Line]] = field(default_factory=dict)
    eclipses: list[tuple[float, float]] = field(default_factory=list)
    track: dict[str, Array] = field(default_factory=dict)


def look(path: Path) -> Survey:
    """Go through a file of truth."""
    survey = Survey(parquet.rows(path))
    if not survey.rows:
        return survey
    told = parquet.names(path)
    wanted = [name for name in told if name in _TRACK or name in _OTHERS or _is_temperature(name)]
    edges = _stretches(survey.rows)
    cuts = edges[:: max(1, _ROWS_OF_PIECE * STRETCHES // survey.rows)]
    cuts += [survey.rows] if cuts[-1] != survey.rows else []
    track: list[dict[str, Array]] = []
    dark_from: float | None = None
    step = max(1, survey.rows // TRACK_POINTS)
    for (first, end), truth in zip(pairwise(cuts), parquet.read_pieces(path, wanted, cuts), strict=True):
        hours = truth["sim_time_ns"].astype(np.float64) / 3.6e12
        inside = [edge - first for edge in edges if first <= edge <= end]
        for drawing in DRAWINGS:
            lines = survey.lines.setdefault(drawing.title, {})
            for name, values in drawing.series(truth).items():
                shown = np.where(values > 0.0, values, np.nan) if drawing.logarithmic else values
                x, y = _thin(hours, np.asarray(shown, dtype=np.float64), inside)
                line = lines.setdefault(name, ([], []))
                line[0].extend(x)
                line[1].extend(y)
        dark_from = _add_eclipses(survey.eclipses, dark_from, hours, truth["illumination"] < 0.5)
        track.append({name: truth[name][-first % step :: step] for name in _TRACK})
        survey.hours = float(hours[-1])
    if dark_from is not None:
        survey.eclipses.append((dark_from, survey.hours))
    survey.track = {name: np.concatenate([part[name] for part in track]) for name in _TRACK}
    return survey


def _add_eclipses(
    eclipses: list[tuple[float, float]], dark_from: float | None, hours: Array, dark: NDArray[np.bool_]
) -> float | None:
    """Adds those that end here; returns since when it is dark at the end of these rows, if it is."""
    changes = np.flatnonzero(np.diff(dark, prepend=dark_from is not None))
    for hour in hours[changes].tolist():
        if dark_from is None:
            dark_from = hour
        else:
            eclipses.append((dark_from, hour))
            dark_from = None
    return dark_from


def _stretches(rows: int) -> list[int]:
    """Where stretches begin, and the end; every row is one if they are few."""
    if rows <= 2 * STRETCHES:
        return list(range(rows + 1))
    edges: list[int] = np.linspace(0, rows, STRETCHES + 1).astype(int).tolist()
    return edges


def thin(x: Array, y: Array) -> Line:
    """At most two points a stretch, its lowest and its highest, in order; NaN as gaps."""
    return _thin(x, y, _stretches(len(x)))


def _thin(x: Array, y: Array, edges: Sequence[int]) -> Line:
    if len(edges) == len(x) + 1:
        return numbers(x), numbers(y)
    chosen: list[int] = []
    for start, end in pairwise(edges):
        part = y[start:end]
        if np.isnan(part).all():
            chosen.append(start)
            continue
        chosen.extend(sorted({int(start + np.nanargmin(part)), int(start + np.nanargmax(part))}))
    kept = np.array(chosen, dtype=np.int64)
    return numbers(x[kept]), numbers(y[kept])


def numbers(values: Array) -> list[float | None]:
    """For a drawing: six figures, None for what is not finite."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
