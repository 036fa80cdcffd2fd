"""What a person sees while a run goes on: a live panel on a terminal, plain lines otherwise.

Everything goes to standard error, so that standard output carries results only.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from safehold.clock import wall_seconds
from safehold.durations import format_clock

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

REFRESH_S = 0.15
LINE_EVERY_NS = 3600 * 1_000_000_000
EVENTS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Status:
    """The run as it stands, for the display."""

    time_ns: int
    end_ns: int
    mode: str
    rate_deg_s: float
    pointing_error_deg: float
    charge: float
    sunlit: bool
    contact: str
    next_contact_ns: int | None
    events: Sequence[tuple[int, str]]


class Display(Protocol):
    """Shows a status; `show` is called often and decides itself how often to draw."""

    def show(self, status: Callable[[], Status], time_ns: int) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Shows nothing."""

    def show(self, status: Callable[[], Status], time_ns: int) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class PlainLines:
    """A line an hour of simulated time, and one for each mode change."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next_ns = 0
        self._start = wall_seconds()

    def show(self, status: Callable[[], Status], time_ns: int) -> None:
        """Print a line when an hour has passed."""
        if time_ns < self._next_ns:
            return
        self._next_ns = (time_ns // LINE_EVERY_NS + 1) * LINE_EVERY_NS
        now = status()
        speed = _speed(now.time_ns, self._start)
        print(
            f"{format_clock(now.time_ns)}  {now.mode:<10} rate {now.rate_deg_s:8.4f} deg/s  "
            f"pointing {_degrees(now.pointing_error_deg)}  charge {now.charge:4.0%}  "
            f"{now.contact:<12} {speed:8,.0f} x real time",
            file=self._stream,
            flush=True,
        )

    def close(self) -> None:
        """Nothing is left open."""


class LivePanel:
    """A panel that is drawn in place."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._name = name
        self._start = wall_seconds()
        self._drawn = 0.0
        self._events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self._live: Live = Live(
            console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._live.start()

    def show(self, status: Callable[[], Status], time_ns: int) -> None:
        """Draw, if the last drawing is old enough."""
        now = wall_seconds()
        if now - self._drawn < REFRESH_S:
            return
        self._drawn = now
        self._live.update(self._panel(status()), refresh=True)

    def _panel(self, status: Status) -> RenderableType:
        from rich.console import Group
        from rich.panel import Panel
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim")
        table.add_column()
        table.add_column(style="dim")
        table.add_column()
        following = (
            "-" if status.next_contact_ns is None else f"in {_short(status.next_contact_ns - status.time_ns)}"
        )
        table.add_row("time", format_clock(status.time_ns), "mode", Text(status.mode, style="bold cyan"))
        table.add_row(
            "rate", f"{status.rate_deg_s:.4f} deg/s", "pointing", _degrees(status.pointing_error_deg)
        )
        table.add_row("charge", f"{status.charge:.1%}", "light", "sunlit" if status.sunlit else "eclipse")
        table.add_row("contact", status.contact or "none", "next contact", following)
        table.add_row("speed", f"{_speed(status.time_ns, self._start):,.0f} x real time", "", "")
        lines = [
            Text(f"{format_clock(at)}  {text}", no_wrap=True) for at, text in status.events[-EVENTS_SHOWN:]
        ]
        bar = ProgressBar(total=status.end_ns, completed=status.time_ns, width=60)
        return Panel(
            Group(table, bar, Text(), *lines), title=f"safehold {self._name}", width=90, title_align="left"
        )

    def close(self) -> None:
        """Take the panel away."""
        self._live.stop()


def choose(name: str, *, quiet: bool, stream: TextIO | None = None) -> Display:
    """The display that fits where standard error goes."""
    stream = stream if stream is not None else sys.stderr
    if quiet:
        return Silent()
    return LivePanel(name) if stream.isatty() else PlainLines(stream)


def _speed(time_ns: int, start: float) -> float:
    return time_ns / 1e9 / max(wall_seconds() - start, 1e-3)


def _degrees(value: float) -> str:
    return f"{value:9.4f} deg" if value == value else "        - deg"


def _short(nanoseconds: int) -> str:
    minutes, seconds = divmod(max(0, nanoseconds) // 1_000_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{seconds:02d}s"
