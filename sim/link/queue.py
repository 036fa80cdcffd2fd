"""The space link: pure queues between the satellite's antennas and the ground stations.

It opens on true geometry alone. A frame takes its time on the air at the link's rate, then the latency, and
is carried only if the station has seen the satellite at every tick from its departure to its arrival: what is
in flight at loss of signal is lost. An uplink frame also needs its station's carrier. Whatever order the host
asks in, frames are judged in the order of their arrival, so neither digest nor state depends on how often it
asks.

With a budget, the bits of each frame turn as its Eb/N0 has it, and the receiver locks to a carrier that is
strong enough; the host tells by `look` what the stations see. Impairments lose, repeat, delay and disturb
frames. Every draw is a hash (`sim.link.noise`), so that none of it needs a state.
"""

from __future__ import annotations

import hashlib
import json
import struct
from bisect import bisect_right
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Self

from flight.chain import Chain
from flight.frames import Delivery, Uplink
from sim.link.config import LinkConfig
from sim.link.flying import Flying, from_plain, stations_of, to_plain
from sim.link.geometry import View
from sim.link.impairments import ATTENUATION, DOWN, OUTAGE, UP, Weather, cut, weather
from sim.link.noise import Draw, burst_positions, error_positions, flipped
from sim.link.signal import EVERY_STATION, Signal, tm_error_rates

NEVER = 2**62
"""A tick that never comes."""

_BACKLOG_NS_MAX = 1_000_000_000
_RECORD = struct.Struct("<BBBqqI")
_OUTCOMES = ("delivered", "no_contact", "loss_of_signal", "no_carrier", "rate")
_MORE_OUTCOMES = ("outage", "lost", "weak")
_NAMES = {
    **dict(enumerate(_OUTCOMES)),
    **{len(_OUTCOMES) + 1 + index: name for index, name in enumerate(_MORE_OUTCOMES)},
}
_DELIVERED, _NO_CONTACT, _LOSS_OF_SIGNAL, _NO_CARRIER, _RATE = range(5)
_CARRIER = 5  # of a record of the chain; in between, so that the numbers of the outcomes stay
_OUTAGE, _LOST, _WEAK = 6, 7, 8
_WITH_ERRORS = 9
_LOOK_NS = 1_000_000_000


