"""What of mission control survives a crash: a journal of frames, the command queue, FOP-1, counters.

Mission control writes ahead: what arrived is in the journal, and all that was decided is committed, before
anything is radiated and before anybody is told that a command was taken. So whatever moment it is killed at,
a frame that left is known, and what is not known did not leave.

`ground.store.archive` keeps it in a folder; `ground.store.memory` is its twin for tests. A simulation needs
neither: its snapshots hold the same state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flight.frames import Delivery

ENDED = "ended"
"""The piece of a store that says to consoles that the run is over: who takes the store up deletes it."""


class StoreError(RuntimeError):
    """The store cannot keep what it is given, or holds what is not ours; the message says why."""


@dataclass(slots=True)
class Saved:
    """What a store holds: parts of the state by name, commands by index, counters by key."""

    pieces: dict[str, bytes] = field(default_factory=dict)
    commands: dict[int, bytes] = field(default_factory=dict)
    reserved: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody at a console asks for (ground.console), by number in the order of asking."""

    number: int
    content: bytes


class GroundStore(Protocol):
    """A place that keeps things; each method returns when what it was given is safe, or raises StoreError."""

    def load(self) -> Saved | None:
        """What is kept; None if nothing is yet."""

    def journal(self, deliveries: Sequence[Delivery]) -> None:
        """Appends frames that have arrived; those that the end of the journal has already are left out."""

    def commit(self, pieces: Mapping[str, bytes | None], commands: Mapping[int, bytes | None]) -> None:
        """Replaces these parts of the state and these commands (None: forgets it), all or nothing."""

    def reserve(self, key_id: int, below: int) -> None:
        """The counters of a key are used below this number."""

    def requests(self, after: int) -> list[Request]:
        """What consoles have asked for behind a number, in order; nothing if it cannot be read just now."""

    def close(self) -> None:
        """Lets go of it; closing twice is fine."""
