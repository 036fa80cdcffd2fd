"""What a comparison shows: a table for people, and one page with both arms' pointing and modes."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np

from safehold.compare import ARMS, POINTING_LIMIT_DEG, Comparison
from safehold.durations import format_clock
from safehold.report_style import MODE_COLOURS, PALETTE, layout, page, table
from safehold.survey import thin


def rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """What to compare, a row each: label, with autonomy, from the ground."""
    autonomy, ground = (arm.document for arm in comparison.arms)
    return [
        ("outcome", autonomy["outcome"], ground["outcome"]),
        ("back in service for good after", _back(autonomy["recovery"]), _back(ground["recovery"])),
        (
            f"not working, or over {POINTING_LIMIT_DEG:g} deg",
            _duration(autonomy["recovery"]["out_of_service_s"]),
            _duration(ground["recovery"]["out_of_service_s"]),
        ),
        ("outage (no working mode)", _duration(autonomy["outage_s"]), _duration(ground["outage_s"])),
        *(
            (label, _number(autonomy["recovery"][key], form), _number(ground["recovery"][key], form))
            for label, key, form in (
                ("worst pointing error", "pointing_error_max_deg", "{:.2f} deg"),
                ("lowest charge", "charge_min", "{:.0%}"),
            )
        ),
        ("data lost", f"{autonomy['data_lost_bytes']:,} octets", f"{ground['data_lost_bytes']:,} octets"),
        ("first fault", _clock(autonomy["recovery"]["from_s"]), _clock(ground["recovery"]["from_s"])),
        ("first seen", _clock(_detected(autonomy)), _clock(ground["recovery"]["symptom_s"])),
        ("first telecommand of the operator", "none needed", _clock(ground["recovery"]["radiated_s"])),
    ]


def lines(comparison: Comparison) -> list[str]:
    """The table as text, and what the operator did."""
    made = [("", *ARMS), *rows(comparison)]
    widths = [max(len(row[column]) for row in made) for column in range(3)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in made
    ]
    text += [f"operator  {line}" for line in actions(comparison.ground.document)]
    if not all(arm.document["complete"] for arm in comparison.arms):
        text.append("stopped   before the end, so the arms have not flown the same time")
    return text


def actions(document: Mapping[str, Any]) -> list[str]:
    """What the operator sent, a line each."""
    operator = document["operator"] or {"actions": []}
    found = []
    for one in operator["actions"]:
        arguments = ", ".join(f"{name} {value:g}" for name, value in one["arguments"].items())
        found.append(
            f"{_clock(one['radiated_s'])}  {one['name']} ({arguments}): {one['reason']}; {one['state']}"
        )
    return found


def report(comparison: Comparison) -> str:
    """The page."""
    document = comparison.ground.document
    facts = (f"seed {document['seed']}", f"code {document['code_id'][:12]}")
    head = (
        f"<header><h1>{html.escape(document['scenario'])}: autonomy against the ground</h1>"
        f'<p class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</p></header>'
    )
    body = "".join(
        f"<tr><td>{html.escape(label)}</td><td>{html.escape(one)}</td><td>{html.escape(other)}</td></tr>"
        for label, one, other in rows(comparison)
    )
    sent = "".join(f"<tr><td>{html.escape(line)}</td></tr>" for line in actions(document))
    drawings = [_pointing(comparison), _modes(comparison)]
    boxes = "".join(f'<section><div id="figure-{index}"></div></section>' for index in range(len(drawings)))
    parts = [head, table("Side by side", ("", *ARMS), body), boxes]
    if sent:
        parts.append(table("What the operator sent", ("",), sent))
    return page(f"safehold compare {document['scenario']}", "\n".join(parts), drawings)


def _pointing(comparison: Comparison) -> dict[str, Any]:
    traces = []
    hours_max = 0.0
    for index, (name, arm) in enumerate(zip(ARMS, comparison.arms, strict=True)):
        hours = arm.truth["sim_time_ns"].astype(np.float64) / 3.6e12
        hours_max = max(hours_max, float(hours[-1]) if len(hours) else 0.0)
        error = np.asarray(arm.truth["pointing_error_deg"], dtype=np.float64)
        with np.errstate(invalid="ignore"):
            x, y = thin(hours, np.where(error > 0.0, error, np.nan))
        line = {"width": 1.3, "color": PALETTE[index]}
        traces.append({"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line})
    axis = {"title": {"text": "deg"}, "type": "log", "exponentformat": "power", "dtick": 1}
    return {
        "data": traces,
        "layout": layout("Pointing error", hours=hours_max, yaxis=axis, shapes=[], height=340),
    }


def _modes(comparison: Comparison) -> dict[str, Any]:
    traces: list[dict[str, Any]] = []
    shown: set[str] = set()
    for name, arm in zip(ARMS, comparison.arms, strict=True):
        for span in arm.document["modes"]:
            mode = span["mode"]
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": mode,
                    "legendgroup": mode,
                    "showlegend": mode not in shown,
                    "x": [(span["until_s"] - span["from_s"]) / 3600.0],
                    "base": [span["from_s"] / 3600.0],
                    "y": [name],
                    "marker": {"color": MODE_COLOURS.get(mode, PALETTE[0])},
                    "hovertemplate": f"{mode} from {_clock(span['from_s'])} to {_clock(span['until_s'])}",
                }
            )
            shown.add(mode)
    hours = comparison.autonomy.document["sim_seconds"] / 3600.0
    made = layout("Modes", hours=hours, yaxis={"autorange": "reversed"}, shapes=[], height=240)
    return {"data": traces, "layout": made | {"barmode": "overlay", "hovermode": "closest"}}


def _detected(document: Mapping[str, Any]) -> float | None:
    times = [fault["detected_s"] for fault in document["faults"] if fault["detected_s"] is not None]
    return min(times, default=None)


def _clock(seconds: float | None) -> str:
    return "-" if seconds is None else format_clock(round(seconds * 1e9))


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.0f} s"


def _back(found: Mapping[str, Any]) -> str:
    """Nothing is known of a run that never came into service, or not as far as its first fault."""
    never = found["back_after_s"] is None and found["out_of_service_s"] is not None
    return "not by the end" if never else _duration(found["back_after_s"])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
