"""Keeps a mission control in a store: what has changed of its state, before any of it is seen outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flight.frames import Delivery
from ground.store import GroundStore, Saved, StoreError

OCTETS = "octets/"
"""What the names of pieces that are no JSON begin with."""
_NONE: Mapping[str, bytes | None] = MappingProxyType({})


@dataclass(slots=True)
class Keeper:
    """A store, and what it holds already. After a failure it refuses everything: what is in memory is ahead
    of what is kept, so only a mission control made from the store anew may go on.
    """

    store: GroundStore
    failed: str = ""
    _pieces: dict[str, bytes] = field(default_factory=dict)
    _rows: dict[int, bytes] = field(default_factory=dict)
    _seen: dict[int, Any] = field(default_factory=dict)

    def load(self) -> tuple[dict[str, Any], dict[int, Any], Saved] | None:
        """The state that is kept: its parts, the commands, and as it is; None if there is none."""
        saved = self.store.load()
        if saved is None:
            return None
        self._rows = dict(saved.commands)
        self._pieces = {name: one for name, one in saved.pieces.items() if not name.startswith(OCTETS)}
        try:
            parts = {name: json.loads(value) for name, value in self._pieces.items()}
            rows = {index: json.loads(row) for index, row in saved.commands.items()}
        except ValueError as error:
            raise StoreError(f"what is kept is not mission control's: {error}") from error
        return parts, rows, saved

    def has(self, name: str) -> bool:
        """Whether a part of the state is kept."""
        return name in self._pieces

    def journal(self, deliveries: Sequence[Delivery]) -> None:
        """Frames that have arrived, before anything is made of them."""
        self._check()
        if deliveries:
            self._try(lambda: self.store.journal(deliveries))

    def keep(
        self, parts: Mapping[str, Any], rows: Mapping[int, Any], octets: Mapping[str, bytes | None] = _NONE
    ) -> None:
        """The state as it is now: parts and commands, and what has changed of the octets (None: gone)."""
        self._check()
        pieces = {name: _octets(value) for name, value in parts.items()}
        pieces = {name: value for name, value in pieces.items() if self._pieces.get(name) != value}
        # Only what differs as it is gets written down: encoding every row took most of the time.
        changed: dict[int, bytes | None] = {}
        for index, row in rows.items():
            seen = self._seen.get(index)
            if index in self._rows and (seen is row or seen == row):
                continue
            content = _octets(row)
            if self._rows.get(index) != content:
                changed[index] = content
        changed |= dict.fromkeys(self._rows.keys() - rows.keys())
        if pieces or changed or octets:
            self._try(lambda: self.store.commit({**pieces, **octets}, changed))
        self._pieces |= pieces
        for index, octets_now in changed.items():
            if octets_now is None:
                del self._rows[index]
            else:
                self._rows[index] = octets_now
        self._seen = dict(rows)

    def reserve(self, key_id: int, below: int) -> None:
        """Counters, before the first of them is used."""
        self._check()
        self._try(lambda: self.store.reserve(key_id, below))

    def fail(self, why: str) -> None:
        """Refuses everything from now on."""
        self.failed = self.failed or why

    def _check(self) -> None:
        if self.failed:
            raise StoreError(f"mission control has to be started again: {self.failed}")

    def _try(self, operation: Callable[[], None]) -> None:
        try:
            operation()
        except StoreError as error:
            self.failed = str(error)
            raise


def _octets(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
