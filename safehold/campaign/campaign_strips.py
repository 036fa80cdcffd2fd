"""Drawings of what was drawn for the runs against what became of them: one panel a number."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from safehold.campaign.analysis import Analysis
from safehold.campaign.counters import OUTCOMES
from safehold.campaign.entry import Entry
from safehold.report_style import PALETTE, layout

OUTCOME_COLOURS = {"OK": "#2a9d5c", "DEGRADED": "#d08c2c", "LOST": "#b3261e"}
PANELS = 6
COLUMNS = 3

Traces = Callable[[str, str], Iterator[dict[str, Any]]]


def outcome_strips(analysis: Analysis) -> dict[str, Any] | None:
    """Runs from left to right by a number that was drawn, in rows by outcome; None if all were clean."""
    entries = analysis.tally.sample.entries()
    if all(entry.clean for entry in entries):
        return None
    names = _numbers(analysis)
    names.sort(key=lambda name: (-abs(analysis.tally.labels[name].difference or 0.0), name))
    axis = {"range": [-0.6, 2.6], "tickvals": [0, 1, 2], "ticktext": list(reversed(OUTCOMES))}
    title = f"Outcome against what was drawn{_of_how_many(analysis, entries)}"
    return _panels(title, names[:PANELS], {}, axis, lambda name, place: _strip(entries, name, place))


def working_scatter(analysis: Analysis) -> dict[str, Any] | None:
    """When runs reached their work against a number that was drawn, where that differs from run to run."""
    entries = [entry for entry in analysis.tally.sample.entries() if entry.working_s is not None]
    if len({entry.working_s for entry in entries}) < 2:
        return None
    names = [name for name in _numbers(analysis) if not name.startswith(("fault", "storm"))]
    likeness = {name: _correlation(entries, name) for name in names}
    names.sort(key=lambda name: (-abs(likeness[name]), name))
    notes = {name: f"{name}, r = {likeness[name]:+.2f}" for name in names}
    axis = {"rangemode": "tozero"}
    title = f"Seconds until the satellite reached its work{_of_how_many(analysis, entries)}"
    if len(names) > PANELS:
        title += f"; of {len(names)} numbers the {PANELS} with the largest correlation r"

    def points(name: str, place: str) -> Iterator[dict[str, Any]]:
        shown = [entry for entry in entries if _value(entry, name) is not None]
        heights = [float(entry.working_s or 0.0) for entry in shown]
        marker = {"size": 5, "opacity": 0.6, "color": PALETTE[0]}
        yield _points(shown, name, heights, place, marker)

    return _panels(title, names[:PANELS], notes, axis, points)


def panel(place: int, count: int) -> list[float]:
    """The width that a panel takes of so many beside one another."""
    width = (1.0 - 0.03 * (count - 1)) / count
    start = place * (width + 0.03)
    return [round(start, 4), round(start + width, 4)]


def _numbers(analysis: Analysis) -> list[str]:
    """The numbers that differ from run to run; a seed is none."""
    labels = analysis.tally.labels
    return [name for name, label in labels.items() if name.rpartition(".")[2] != "seed" and label.spread]


def _of_how_many(analysis: Analysis, entries: Sequence[Entry]) -> str:
    return f" ({len(entries):,} runs of {analysis.flown:,})" if len(entries) < analysis.flown else ""


def _panels(
    title: str, names: Sequence[str], notes: dict[str, str], yaxis: dict[str, Any], traces: Traces
) -> dict[str, Any] | None:
    if not names:
        return None
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    shape = layout(title, hours=None, yaxis={}, shapes=[], height=100 + 220 * rows)
    shape["margin"] = {"l": 90, "r": 20, "t": 60, "b": 50}
    shape["showlegend"] = False
    plain = {"gridcolor": "#e3e6ec", "zeroline": False}
    data: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        place = "" if number == 0 else str(number + 1)
        high = 1.0 - (number // columns) / rows
        low = high - 1.0 / rows + (0.17 if rows > 1 else 0.0)
        said = {"text": notes.get(name, name), "font": {"size": 12}}
        data.extend(traces(name, place))
        shape[f"xaxis{place}"] = plain | {
            "domain": panel(number % columns, columns), "anchor": f"y{place}", "title": said,
        }  # fmt: skip
        shape[f"yaxis{place}"] = plain | yaxis | {
            "domain": [round(low, 4), round(high, 4)],
            "anchor": f"x{place}",
            "showticklabels": number % columns == 0,
        }  # fmt: skip
    return {"data": data, "layout": shape}


def _strip(entries: Sequence[Entry], name: str, place: str) -> Iterator[dict[str, Any]]:
    for level, outcome in enumerate(reversed(OUTCOMES)):
        members = [entry for entry in entries if entry.outcome == outcome and _value(entry, name) is not None]
        for failed in (False, True):
            shown = [entry for entry in members if entry.failed == failed]
            heights = [round(level + 0.7 * _scatter(entry.key), 3) for entry in shown]
            marker = {
                "size": 7 if failed else 4.5,
                "symbol": "x" if failed else "circle",
                "opacity": 0.95 if failed else 0.5,
                "color": OUTCOME_COLOURS[outcome],
            }
            if shown:
                yield _points(shown, name, heights, place, marker)


def _points(
    shown: Sequence[Entry], name: str, heights: Sequence[float], place: str, marker: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(f"{_value(entry, name):.6g}") for entry in shown],
        "y": list(heights),
        "xaxis": f"x{place}",
        "yaxis": f"y{place}",
        "marker": marker,
        "hovertext": [f"run {entry.index}: {entry.labels[name]}" for entry in shown],
        "hoverinfo": "text",
    }


def _value(entry: Entry, name: str) -> float | None:
    """A number that was drawn for a run; None if there is none."""
    value = entry.labels.get(name)
    if isinstance(value, str | bool) or value is None or not math.isfinite(value):
        return None
    return float(value)


def _correlation(entries: Sequence[Entry], name: str) -> float:
    """Pearson's r of a number and the time until the satellite reached its work; 0 where there is none."""
    pairs = [
        (value, float(entry.working_s or 0.0))
        for entry in entries
        if (value := _value(entry, name)) is not None
    ]
    if len(pairs) < 3:
        return 0.0
    means = [math.fsum(column) / len(pairs) for column in zip(*pairs, strict=True)]
    across = math.fsum((x - means[0]) * (y - means[1]) for x, y in pairs)
    alone = [math.fsum((pair[axis] - means[axis]) ** 2 for pair in pairs) for axis in (0, 1)]
    return across / math.sqrt(alone[0] * alone[1]) if alone[0] * alone[1] > 0.0 else 0.0


def _scatter(key: str) -> float:
    """From -0.5 to 0.5, the same for the same run, so that points do not hide one another."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "little") / 2**32 - 0.5
