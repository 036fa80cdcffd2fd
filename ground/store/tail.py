"""The end of a frame journal: what is brought again after a crash is in it already.

A mission control that was killed between the journal and its state is asked the same once more. The frames
of that request, and only these, can be in the journal before they are given to it.
"""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flight.frames import Delivery

RECORDS_MAX = 65_536
"""More than one request can bring."""
_Key = tuple[int, int, int, int]


@dataclass(slots=True)
class Tail:
    """What the journal was given last."""

    _records: deque[_Key] = field(default_factory=lambda: deque(maxlen=RECORDS_MAX))

    def see(self, deliveries: Iterable[Delivery]) -> None:
        """These are in the journal, behind all others."""
        self._records.extend(map(_key, deliveries))

    def fresh(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those that it does not have: they come after its last one, or are not among its own."""
        if not self._records or not deliveries or deliveries[0].arrival_ns > self._records[-1][0]:
            return list(deliveries)
        known = Counter(key for key in self._records if key[0] >= deliveries[0].arrival_ns)
        found = []
        for delivery in deliveries:
            key = _key(delivery)
            if known[key]:
                known[key] -= 1
            else:
                found.append(delivery)
        return found


def _key(delivery: Delivery) -> _Key:
    return delivery.arrival_ns, delivery.station, len(delivery.frame), zlib.crc32(delivery.frame)
