"""Lists of what is built in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

from safehold.durations import format_duration
from safehold.scenario import built_in_folder, built_in_names


def scenario_rows() -> list[dict[str, str | int]]:
    """The built-in scenarios: name, duration and description."""
    rows: list[dict[str, str | int]] = []
    for name in built_in_names():
        tree = tomllib.loads((built_in_folder() / f"{name}.toml").read_text(encoding="utf-8"))
        rows.append({"name": name, "duration": tree["duration"], "description": tree.get("description", "")})
    return rows


def campaign_rows() -> list[dict[str, str | int]]:
    """The built-in campaigns: name, number of runs, their duration, and description."""
    from safehold.campaign import definition

    rows: list[dict[str, str | int]] = []
    for name in definition.built_in_names():
        campaign = definition.load_campaign(name)
        duration = format_duration(campaign.base.duration)
        rows.append(
            {
                "name": name,
                "runs": campaign.count,
                "duration": duration,
                "description": campaign.description,
            }
        )
    return rows


def rows_as_lines(rows: Sequence[Mapping[str, str | int]]) -> list[str]:
    """The rows in columns, numbers to the right and the description last."""
    columns = [name for name in rows[0] if name != "description"] if rows else []
    texts = {
        name: [f"{row[name]:,}" if isinstance(row[name], int) else str(row[name]) for row in rows]
        for name in columns
    }
    widths = {name: max(map(len, texts[name])) for name in columns}
    lines = []
    for index, row in enumerate(rows):
        cells = [
            f"{texts[name][index]:<{widths[name]}}"
            if name == "name"
            else f"{texts[name][index]:>{widths[name]}}"
            for name in columns
        ]
        lines.append("  ".join([*cells, str(row["description"])]))
    return lines
