"""What mission control watches of its uplink: key and counter on board, and whether anything gets through.

The sender follows the satellite. Another key is in force there once a `select_key` has been completed, or
when the event `key_changed` or live housekeeping says so; frames under the old one are refused from then on.
A statement that was made on board before the last one that was followed says nothing. If the satellite has
taken a counter that the sender has not reached, mission control has lost what it kept: the sender goes on
behind it, or nothing would be taken any more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ground.alarms import LIVE, Alarm
from ground.housekeeping import read
from ground.security import Sender

ALARMS_MAX = 100
BARREN_MAX = 3
"""Suspensions at the transmission limit, nothing delivered between them, that raise an alarm."""
_SETTLED_NS = 2_000_000_000


@dataclass(slots=True)
class UplinkWatch:
    """`told_ns` is the on-board time of the last change of key that was followed, `alarms` every alarm so
    far; `unknown`, `behind`, `untold`, `barren` and `waiting` are the places of the open ones among them.
    """

    told_ns: int = -1
    alarms: list[Alarm] = field(default_factory=list)
    unknown: int | None = None
    behind: int | None = None
    untold: int | None = None
    barren: int | None = None
    waiting: int | None = None

    def see_housekeeping(self, sender: Sender, data: bytes, time_ns: int, arrival_ns: int) -> bool:
        """Live housekeeping: the telemetry of the tick in which a key is changed may not show it yet. Whether
        it told the counter of the key in use, behind which the sender is now.
        """
        told = read(data, ("key_active", "key_counter"))
        if told is None or time_ns <= self.told_ns + _SETTLED_NS:
            return False
        (key_id,), (counter,) = told["key_active"], told["key_counter"]
        if key_id not in (0, sender.key_id):
            self.see_key(sender, key_id, time_ns, arrival_ns)
        elif key_id and self.unknown is not None:
            self._clear(self.unknown, arrival_ns)
            self.unknown = None
        return key_id == sender.key_id and self._see_counter(sender, counter, time_ns, arrival_ns)

    def see_untold(self, key_id: int, now_ns: int) -> None:
        """Nothing has told the counter of a key for so long that frames go up without knowing it."""
        if self.untold is None:
            self.untold = self._raise("counter_unknown", now_ns, now_ns, float(key_id))

    def _see_counter(self, sender: Sender, counter: int, time_ns: int, arrival_ns: int) -> bool:
        if self.untold is not None:
            self._clear(self.untold, arrival_ns)
            self.untold = None
        if sender.is_behind(counter):
            if self.behind is None:
                self.behind = self._raise("counter_behind", arrival_ns, time_ns, float(counter))
            return sender.go_beyond(counter)
        if self.behind is not None:
            self._clear(self.behind, arrival_ns)
            self.behind = None
        return True

    def see_key(self, sender: Sender, key_id: int, time_ns: int, arrival_ns: int) -> None:
        """The satellite takes frames under this key since an on-board time; 0 says of none."""
        if key_id == 0 or time_ns < self.told_ns:
            return
        if key_id in sender.ring.keys:
            if key_id != sender.key_id:
                self.told_ns = time_ns
                sender.select(key_id)
            if self.unknown is not None:
                self._clear(self.unknown, arrival_ns)
                self.unknown = None
        elif self.unknown is None:
            self.unknown = self._raise("key_not_in_ring", arrival_ns, time_ns, float(key_id))

    def see_barren(self, suspensions: int, now_ns: int) -> None:
        """How often FOP-1 was suspended at its limit since something was last delivered."""
        if suspensions >= BARREN_MAX and self.barren is None:
            self.barren = self._raise("uplink_barren", now_ns, now_ns, float(suspensions))
        elif suspensions == 0 and self.barren is not None:
            self._clear(self.barren, now_ns)
            self.barren = None

    def see_waiting(self, awaited: int | None, now_ns: int) -> None:
        """The command that a stack waits for in vain, at the end of a pass; None if none does."""
        if awaited is not None and self.waiting is None:
            self.waiting = self._raise("stack_waits", now_ns, now_ns, float(awaited), "yellow")
        elif awaited is None and self.waiting is not None:
            self._clear(self.waiting, now_ns)
            self.waiting = None

    def results(self) -> list[dict[str, Any]]:
        """Every alarm as plain values, as those of telemetry."""
        return [asdict(one) for one in self.alarms]

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """The watch with that state."""
        return cls(**{**values, "alarms": [Alarm(**one) for one in values["alarms"]]})

    def _raise(
        self, name: str, arrival_ns: int, time_ns: int, value: float, level: str = "red"
    ) -> int | None:
        if len(self.alarms) >= ALARMS_MAX:
            return None
        self.alarms.append(Alarm("ground", name, level, LIVE, arrival_ns, time_ns, value))
        return len(self.alarms) - 1

    def _clear(self, place: int, now_ns: int) -> None:
        self.alarms[place].cleared_ns = now_ns
