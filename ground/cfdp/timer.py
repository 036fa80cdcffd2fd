"""A timer that stands still while there is no contact. Time is given to it, in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass

NEVER_NS = 2**62
_OFF = -1


@dataclass(slots=True)
class Timer:
    """Off, running until `deadline_ns`, or suspended with `left_ns` to go."""

    deadline_ns: int = _OFF
    left_ns: int = _OFF

    def start(self, now_ns: int, interval_ns: int, suspended: bool = False) -> None:
        """Runs for an interval from now on, or once there is contact again."""
        self.deadline_ns = _OFF if suspended else now_ns + interval_ns
        self.left_ns = interval_ns if suspended else _OFF

    def stop(self) -> None:
        """Off."""
        self.deadline_ns = self.left_ns = _OFF

    def suspend(self, now_ns: int) -> None:
        """Stand still."""
        if self.deadline_ns != _OFF:
            self.left_ns, self.deadline_ns = max(0, self.deadline_ns - now_ns), _OFF

    def resume(self, now_ns: int) -> None:
        """Run on."""
        if self.left_ns != _OFF:
            self.deadline_ns, self.left_ns = now_ns + self.left_ns, _OFF

    def expired(self, now_ns: int) -> bool:
        """Whether it has run out by now."""
        return self.deadline_ns != _OFF and now_ns >= self.deadline_ns

    @property
    def next_ns(self) -> int:
        """When it runs out; NEVER_NS if it does not run."""
        return NEVER_NS if self.deadline_ns == _OFF else self.deadline_ns
