"""A run's report: one HTML file that works offline, with the figures that a person looks at first.

The figures are plain descriptions that Plotly's own script, copied into the file, draws in the browser.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safehold import judgement
from safehold.documents import DAMAGED, require_file, said
from safehold.durations import format_clock
from safehold.errors import FolderError
from safehold.expectations import finding, sentence
from safehold.folder import RunFolder
from safehold.report_style import MODE_COLOURS, PALETTE, layout, table
from safehold.report_style import page as whole_page
from safehold.survey import DRAWINGS, Drawing, Survey, look, numbers

EVENTS_SHOWN = 400
SEVERE = ("low", "medium", "high")

Array = NDArray[Any]


def write_report(folder: RunFolder) -> Path:
    """Write report.html into a run's folder; returns its path."""
    survey = look(folder.path / "truth.parquet")
    text = page(folder.result, survey, folder.events(), folder.scenario_text)
    path = folder.path / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def report_again(folder: Path) -> Path:
    """Write report.html of a folder that may have been changed since; raises FolderError."""
    import duckdb

    found = RunFolder.open(folder)
    require_file(folder / "truth.parquet")
    try:
        return write_report(found)
    except DAMAGED as error:
        raise FolderError("SH-OUT-003", f"{folder} holds no run to report on: {said(error)}") from None
    except duckdb.Error as error:
        wrong = f"{folder / 'truth.parquet'} cannot be read: {error}"
        raise FolderError("SH-OUT-003", wrong) from None
    except OSError as error:
        wrong = f"{folder / 'report.html'} cannot be written: {error.strerror or error}"
        raise FolderError("SH-OUT-001", wrong) from None


def page(
    result: Mapping[str, Any], survey: Survey, events: Sequence[Mapping[str, Any]], scenario: str
) -> str:
    """The whole report as text."""
    drawings = figures(result, survey, scenario)
    boxes = "".join(f'<section><div id="figure-{index}"></div></section>' for index in range(len(drawings)))
    body = f"""{_head(result)}
{_expectations(result)}
{boxes}
{_contacts_table(result)}
{_yield_table(result)}
{_events_table(events)}
<details><summary>Scenario as flown</summary><pre>{html.escape(scenario)}</pre></details>"""
    return whole_page(f"safehold {result['scenario']}", body, drawings)


def figures(result: Mapping[str, Any], survey: Survey, scenario: str) -> list[dict[str, Any]]:
    """The drawings, each a `data` and a `layout`."""
    if not survey.rows:
        return []
    night = _eclipses(survey)
    lines = [_lines(drawing, survey, night) for drawing in DRAWINGS]
    return [_modes(result), *lines, _contacts(result), _ground_track(survey.track, scenario)]


# --- drawings ---------------------------------------------------------------------------------------------


def _lines(drawing: Drawing, survey: Survey, night: list[dict[str, Any]]) -> dict[str, Any]:
    traces = []
    for index, (name, (x, y)) in enumerate(survey.lines[drawing.title].items()):
        colour = PALETTE[index % len(PALETTE)]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": x,
                "y": y,
                "line": {"width": 1.3, "color": colour},
            }
        )
    axis: dict[str, Any] = {"title": {"text": drawing.unit}}
    if drawing.logarithmic:
        axis |= {"type": "log", "exponentformat": "power", "dtick": 1}
    if drawing.range is not None:
        axis["range"] = list(drawing.range)
    return {"data": traces, "layout": layout(drawing.title, hours=survey.hours, yaxis=axis, shapes=night)}


def _eclipses(survey: Survey) -> list[dict[str, Any]]:
    """Grey bands where less than half of the Sun is seen."""
    return [
        {
            "type": "rect",
            "yref": "paper",
            "x0": start,
            "x1": end,
            "y0": 0,
            "y1": 1,
            "fillcolor": "#8a93a6",
            "opacity": 0.16,
            "line": {"width": 0},
            "layer": "below",
        }
        for start, end in survey.eclipses
    ]


def _bars(
    rows: Iterable[tuple[str, float, float, str, str]], title: str, hours: float, height: int
) -> dict[str, Any]:
    """Horizontal bars: row, from hour, length in hours, colour, text under the pointer."""
    grouped: dict[str, list[tuple[str, float, float, str, str]]] = {}
    for row in rows:
        grouped.setdefault(row[0], []).append(row)
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": [name] * len(members),
            "base": [member[1] for member in members],
            "x": [member[2] for member in members],
            "marker": {"color": [member[3] for member in members], "line": {"width": 0}},
            "hovertext": [member[4] for member in members],
            "hoverinfo": "text",
            "showlegend": False,
        }
        for name, members in grouped.items()
    ]
    axis = {"autorange": "reversed", "automargin": True}
    return {
        "data": traces,
        "layout": layout(title, hours=hours, yaxis=axis, shapes=[], height=height)
        | {"barmode": "overlay", "showlegend": False},
    }


