"""The store's twin in memory, which can be made to fail at any operation: before it, or right after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flight.frames import Delivery
from ground.store import Request, Saved
from ground.store.tail import Tail


def _no_fault(_operation: int, _done: bool) -> None:
    """Nothing fails."""


@dataclass(slots=True)
class MemoryStore:
    """Keeps what it is given until it is dropped.

    `fault` is called before and after each operation takes effect, with the operation's number and whether
    it has; what it raises is the crash.
    """

    saved: Saved | None = None
    frames: list[Delivery] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    fault: Callable[[int, bool], None] = _no_fault
    operations: int = 0
    _tail: Tail = field(default_factory=Tail)

    def load(self) -> Saved | None:
        """What is kept; None if nothing is yet."""
        kept = self.saved
        return None if kept is None else Saved(dict(kept.pieces), dict(kept.commands), dict(kept.reserved))

    def journal(self, deliveries: Sequence[Delivery]) -> None:
        """Appends frames that have arrived."""
        self._before()
        deliveries = self._tail.fresh(deliveries)
        self.frames += deliveries
        self._tail.see(deliveries)
        self._after()

    def commit(self, pieces: Mapping[str, bytes | None], commands: Mapping[int, bytes | None]) -> None:
        """Replaces these parts of the state and these commands, all or nothing."""
        self._before()
        kept = self._kept()
        for name, value in pieces.items():
            if value is None:
                kept.pieces.pop(name, None)
            else:
                kept.pieces[name] = value
        for index, row in commands.items():
            if row is None:
                kept.commands.pop(index, None)
            else:
                kept.commands[index] = row
        self._after()

    def reserve(self, key_id: int, below: int) -> None:
        """The counters of a key are used below this number."""
        self._before()
        self._kept().reserved[key_id] = below
        self._after()

    def requests(self, after: int) -> list[Request]:
        """What was asked for behind a number."""
        return [one for one in self.asked if one.number > after]

    def close(self) -> None:
        """Nothing to let go of."""

    def _kept(self) -> Saved:
        self.saved = self.saved or Saved()
        return self.saved

    def _before(self) -> None:
        self.operations += 1
        self.fault(self.operations, False)

    def _after(self) -> None:
        self.fault(self.operations, True)
