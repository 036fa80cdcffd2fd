"""The octets of files under way, in pieces that a store writes again only if they changed.

    octets/reception/7/3    the fourth segment of what has come of transaction 7
    octets/sending/1        a file that goes up
    octets/whole/12         of the thirteenth file that came whole: name, octets, SHA-256, time

The rest of the transfers' state is small, and a part like others; it says how long each of these is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ground.cfdp.reception import KEPT_OCTETS, Reception
from ground.files import Files
from ground.keeper import OCTETS


@dataclass(slots=True)
class FileKeeping:
    """What the store holds: segments of each reception, files that go up, and how many that came whole."""

    _segments: dict[int, int] = field(default_factory=dict)
    _sendings: set[int] = field(default_factory=set)
    _whole: int = 0

    def changes(self, files: Files) -> dict[str, bytes | None]:
        """What differs from what the store holds; from now on it is taken to hold this."""
        found: dict[str, bytes | None] = {}
        receptions = files.service.destination.receptions
        for sequence in self._segments.keys() - receptions.keys():
            found |= {_segment(sequence, at): None for at in range(self._segments.pop(sequence))}
        for sequence, one in receptions.items():
            segments = _count(one)
            for at in range(segments, self._segments.get(sequence, 0)):
                found[_segment(sequence, at)] = None
            for at in sorted(one.fresh):
                if at < segments:
                    found[_segment(sequence, at)] = bytes(one.data[at * KEPT_OCTETS : (at + 1) * KEPT_OCTETS])
            one.fresh.clear()
            self._segments[sequence] = segments
        sendings = files.service.sendings
        found |= {f"{OCTETS}sending/{sequence}": None for sequence in self._sendings - sendings.keys()}
        for sequence in sendings.keys() - self._sendings:
            found[f"{OCTETS}sending/{sequence}"] = sendings[sequence].data
        self._sendings = set(sendings)
        for place in range(self._whole, len(files.whole)):
            found[f"{OCTETS}whole/{place}"] = json.dumps(files.whole[place]).encode()
        self._whole = len(files.whole)
        return found

    def restore(self, files: Files, pieces: Mapping[str, bytes]) -> None:
        """Puts what a store holds back into transfers that were made without their octets.

        Raises KeyError, TypeError or ValueError if it does not fit them.
        """
        for sequence, reception in files.service.destination.receptions.items():
            length, segments = len(reception.data), _count(reception)
            octets = b"".join(pieces[_segment(sequence, at)] for at in range(segments))
            if len(octets) != length:
                raise ValueError(f"{len(octets)} octets are kept of transaction {sequence}, not {length}")
            reception.data = bytearray(octets)
            self._segments[sequence] = segments
        for sequence, sending in files.service.sendings.items():
            data = pieces[f"{OCTETS}sending/{sequence}"]
            if len(data) != len(sending.data):
                raise ValueError(f"{len(data)} octets are kept of upload {sequence}, not {len(sending.data)}")
            sending.data = data
        self._sendings = set(files.service.sendings)
        self._whole = sum(name.startswith(f"{OCTETS}whole/") for name in pieces)
        files.whole = []
        for place in range(self._whole):
            name, length, sha256, at_ns = json.loads(pieces[f"{OCTETS}whole/{place}"])
            files.whole.append((name, length, sha256, at_ns))


def _segment(sequence: int, at: int) -> str:
    return f"{OCTETS}reception/{sequence}/{at}"


def _count(reception: Reception) -> int:
    return -(-len(reception.data) // KEPT_OCTETS)
