"""The drawings of a campaign's report, as plain descriptions that Plotly's script draws in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from safehold.campaign.analysis import Analysis
from safehold.campaign.campaign_strips import OUTCOME_COLOURS, outcome_strips, panel, working_scatter
from safehold.campaign.campaign_summary import rate_text
from safehold.campaign.counters import OUTCOMES, Cell, Rate, Times
from safehold.campaign.entry import NO_FAULT
from safehold.report_style import PALETTE, layout
from safehold.schema import MODES

STOP_COLOURS = {"identical": "#1f6fb2", "reconverged": "#00a3b4", "end": "#9aa3b2"}
LIGHTS = ("sunlit", "eclipse", "unknown")
KINDS_DRAWN = 30
CURVES_DRAWN = len(PALETTE)
CURVE_POINTS = 400
FASTEST_S = 0.01  # where faster answers are drawn, since the axis is logarithmic
BADNESS = ((0.0, "#e9f5ee"), (0.0001, "#fdf0d9"), (0.25, "#f2b36b"), (0.6, "#d9604c"), (1.0, "#8c1d18"))


def figures(analysis: Analysis) -> dict[str, dict[str, Any]]:
    """The drawings that this campaign has something to show in, by name, each a `data` and a `layout`."""
    drawn = {
        "outcomes": outcome_bar(analysis.tally.all),
        "heat": heat_map(analysis),
        "detect": answer_curves(analysis, "detect", "Time to detect"),
        "recover": answer_curves(analysis, "recover", "Time to recover"),
        "dispersions": outcome_strips(analysis),
        "working": working_scatter(analysis),
        "stops": stops_bar(analysis),
    }
    return {name: one for name, one in drawn.items() if one is not None}


def outcome_bar(cell: Cell) -> dict[str, Any] | None:
    """One bar, as long as all runs, in the colours of their outcomes."""
    if not cell.runs:
        return None
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": [""],
            "x": [cell.outcomes[name] / cell.runs],
            "marker": {"color": OUTCOME_COLOURS[name]},
            "hovertext": [f"{name}: {rate_text(Rate(cell.outcomes[name], cell.runs))}"],
            "hoverinfo": "text",
        }
        for name in OUTCOMES
    ]
    shape = layout("", hours=None, yaxis={"visible": False}, shapes=[], height=54)
    shape |= {"barmode": "stack", "showlegend": False, "margin": {"l": 0, "r": 0, "t": 4, "b": 4}}
    shape["xaxis"] = {"visible": False, "range": [0, 1]}
    return {"data": traces, "layout": shape}


def heat_map(analysis: Analysis) -> dict[str, Any] | None:
    """The share of runs that were not clean, by kind of fault and the mode that it hit, in light and dark."""
    cells = {key: cell for key, cell in analysis.tally.cells.items() if key[0] != NO_FAULT}
    if not cells:
        return None
    kinds = sorted({kind for kind, _, _ in cells})[:KINDS_DRAWN]
    modes = sorted({mode for _, mode, _ in cells}, key=_mode_order)
    lights = [light for light in LIGHTS if any(key[2] == light for key in cells)]
    traces, notes = [], []
    for place, light in enumerate(lights):
        axis = "" if place == 0 else str(place + 1)
        table = [[cells.get((kind, mode, light)) for mode in modes] for kind in kinds]
        traces.append(_heat(table, kinds, modes, axis, light))
        notes.append(_heading(light, place, len(lights)))
    height = 150 + 34 * len(kinds)
    title = "Runs that were not OK with every expectation met, of all with that first fault"
    shape = layout(title, hours=None, yaxis={}, shapes=[], height=height)
    shape |= {"showlegend": False, "annotations": notes}
    shape["margin"] = {"l": 150, "r": 20, "t": 84, "b": 40}
    for place in range(len(lights)):
        axis = "" if place == 0 else str(place + 1)
        domain = panel(place, len(lights))
        shape[f"xaxis{axis}"] = {
            "domain": domain,
            "anchor": f"y{axis}",
            "type": "category",
            "showgrid": False,
        }
        shape[f"yaxis{axis}"] = {
            "anchor": f"x{axis}",
            "autorange": "reversed",
            "type": "category",
            "showticklabels": place == 0,
            "ticks": "",
            "showgrid": False,
        }
    return {"data": traces, "layout": shape}


def _heat(
    table: list[list[Cell | None]], kinds: Sequence[str], modes: Sequence[str], axis: str, light: str
) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": list(modes),
        "y": list(kinds),
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "z": [[None if cell is None else cell.not_clean.share for cell in row] for row in table],
        "text": [
            ["" if cell is None else f"{cell.not_clean.events:,} / {cell.runs:,}" for cell in row]
            for row in table
        ],
        "texttemplate": "%{text}",
        "hovertext": [
            [
                "" if cell is None else _cell_text(kind, mode, light, cell)
                for mode, cell in zip(modes, row, strict=True)
            ]
            for kind, row in zip(kinds, table, strict=True)
        ],
        "hoverinfo": "text",
        "zmin": 0.0,
        "zmax": 1.0,
        "colorscale": [list(step) for step in BADNESS],
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
    }


def _cell_text(kind: str, mode: str, light: str, cell: Cell) -> str:
    return (
        f"{kind} in {mode}, {light}<br>not clean: {rate_text(cell.not_clean)}<br>lost: {rate_text(cell.lost)}"
    )


def _heading(text: str, place: int, count: int) -> dict[str, Any]:
    low, high = panel(place, count)
    return {
        "text": f"<b>{text}</b>",
        "x": (low + high) / 2.0,
        "xref": "paper",
        "xanchor": "center",
        "y": 1.0,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 4,
        "showarrow": False,
    }


def _mode_order(mode: str) -> tuple[int, str]:
    return (MODES.index(mode) if mode in MODES else len(MODES)), mode


def answer_curves(analysis: Analysis, stage: str, title: str) -> dict[str, Any] | None:
    """The share of all faults of a kind that had been answered by a time; the rest never was."""
    chosen = [one for one in analysis.times if one.stage == stage and one.ordered]
    if not chosen:
        return None
    chosen = sorted(chosen, key=lambda one: -len(one.ordered))[:CURVES_DRAWN]
    low, high = min(one.ordered[0] for one in chosen), max(one.ordered[-1] for one in chosen)
    span = [math.log10(max(FASTEST_S, low)) - 0.12, math.log10(max(FASTEST_S, high)) + 0.12]
    traces = []
    for number, one in enumerate(chosen):
        x, y = _curve(one)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{one.kind} ({len(one.ordered):,} of {len(one.ordered) + one.never:,})",
                "x": [*x, float(f"{10.0 ** span[1]:.6g}")],
                "y": [*y, y[-1]],
                "line": {"shape": "hv", "width": 1.8, "color": PALETTE[number]},
            }
        )
    axis = {"range": [0.0, 1.03], "tickformat": ".0%", "title": {"text": "share of the faults"}}
    shape = layout(f"{title}, of all faults of a kind", hours=None, yaxis=axis, shapes=[], height=330)
    shape["xaxis"] |= {
        "type": "log",
        "range": span,
        "title": {"text": "s from the injection"},
        "exponentformat": "none",
    }
    if span[1] - span[0] > 0.8:
        shape["xaxis"]["dtick"] = "D2" if span[1] - span[0] < 4.0 else 1
    shape["margin"]["t"] = 84
    return {"data": traces, "layout": shape}


def _curve(times: Times) -> tuple[list[float], list[float]]:
    """Steps of the distribution, thinned."""
    count, total = len(times.ordered), len(times.ordered) + times.never
    step = max(1, count // CURVE_POINTS)
    places = sorted({*range(0, count, step), count - 1})
    x = [max(FASTEST_S, float(f"{times.ordered[place]:.6g}")) for place in places]
    y = [round((place + 1) / total, 6) for place in places]
    return [x[0], *x], [0.0, *y]


def stops_bar(analysis: Analysis) -> dict[str, Any] | None:
    """How the runs of each kind of fault ended: flown out, or known before."""
    tally = analysis.tally
    if not set(tally.stops) - {"end"}:
        return None
    kinds = sorted(tally.stops_of)[:KINDS_DRAWN]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": stop,
            "y": kinds,
            "x": [tally.stops_of[kind][stop] for kind in kinds],
            "marker": {"color": STOP_COLOURS.get(stop, "#5c6b73")},
        }
        for stop in sorted(tally.stops)
    ]
    axis = {"autorange": "reversed", "automargin": True, "type": "category"}
    shape = layout("How runs ended", hours=None, yaxis=axis, shapes=[], height=150 + 26 * len(kinds))
    shape |= {"barmode": "stack"}
    shape["xaxis"] = {"title": {"text": "runs"}, "gridcolor": "#e3e6ec"}
    shape["margin"]["t"] = 74
    return {"data": traces, "layout": shape}