@dataclass(slots=True)
class Link:
    """Both directions of the space link, with everything that is in flight."""

    config: LinkConfig
    counters: dict[str, int] = field(default_factory=dict)
    _contacts: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    _down: list[Flying] = field(default_factory=list)
    _up: list[Flying] = field(default_factory=list)
    _carriers: list[tuple[int, int, bool]] = field(default_factory=list)
    _carrier_on: int = 0
    _down_free_ns: int = 0
    _up_free_ns: list[int] = field(default_factory=list)
    _strong: int = EVERY_STATION  # of the stations in contact, those whose carrier a receiver can hold
    _strong_is_old: bool = True
    _signal: Signal = field(default_factory=Signal)  # of the last look; not state, since every hop looks anew
    _chain_up: Chain = field(default_factory=lambda: Chain("link.up"))
    _chain_down: Chain = field(default_factory=lambda: Chain("link.down"))

    def __post_init__(self) -> None:
        for direction in ("up", "down"):
            for name in (*_OUTCOMES, *_MORE_OUTCOMES):
                self.counters[f"{direction}_{name}_frames"] = 0
                self.counters[f"{direction}_{name}_bytes"] = 0
            for name in ("frames_with_errors", "bit_errors", "frames_repeated", "frames_displaced"):
                self.counters[f"{direction}_{name}"] = 0
        self._up_free_ns = [0] * self.config.station_count

    def set_contact(self, tick: int, mask: int) -> None:
        """From `tick` on, the stations whose bits are set see the satellite. Ticks come in order."""
        last_tick, last_mask = self._contacts[-1]
        if tick < last_tick:
            raise ValueError(f"contact at tick {tick} told after tick {last_tick}")
        if mask == last_mask:
            return
        if tick == last_tick:
            self._contacts.pop()
        self._contacts.append((tick, mask))
        self._strong_is_old = True
        self._forget()

    def look(self, views: Sequence[View], antenna: int) -> None:
        """What each station sees now, and which patch the transmitter feeds; told before `deliver_up` of a
        tick, and again before `send_down` of what left by then. Only a contact needs it.
        """
        self._signal = Signal(views, antenna)

    def next_look_tick(self, tick: int) -> int:
        """The tick at which the receiver's lock has to be judged anew, if the last look was at this one;
        NEVER outside contact. Each second, but for as long as the look says that it is certain.
        """
        stations = self._contacts[-1][1]
        if not stations:
            return NEVER
        config = self.config
        edges = [
            -(-edge_ns // config.tick_ns)
            for one in config.impairments
            if one.kind in (OUTAGE, ATTENUATION) and one.directions & UP
            for edge_ns in (one.start_ns, one.end_ns)
        ]
        if config.budget is not None and self._carrier_on:
            sure_ns = self._signal.sure_for_ns(config, stations, tick * config.tick_ns)
            sure_tick = tick + sure_ns // config.tick_ns
            edges.append((sure_tick // self._look_ticks + 1) * self._look_ticks)
        return min((edge for edge in edges if edge > tick), default=NEVER)

    @property
    def _look_ticks(self) -> int:
        return max(1, _LOOK_NS // self.config.tick_ns)

    def send_down(self, tick: int, frame: bytes) -> None:
        """The satellite radiates a TM frame at `tick`; frames come in the order of their ticks."""
        sent_ns = tick * self.config.tick_ns
        departure_ns = max(sent_ns, self._down_free_ns)
        late = departure_ns - sent_ns > _BACKLOG_NS_MAX
        on_air_ns = 0 if late else _on_air_ns(frame, self.config.tm_rate_bit_s)
        self._down_free_ns = max(self._down_free_ns, departure_ns + on_air_ns)
        stations = self._mask_at(tick)
        outcome = _RATE if late else _DELIVERED if stations else _NO_CONTACT
        arrival_ns = departure_ns + on_air_ns + self.config.latency_ns
        flying = Flying(departure_ns, arrival_ns, stations, frame, outcome)
        if outcome == _DELIVERED:
            flying.ebn0_db = self._signal.tm_ebn0_db(self.config, stations, departure_ns)
        self._launch(self._down, flying, on_air_ns, DOWN)

    def send_up(self, uplink: Uplink) -> None:
        """A station radiates a TC frame or switches its carrier."""
        if not 0 <= uplink.station < self.config.station_count:
            raise ValueError(f"station {uplink.station} of {self.config.station_count}")
        if uplink.kind != "frame":
            arrival_ns = uplink.departure_ns + self.config.latency_ns
            self._carriers.append((arrival_ns, uplink.station, uplink.kind == "carrier_on"))
            self._carriers.sort()
            return
        departure_ns = max(uplink.departure_ns, self._up_free_ns[uplink.station])
        on_air_ns = _on_air_ns(uplink.frame, self.config.tc_rate_bit_s)
        end_ns = departure_ns + on_air_ns
        self._up_free_ns[uplink.station] = end_ns
        arrival_ns = end_ns + self.config.latency_ns
        flying = Flying(departure_ns, arrival_ns, 1 << uplink.station, uplink.frame)
        self._launch(self._up, flying, on_air_ns, UP)

    def next_arrival_up_tick(self) -> int:
        """Tick at which the next TC frame or change of carrier reaches the satellite; NEVER if none is under
        way.
        """
        first = min(
            self._up[0].arrival_ns if self._up else NEVER, self._carriers[0][0] if self._carriers else NEVER
        )
        return NEVER if first == NEVER else self._arrival_tick(first)

    def next_arrival_down_tick(self, matters: Callable[[bytes], bool] | None = None) -> int:
        """Tick at which the next TM frame, of those that matter, may reach a station; NEVER if none is under
        way.
        """
        for flying in self._down:
            if flying.outcome == _DELIVERED and (matters is None or matters(flying.frame)):
                return self._arrival_tick(flying.arrival_ns)
        return NEVER

    def deliver_up(self, tick: int) -> list[bytes]:
        """The TC frames that have reached the satellite by `tick`; `set_contact` up to `tick` comes first."""
        frames = []
        while self.next_arrival_up_tick() <= tick:
            if self._carriers and (not self._up or self._carriers[0][0] <= self._up[0].arrival_ns):
                self._switch_carrier()
                continue
            flying = self._up.pop(0)
            outcome, station = self._judge_up(flying)
            if self._account("up", self._chain_up, flying, 0 if outcome else 1 << station, outcome):
                rate = self._signal.tc_error_rate(self.config, station, flying.arrival_ns)
                draw = Draw(self.config.seed, True, flying.departure_ns, station, flying.copy)
                frames.append(self._disturbed("up", self._chain_up, flying, draw, rate))
        stations = self._contacts[-1][1]
        due = tick % self._look_ticks == 0 and stations and self._carrier_on
        if self._strong_is_old or due:
            time_ns = tick * self.config.tick_ns
            self._strong = self._signal.strong_stations(self.config, stations, time_ns)
            self._strong_is_old = False
        self._forget()
        return frames

    def deliver_down(self, tick: int) -> list[Delivery]:
        """The TM frames that have reached stations by `tick`, one for each station that saw the satellite
        throughout.
        """
        deliveries = []
        while self._down and self._arrival_tick(self._down[0].arrival_ns) <= tick:
            flying = self._down.pop(0)
            outcome, heard = self._judge_down(flying)
            if not self._account("down", self._chain_down, flying, heard, outcome):
                continue
            rates = tm_error_rates(self.config, flying)
            for station in range(self.config.station_count):
                if heard >> station & 1:
                    draw = Draw(self.config.seed, False, flying.departure_ns, station, flying.copy)
                    frame = self._disturbed("down", self._chain_down, flying, draw, rates.get(station, 0.0))
                    deliveries.append(Delivery(flying.arrival_ns, station, frame))
        self._forget()
        return deliveries

    def receiver_lock(self, tick: int) -> bool:
        """Whether a receiver is locked to a station's carrier at `tick`, after `deliver_up(tick)`."""
        held = self._mask_at(tick) & self._carrier_on & self._strong
        if not held:
            return False
        now_ns = tick * self.config.tick_ns
        return not (self.config.impairments and cut(self.config.impairments, UP, now_ns, now_ns))

    def digest(self) -> bytes:
        """SHA-256 over both directions' chains and what is in flight."""
        flying = json.dumps(
            [[to_plain(one) for one in queue] for queue in (self._up, self._down)] + [self._carriers],
            separators=(",", ":"),
        )
        return hashlib.sha256(self._chain_up.digest() + self._chain_down.digest() + flying.encode()).digest()

    def to_bytes(self) -> bytes:
        """The whole state, canonically."""
        state = {
            "counters": self.counters,
            "contacts": self._contacts,
            "down": [to_plain(flying) for flying in self._down],
            "up": [to_plain(flying) for flying in self._up],
            "carriers": self._carriers,
            "carrier_on": self._carrier_on,
            "down_free_ns": self._down_free_ns,
            "up_free_ns": self._up_free_ns,
            "strong": self._strong,
            "strong_is_old": self._strong_is_old,
            "chain_up": self._chain_up.to_bytes().hex(),
            "chain_down": self._chain_down.to_bytes().hex(),
        }
        return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()

    def control_bytes(self, tick: int) -> bytes:
        """What can change what happens from `tick` on, or is counted as lost: when and where from frames are
        under way but not what they say, carriers, contacts. The octets delivered and the chains are account.
        """
        now_ns = tick * self.config.tick_ns
        state = [
            [[*one.order, len(one.frame), one.outcome, one.ebn0_db] for one in queue]
            for queue in (self._up, self._down)
        ]
        lost = [number for name, number in sorted(self.counters.items()) if "_delivered_" not in name]
        free_ns = [max(free, now_ns) for free in (self._down_free_ns, *self._up_free_ns)]
        lock = [self._strong, self._strong_is_old]
        values = [state, lost, free_ns, self._carriers, self._carrier_on, self._contacts, lock]
        return json.dumps(values, separators=(",", ":")).encode()

    def copy(self) -> Self:
        """Another link in the same state, for what might happen."""
        other = copy(self)
        other.counters = dict(self.counters)
        other._contacts, other._carriers = list(self._contacts), list(self._carriers)
        other._down, other._up = list(self._down), list(self._up)
        other._up_free_ns = list(self._up_free_ns)
        other._chain_up = Chain.from_bytes(self._chain_up.to_bytes())
        other._chain_down = Chain.from_bytes(self._chain_down.to_bytes())
        return other

    @classmethod
    def from_bytes(cls, config: LinkConfig, state: bytes) -> Self:
        """The link with that state; raises ValueError or KeyError if it is none."""
        values: dict[str, Any] = json.loads(state)
        link = cls(config)
        if len(values["up_free_ns"]) != config.station_count:
            raise ValueError("the link's state is that of another number of stations")
        link.counters = dict(values["counters"])
        link._contacts = [(int(tick), int(mask)) for tick, mask in values["contacts"]]
        link._down = [from_plain(plain) for plain in values["down"]]
        link._up = [from_plain(plain) for plain in values["up"]]
        link._carriers = [(int(at), int(station), bool(on)) for at, station, on in values["carriers"]]
        link._carrier_on = int(values["carrier_on"])
        link._down_free_ns = int(values["down_free_ns"])
        link._up_free_ns = [int(free) for free in values["up_free_ns"]]
        link._strong = int(values["strong"])
        link._strong_is_old = bool(values["strong_is_old"])
        link._chain_up = Chain.from_bytes(bytes.fromhex(values["chain_up"]))
        link._chain_down = Chain.from_bytes(bytes.fromhex(values["chain_down"]))
        return link

    def _launch(self, queue: list[Flying], flying: Flying, on_air_ns: int, direction: int) -> None:
        """Send a frame on its way, through whatever acts on that direction."""
        if self.config.impairments and flying.outcome == _DELIVERED:
            acting = weather(self.config.impairments, direction, flying.departure_ns)
            station = flying.stations.bit_length() - 1 if direction == UP else -1
            draw = Draw(self.config.seed, direction == UP, flying.departure_ns, station)
            self._displace(queue, flying, on_air_ns, draw, acting)
        ordered = not queue or queue[-1].order <= flying.order
        queue.append(flying)
        if not ordered:
            queue.sort(key=lambda one: one.order)

    def _displace(
        self, queue: list[Flying], flying: Flying, on_air_ns: int, draw: Draw, acting: Weather
    ) -> None:
        name = "up" if draw.up else "down"
        if acting.jitter_ns:
            flying.arrival_ns += round((2.0 * draw.uniform(b"jitter") - 1.0) * acting.jitter_ns)
        if draw.happens(b"reorder", acting.reorder):
            behind = 1 + int(draw.uniform(b"behind") * acting.reorder_frames)
            # Half a frame more than that many, so that it comes after the last of them and before the next.
            flying.arrival_ns += min(behind, acting.reorder_frames) * on_air_ns + on_air_ns // 2
            self.counters[f"{name}_frames_displaced"] += 1
        if draw.happens(b"again", acting.duplication):
            again = copy(flying)
            again.copy, again.arrival_ns = 1, flying.arrival_ns + on_air_ns
            again.outcome = _LOST if replace(draw, copy=1).happens(b"loss", acting.loss) else _DELIVERED
            self.counters[f"{name}_frames_repeated"] += 1
            queue.append(again)
        if draw.happens(b"loss", acting.loss):
            flying.outcome = _LOST

    def _judge_up(self, flying: Flying) -> tuple[int, int]:
        """What becomes of a TC frame, and its station."""
        station = flying.stations.bit_length() - 1
        carried = self._carried(flying)
        if flying.outcome:
            return flying.outcome, station
        if not carried:
            return self._not_carried(flying), station
        if not carried & self._carrier_on:
            return _NO_CARRIER, station
        if cut(self.config.impairments, UP, flying.departure_ns, flying.arrival_ns):
            return _OUTAGE, station
        budget = self.config.budget
        if budget is None or self._signal.views is None:
            return _DELIVERED, station
        strong = (
            self._signal.tc_ebn0_db(self.config, station, flying.arrival_ns) >= budget.acquisition_ebn0_db
        )
        return _DELIVERED if strong and carried & self._strong else _WEAK, station

    def _judge_down(self, flying: Flying) -> tuple[int, int]:
        """What becomes of a TM frame, and which stations receive it."""
        if flying.outcome:
            return flying.outcome, 0
        carried = self._carried(flying)
        if not carried:
            return self._not_carried(flying), 0
        if cut(self.config.impairments, DOWN, flying.departure_ns, flying.arrival_ns):
            return _OUTAGE, 0
        budget = self.config.budget
        if budget is not None and flying.ebn0_db:
            for station, ebn0_db in zip(stations_of(flying.stations), flying.ebn0_db, strict=True):
                if ebn0_db < budget.acquisition_ebn0_db:
                    carried &= ~(1 << station)
        return (_DELIVERED, carried) if carried else (_WEAK, 0)

    def _not_carried(self, flying: Flying) -> int:
        first = flying.departure_ns // self.config.tick_ns
        return _LOSS_OF_SIGNAL if flying.stations & self._mask_at(first) else _NO_CONTACT

    def _disturbed(self, name: str, chain: Chain, flying: Flying, draw: Draw, rate: float) -> bytes:
        """The frame as it arrives; what was turned in it joins the chain."""
        bits = 8 * len(flying.frame)
        positions = error_positions(draw, bits, rate)
        if self.config.impairments:
            acting = weather(self.config.impairments, UP if draw.up else DOWN, flying.departure_ns)
            if draw.happens(b"burst", acting.burst):
                positions = sorted({*positions, *burst_positions(draw, bits, acting.burst_bits)})
        if not positions:
            return flying.frame
        self.counters[f"{name}_frames_with_errors"] += 1
        self.counters[f"{name}_bit_errors"] += len(positions)
        frame = flipped(flying.frame, positions)
        arrival = self._arrival_tick(flying.arrival_ns)
        chain.add(_RECORD.pack(_WITH_ERRORS, draw.station + 1, 0, arrival, arrival, len(frame)) + frame)
        return frame

    # --- books --------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """Drops contacts that no frame in flight, nor one that a station sends late, can ask for."""
        if len(self._contacts) == 1:
            return
        late_ns = 4 * (self.config.latency_ns + _BACKLOG_NS_MAX)
        needed_ns = self._contacts[-1][0] * self.config.tick_ns - late_ns
        for flying in (*self._down, *self._up):
            needed_ns = min(needed_ns, flying.departure_ns)
        needed_tick = needed_ns // self.config.tick_ns
        while len(self._contacts) > 1 and self._contacts[1][0] <= needed_tick:
            self._contacts.pop(0)

    def _arrival_tick(self, time_ns: int) -> int:
        return -(-time_ns // self.config.tick_ns)

    def _mask_at(self, tick: int) -> int:
        index = bisect_right(self._contacts, tick, key=lambda change: change[0]) - 1
        return self._contacts[index][1] if index >= 0 else 0

    def _carried(self, flying: Flying) -> int:
        """Of the frame's stations, those that saw the satellite at every tick from departure to arrival."""
        first, last = flying.departure_ns // self.config.tick_ns, self._arrival_tick(flying.arrival_ns)
        carried = flying.stations & self._mask_at(first)
        for tick, mask in self._contacts:
            if first < tick <= last:
                carried &= mask
        return carried

    def _account(self, direction: str, chain: Chain, flying: Flying, carried: int, outcome: int) -> bool:
        first, last = flying.departure_ns // self.config.tick_ns, self._arrival_tick(flying.arrival_ns)
        name = _NAMES[outcome]
        self.counters[f"{direction}_{name}_frames"] += 1
        self.counters[f"{direction}_{name}_bytes"] += len(flying.frame)
        delivered = outcome == _DELIVERED
        station = carried.bit_length() if delivered else flying.stations.bit_length()
        chain.add(_RECORD.pack(outcome, station, 0, first, last, len(flying.frame)) + flying.frame)
        return delivered

    def _switch_carrier(self) -> None:
        arrival_ns, station, on = self._carriers.pop(0)
        self._carrier_on = self._carrier_on & ~(1 << station) | on << station
        self._strong_is_old = True
        arrival = self._arrival_tick(arrival_ns)
        self._chain_up.add(_RECORD.pack(_CARRIER, station + 1, on, arrival, arrival, 0))


def _on_air_ns(frame: bytes, rate_bit_s: int) -> int:
    return -(-len(frame) * 8 * 1_000_000_000 // rate_bit_s)