def _modes(result: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        (
            span["mode"],
            span["from_s"] / 3600.0,
            (span["until_s"] - span["from_s"]) / 3600.0,
            MODE_COLOURS.get(span["mode"], "#555555"),
            f"{span['mode']} {_clock(span['from_s'])} to {_clock(span['until_s'])}",
        )
        for span in result["modes"]
    ]
    return _bars(rows, "Modes", result["sim_seconds"] / 3600.0, 300)


def _contacts(result: Mapping[str, Any]) -> dict[str, Any]:
    rows = []
    for one in result["passes"]:
        elevation = one["elevation_max_deg"]
        text = f"{one['station']} {_clock(one['aos_s'])} to {_clock(one['los_s'])}, {one['frames']} frames"
        text += f", up to {elevation:.1f} deg" if elevation is not None else ""
        colour = "#2a9d5c" if one["frames"] else "#d08c2c" if one["open"] else "#c0392b"
        rows.append(
            (one["station"], one["aos_s"] / 3600.0, (one["los_s"] - one["aos_s"]) / 3600.0, colour, text)
        )
    title = "Contacts (green: telemetry received; amber: none)"
    return _bars(rows, title, result["sim_seconds"] / 3600.0, 260)


def _clock(seconds: float) -> str:
    return format_clock(round(seconds * 1e9))


def _ground_track(track: Mapping[str, Array], scenario: str) -> dict[str, Any]:
    """Latitude and longitude below the satellite, by the Earth's rotation angle alone: good to a quarter of a
    degree.
    """
    x, y, z = (track[f"position_gcrf_{axis}_m"] for axis in "xyz")
    seconds = track["sim_time_ns"].astype(np.float64) / 1e9
    latitude = np.degrees(np.arctan2(z, np.hypot(x, y)))
    longitude = np.degrees(np.arctan2(y, x) - _earth_rotation_angle(scenario, seconds))
    longitude = (longitude + 180.0) % 360.0 - 180.0
    lit = track["illumination"] >= 0.5
    traces = []
    for name, chosen, colour in (("sunlit", lit, "#e0a52b"), ("eclipse", ~lit, "#3b4a6b")):
        marker = {"size": 2.5, "color": colour}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": numbers(longitude[chosen]),
                "y": numbers(latitude[chosen]),
                "marker": marker,
            }
        )
    contact = track["in_contact"].astype(bool)
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "in contact",
            "x": numbers(longitude[contact]),
            "y": numbers(latitude[contact]),
            "marker": {"size": 5, "color": "#2a9d5c"},
        }
    )
    traces.append(_station_marks(scenario))
    shape = layout("Ground track", hours=None, yaxis={"range": [-90, 90], "dtick": 30}, shapes=[], height=460)
    shape["xaxis"] = {
        "range": [-180, 180],
        "dtick": 30,
        "title": {"text": "longitude, deg"},
        "gridcolor": "#e3e6ec",
    }
    shape["yaxis"]["title"] = {"text": "latitude, deg"}
    return {"data": traces, "layout": shape}


def _earth_rotation_angle(scenario_text: str, seconds: Array) -> Array:
    """IERS Conventions 2010, equation 5.15, with UTC for UT1."""
    from safehold.scenario import Source, parse

    epoch = parse(scenario_text, Source("scenario.toml", None)).epoch
    days = epoch.timestamp() / 86400.0 - 10957.5 + seconds / 86400.0
    return np.asarray(2.0 * np.pi * ((0.7790572732640 + 1.00273781191135448 * days) % 1.0))


def _station_marks(scenario_text: str) -> dict[str, Any]:
    from safehold.orbits import sites
    from safehold.scenario import Source, parse

    found = sites(parse(scenario_text, Source("scenario.toml", None)))
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "stations",
        "x": [(site.longitude_deg + 180.0) % 360.0 - 180.0 for site in found],
        "y": [site.latitude_deg for site in found],
        "text": [site.name for site in found],
        "textposition": "top center",
        "marker": {"size": 9, "symbol": "triangle-up", "color": "#b03060"},
    }


# --- text -------------------------------------------------------------------------------------------------


