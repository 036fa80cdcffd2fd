"""The tables of the spacecraft's data sheet: `python -m sim.datasheet docs/spacecraft.md` writes them anew.

They are made from the declarations in `sim.spacecraft` and `sim.faults`, so that the page cannot disagree
with the plant; a test compares the two. What stands above the mark in the page is written by hand.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

import numpy as np

from sim.faults import KINDS
from sim.spacecraft import HEATERS, SWITCHES, TEMPERATURE_NODES, Spacecraft

MARK = "<!-- tables by sim.datasheet -->\n"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_text(one) for one in value) + "]"
    assert isinstance(value, float)
    return f"{value:.6g}"


def _thrusters(craft: Spacecraft) -> list[str]:
    lines = [
        "## Thrusters",
        "",
        "Torques about the middle of the box; equal on-times leave a pure force along +x.",
        "",
    ]
    lines += ["| thruster | position m | force direction | torque N m |", "|---|---|---|---|"]
    cant = craft.thruster_cant_rad
    rows = zip(craft.thruster_position_body_m, craft.thruster_cant_y, strict=True)
    for index, (position, sign) in enumerate(rows):
        direction = np.array([math.cos(cant), sign * math.sin(cant), 0.0])
        torque = np.cross(position, craft.thruster_force_n * direction)
        cells = (
            ", ".join(f"{x:+.3f}" for x in values).replace("-", "−")
            for values in (position, direction, torque)
        )
        lines.append(f"| {index} | " + " | ".join(cells) + " |")
    return lines


def _constants(craft: Spacecraft) -> list[str]:
    lines = ["", "## Constants", ""]
    lines += ["Switches, in order: " + ", ".join(SWITCHES) + ".", "Heaters: " + ", ".join(HEATERS) + "."]
    lines += ["Thermal nodes: " + ", ".join(TEMPERATURE_NODES) + "."]
    group = ""
    for field in dataclasses.fields(craft):
        about = field.metadata
        if about["group"] != group:
            group = about["group"]
            lines += ["", f"### {group}", "", "| key | value | range | why |", "|---|---|---|---|"]
        span = f"{about['low']:.6g} … {about['high']:.6g}"
        lines.append(f"| `{field.name}` | {_text(getattr(craft, field.name))} | {span} | {about['reason']} |")
    return lines


def _faults() -> list[str]:
    lines = [
        "",
        "## Faults of the hardware",
        "",
        "| kind | targets | parameters | meaning |",
        "|---|---|---|---|",
    ]
    for name, kind in KINDS.items():
        parameters = []
        for key, parameter in kind.parameters.items():
            span = f"{parameter.low:g} … {parameter.high:g} {parameter.unit}".rstrip()
            preset = "" if parameter.default is None else f", else {parameter.default:g}"
            parameters.append(f"`{key}` {parameter.meaning} ({span}{preset})")
        targets = f"`{kind.targets[0]}`"
        if len(kind.targets) > 1:
            targets += f" … `{kind.targets[-1]}`"
        lines.append(f"| `{name}` | {targets} | {'; '.join(parameters) or '—'} | {kind.meaning} |")
    return lines


def tables() -> str:
    """Everything below the mark."""
    craft = Spacecraft()
    return "\n".join(["", *_thrusters(craft), *_constants(craft), *_faults()]) + "\n"


def main(path: Path) -> None:
    """Write the page's tables anew, below its mark."""
    page = path.read_text(encoding="utf-8")
    path.write_text(page[: page.index(MARK) + len(MARK)] + tables(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
