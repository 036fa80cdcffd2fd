"""A ground that can be put back to where it stood, at no cost as long as nothing is exchanged with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flight.frames import Delivery, Uplink
    from ground.process import InProcessGround


class KeptGround:
    """Stands in for a ground in this process (`ground.process.GroundClient`).

    Outside contacts hours pass without an exchange: the state is written down before the first one after
    `keep`, and hashed once for each state.
    """

    def __init__(self, inner: InProcessGround) -> None:
        self._inner = inner
        self._keeping = False
        self._kept: bytes | None = None
        self._hashes: dict[str, bytes] = {}
        self._hashes_kept: dict[str, bytes] = {}

    # --- as any ground ------------------------------------------------------------------------------------

    @property
    def archive(self) -> list[Delivery]:
        """Every frame that it accepted; hosts may drain it."""
        return self._inner.archive

    @property
    def reacts(self) -> bool:
        """`Ground.reacts`."""
        return self._inner.reacts

    def exchange(self, until_tick: int, deliveries: list[Delivery]) -> tuple[list[Uplink], int]:
        """Lets the ground live on to `until_tick`; returns what departs, and its promise."""
        if self._keeping and self._kept is None:
            self._kept, self._hashes_kept = self._inner.to_bytes(), self._hashes
        self._hashes = {}
        return self._inner.exchange(until_tick, deliveries)

    def results(self) -> dict[str, Any]:
        """`Ground.results`."""
        return self._inner.results()

    def digest(self) -> bytes:
        """`Ground.digest`."""
        return self._inner.digest()

    def to_bytes(self) -> bytes:
        """`Ground.to_bytes`."""
        return self._inner.to_bytes()

    def restore(self, state: bytes) -> None:
        """Takes a state of `to_bytes` of the same configuration; raises GroundError if it is none."""
        self._inner.restore(state)
        self._keeping, self._kept, self._hashes = False, None, {}
        self.archive.clear()

    def close(self) -> None:
        """Ends the ground."""
        self._inner.close()

    # --- keeping and comparing ----------------------------------------------------------------------------

    def keep(self) -> None:
        """From here on `rewind` brings this state back."""
        self._keeping, self._kept = True, None

    def rewind(self) -> None:
        """Back to the state of `keep`; frames received since then are forgotten."""
        if self._kept is not None:
            self._inner.restore(self._kept)
            self._hashes = self._hashes_kept
        self._keeping, self._kept = False, None
        self.archive.clear()

    def control_hash(self) -> bytes:
        """Of what steers the ground."""
        return self._hash("control", lambda: self._inner.ground.control_bytes())

    def whole_hash(self) -> bytes:
        """Of the whole state but the time to which it was last granted any, which says nothing about it."""
        return self._hash(
            "whole", lambda: self._inner.ground.control_bytes() + self._inner.ground.account_bytes()
        )

    def frame_counts(self) -> tuple[int, list[int]]:
        """`Ground.frame_counts`."""
        return self._inner.ground.frame_counts()

    def events_told(self) -> dict[str, int]:
        """`Ground.events_told`."""
        return self._inner.ground.events_told()

    def _hash(self, name: str, octets: Any) -> bytes:
        if name not in self._hashes:
            self._hashes[name] = hashlib.sha256(octets()).digest()
        return self._hashes[name]
