"""Telemetry packets as an independent decoder reads them, which knows only the exported XTCE."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from space_packet_parser.xtce.definitions import XtcePacketDefinition


def definition(folder: Path) -> XtcePacketDefinition:
    """What `safehold dictionary --xtce FILE` writes."""
    file = folder / "dictionary.xml"
    command = [sys.executable, "-m", "safehold", "dictionary", "--xtce", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return XtcePacketDefinition.from_xtce(file)


def raw(value: Any) -> Any:
    """The number as sent, for an enumerated parameter too; None for one that JSON does not know."""
    number = value.raw_value
    return None if isinstance(number, float) and not math.isfinite(number) else number


def time_ns(packet: Any) -> int:
    """The code, up to whole nanoseconds."""
    return int(-(-packet["time"].raw_value * 10**9 >> 24))
