"""Colours, proportions and the shell of the reports: one HTML file that works offline."""

from __future__ import annotations

import html
import importlib.resources
import json
from collections.abc import Sequence
from typing import Any

PALETTE = (
    "#1f6fb2", "#d1495b", "#2a9d5c", "#e08e1b", "#7b5ea7",
    "#00838f", "#8d6e63", "#5c6b73", "#c2185b", "#9e9d24",
)  # fmt: skip

MODE_COLOURS = {
    "BOOT": "#9aa3b2",
    "SEPARATION": "#7b5ea7",
    "DETUMBLE": "#e08e1b",
    "SAFE": "#d1495b",
    "STANDBY": "#1f6fb2",
    "MISSION": "#2a9d5c",
    "DOWNLINK": "#00a3b4",
    "MANOEUVRE": "#8d6e63",
    "SURVIVAL": "#7f0000",
}

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #f5f6f8;
  margin: 0 auto; max-width: 1180px; padding: 20px; }
header, section, details { background: #fff; border: 1px solid #dfe3ea; border-radius: 8px;
  padding: 12px 18px; margin-bottom: 14px; overflow-x: auto; }
h1 { margin: 0; font-size: 26px; } h2 { margin: 2px 0 8px; font-size: 17px; } p { margin: 4px 0; }
.outcome { display: inline-block; font-weight: 700; padding: 2px 12px; border-radius: 12px;
  color: #fff; background: #5c6b73; }
.outcome.ok { background: #2a9d5c; } .outcome.degraded { background: #d08c2c; }
.outcome.lost { background: #b3261e; }
.facts span { margin-right: 22px; color: #47505f; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; color: #5a6473; font-weight: 600; }
td, th { padding: 3px 10px 3px 0; border-bottom: 1px solid #eceff3; vertical-align: top; }
tr.met td:first-child { color: #2a9d5c; font-weight: 700; }
tr.unmet td { color: #b3261e; } tr.unmet td:first-child { font-weight: 700; }
td.number { font-variant-numeric: tabular-nums; } tr.sum td { font-weight: 700; }
pre { overflow-x: auto; font-size: 12.5px; } summary { cursor: pointer; }
"""


def layout(
    title: str,
    *,
    hours: float | None,
    yaxis: dict[str, Any],
    shapes: list[dict[str, Any]],
    height: int = 290,
) -> dict[str, Any]:
    """The layout that all drawings share; `hours` is the length of their axis of time, None without one."""
    range_ = {} if hours is None else {"range": [0.0, hours]}
    return {
        "title": {
            "text": title,
            "font": {"size": 16},
            "x": 0.01,
            "xanchor": "left",
            "y": 0.96,
            "yanchor": "top",
        },
        "height": height,
        "margin": {"l": 70, "r": 20, "t": 62, "b": 44},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "hovermode": "x unified" if hours is not None else "closest",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": {"title": {"text": "hours since the epoch"}, "gridcolor": "#e3e6ec", "zeroline": False}
        | range_,
        "yaxis": {"gridcolor": "#e3e6ec", "zeroline": False} | yaxis,
        "shapes": shapes,
    }


def page(title: str, body: str, drawings: Sequence[dict[str, Any]], style: str = "") -> str:
    """A whole page: the drawings go into the body's elements with the ids figure-0, figure-1 and so on."""
    script = (importlib.resources.files("plotly") / "package_data" / "plotly.min.js").read_text(
        encoding="utf-8"
    )
    data = json.dumps(list(drawings), allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>{STYLE}{style}</style></head><body>
{body}
<script>{script}</script>
<script>const drawings = {data};
drawings.forEach((one, index) => Plotly.newPlot("figure-" + index, one.data, one.layout,
  {{responsive: true, displaylogo: false, displayModeBar: false}}));</script>
</body></html>
"""


def table(title: str, head: Sequence[str], rows: str, note: str = "") -> str:
    """A section with a table; `rows` and `note` are HTML."""
    cells = "".join(f"<th>{name}</th>" for name in head)
    return f"<section><h2>{title}</h2><table><tr>{cells}</tr>{rows}</table>{note}</section>"