def _head(result: Mapping[str, Any]) -> str:
    timing = result["timing"]
    facts = {
        "seed": result["seed"],
        "flown": format_clock(round(result["sim_seconds"] * 1e9))
        + ("" if result["complete"] else " (interrupted)"),
        "speed": f"{timing['real_time_factor'] or 0:,.0f} × real time",
        "digest": str(result["digest"])[:16],
        "code": str(result["code_id"])[:16],
    }
    cells = "".join(
        f"<span><b>{html.escape(name)}</b> {html.escape(str(value))}</span>" for name, value in facts.items()
    )
    reasons = html.escape("; ".join(result["reasons"]))
    judged = judgement.sentence(result["judgement"]) if "judgement" in result else ""
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in [judged, *result.get("notes", [])])
    outcome = html.escape(str(result["outcome"]))
    return (
        f"<header><h1>{html.escape(str(result['scenario']))}</h1>"
        f'<p class="outcome {outcome.lower()}">{outcome}</p><p>{reasons}</p>{notes}'
        f'<p class="facts">{cells}</p></header>'
    )


def _expectations(result: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr class="{"met" if entry["met"] else "unmet"}"><td>{"met" if entry["met"] else "unmet"}</td>'
        f"<td>{html.escape(sentence(entry))}</td><td>{html.escape(finding(entry))}</td>"
        f"<td>{html.escape(str(entry.get('why', '')))}</td></tr>"
        for entry in result["expectations"]
    )
    if not rows:
        return ""
    return table("Expectations", ("", "what", "found", "why"), rows)


def _contacts_table(result: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(one['station'])}</td><td>{_clock(one['aos_s'])}</td><td>{_clock(one['los_s'])}</td>"
        f"<td>{'' if one['elevation_max_deg'] is None else format(one['elevation_max_deg'], '.1f')}</td>"
        f"<td>{'' if one['edge_error_s'] is None else format(one['edge_error_s'], '.2f')}</td>"
        f"<td>{one['frames']}</td><td>{one['commands']}</td></tr>"
        for one in result["passes"]
    )
    head = ("station", "rise", "set", "culmination, deg", "predicted within, s", "frames", "commands")
    return table("Contacts", head, rows)


_YIELD = (
    ("bytes_possible", "possible, kB"),
    ("bytes_received", "received, kB"),
    ("bytes_lost", "lost, kB"),
    ("bytes_repeated", "repeated, kB"),
    ("commands_verified", "commands verified"),
    ("backlog_records", "records to come"),
    ("backlog_octets", "of kB"),
)


def _yield_table(result: Mapping[str, Any]) -> str:
    """What each pass could bring and brought, and all of them; none for a result without that account."""
    passes = [one for one in result["passes"] if one["open"] and "bytes_possible" in one]
    if not passes:
        return ""
    rows = ""
    for one in passes:
        cells = "".join(f'<td class="number">{_amount(one.get(name), name)}</td>' for name, _ in _YIELD)
        rows += f"<tr><td>{html.escape(one['station'])}</td><td>{_clock(one['aos_s'])}</td>{cells}</tr>"
    sums = {name: sum(one.get(name) or 0 for one in passes) for name, _ in _YIELD[:5]}
    sums |= {name: passes[-1].get(name) for name, _ in _YIELD[5:]}
    cells = "".join(f'<td class="number">{_amount(sums[name], name)}</td>' for name, _ in _YIELD)
    rows += f'<tr class="sum"><td>all</td><td></td>{cells}</tr>'
    return table("Yield", ("station", "rise", *(title for _, title in _YIELD)), rows)


def _amount(value: float | None, name: str) -> str:
    if value is None:
        return ""
    return f"{value / 1e3:,.1f}" if name.startswith("bytes") or name.endswith("octets") else f"{value:,}"


def _events_table(events: Sequence[Mapping[str, Any]]) -> str:
    on_board = [event for event in events if event.get("source") == "flight"]
    severe = [event for event in on_board if event.get("severity") in SEVERE]
    shown = on_board if len(on_board) <= EVENTS_SHOWN else severe
    left_out = len(on_board) - len(shown[:EVENTS_SHOWN])
    rows = "".join(
        f"<tr><td>{format_clock(int(event['sim_time_ns']))}</td><td>{html.escape(str(event['severity']))}</td>"
        f"<td>{html.escape(str(event['name']).replace('_', ' '))}</td>"
        f"<td>{html.escape(_arguments(event))}</td></tr>"
        for event in shown[:EVENTS_SHOWN]
    )
    note = f"<p>{left_out} more in events.jsonl.</p>" if left_out else ""
    return table("Events on board", ("time", "severity", "event", "with"), rows, note)


def _arguments(event: Mapping[str, Any]) -> str:
    arguments = event.get("arguments") or {}
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, int | float) else f"{name} {value}"
        for name, value in arguments.items()
    )
