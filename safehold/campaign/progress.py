"""What a person sees while a campaign flies: a bar on a terminal, a line every ten seconds elsewhere.

Everything goes to standard error, so that standard output carries results only.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TextIO

from safehold.clock import wall_seconds

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from safehold.campaign.summary import Summary

REFRESH_S = 0.2
LINE_EVERY_S = 10.0


class Progress(Protocol):
    """Shows the counters of a campaign; `update` is called often and decides itself how often to draw."""

    def start(self, summary: Summary) -> None: ...
    def update(self, summary: Summary) -> None: ...
    def close(self) -> None: ...


class Quiet:
    """Shows nothing."""

    def start(self, summary: Summary) -> None:
        """Nothing to do."""

    def update(self, summary: Summary) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Pace:
    """Runs a minute and the time left, from the flights since the start: results that were there cost
    nothing.
    """

    def __init__(self) -> None:
        self.start = wall_seconds()

    def text(self, summary: Summary) -> str:
        """ "87 a minute, 3m10s left, LOST 2, DEGRADED 5"."""
        elapsed = max(wall_seconds() - self.start, 1e-3)
        if summary.to_check:
            parts = [f"{summary.checked:,} of {summary.to_check:,} reconverged runs checked"]
        else:
            rate = summary.flown / elapsed
            parts = [f"{rate * 60:,.0f} a minute"]
            left = summary.total - summary.done
            if rate > 0.0 and left:
                parts.append(f"{_short(left / rate)} left")
        parts.extend(
            f"{outcome} {summary.outcomes[outcome]}"
            for outcome in ("LOST", "DEGRADED")
            if summary.outcomes[outcome]
        )
        if summary.crashed:
            parts.append(f"crashed {len(summary.crashed)}")
        if summary.disagreements:
            parts.append(f"disagreements {len(summary.disagreements)}")
        return ", ".join(parts)


class Lines:
    """A line every ten seconds, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = Pace()
        self._next_s = self._pace.start + LINE_EVERY_S

    def start(self, summary: Summary) -> None:
        """Nothing to do."""

    def update(self, summary: Summary) -> None:
        """Print a line if the last one is old enough."""
        now = wall_seconds()
        if now < self._next_s:
            return
        self._next_s = now + LINE_EVERY_S
        print(
            f"{summary.done:,} of {summary.total:,} runs, {self._pace.text(summary)}",
            file=self._stream,
            flush=True,
        )

    def close(self) -> None:
        """Nothing is left open."""


class Bar:
    """A bar that is drawn in place."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._rich: RichProgress = RichProgress(
            TextColumn(f"[bold]{name}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            console=Console(stderr=True),
            auto_refresh=False,  # no thread of its own: the process forks
            transient=True,
        )
        self._task: TaskID | None = None
        self._pace = Pace()
        self._drawn = 0.0

    def start(self, summary: Summary) -> None:
        """Draw an empty bar."""
        self._task = self._rich.add_task("", total=summary.total, pace="starting")
        self._rich.start()
        self._rich.refresh()

    def update(self, summary: Summary) -> None:
        """Draw, if the last drawing is old enough."""
        now = wall_seconds()
        if self._task is None or now - self._drawn < REFRESH_S:
            return
        self._drawn = now
        self._rich.update(self._task, completed=summary.done, pace=self._pace.text(summary), refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._rich.stop()


def choose(name: str, *, quiet: bool, stream: TextIO | None = None) -> Progress:
    """The display that fits where standard error goes."""
    stream = stream if stream is not None else sys.stderr
    if quiet:
        return Quiet()
    return Bar(name) if stream.isatty() else Lines(stream)


def _short(seconds: float) -> str:
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{whole:02d}s" if minutes else f"{whole}s"
