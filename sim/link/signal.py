"""How strong the signals are that stations and satellite have of one another, and what that makes of bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.link.budget import bit_error_rate
from sim.link.config import LinkConfig
from sim.link.flying import Flying, stations_of
from sim.link.geometry import View
from sim.link.impairments import DOWN, UP, weather

EVERY_STATION = 2**62 - 1


@dataclass(frozen=True, slots=True)
class Signal:
    """What was seen at the last look: a view of each station, and the patch that the transmitter feeds."""

    views: Sequence[View] | None = None
    antenna: int = 0

    def tm_ebn0_db(self, config: LinkConfig, stations: int, time_ns: int) -> tuple[float, ...]:
        """Eb/N0 at each of the stations, in the order of their bits; empty without budget or look."""
        budget = config.budget
        if budget is None or self.views is None:
            return ()
        weaker = _attenuation_db(config, DOWN, time_ns)
        found = []
        for station in stations_of(stations):
            view = self.views[station]
            ebn0_db = budget.tm_ebn0_db(
                station, view.range_m, view.sine_elevation, view.cosine_boresight, self.antenna
            )
            found.append(ebn0_db - weaker)
        return tuple(found)

    def tc_ebn0_db(self, config: LinkConfig, station: int, time_ns: int) -> float:
        """Eb/N0 of a station's carrier on board; needs a budget and a look."""
        assert config.budget is not None
        assert self.views is not None
        view = self.views[station]
        found = config.budget.tc_ebn0_db(station, view.range_m, view.sine_elevation, view.cosine_boresight)
        return found - _attenuation_db(config, UP, time_ns)

    def tc_error_rate(self, config: LinkConfig, station: int, time_ns: int) -> float:
        """The share of wrong bits on board; 0 without budget or look."""
        if config.budget is None or self.views is None:
            return 0.0
        return bit_error_rate(config.budget.tc, self.tc_ebn0_db(config, station, time_ns))

    def strong_stations(self, config: LinkConfig, time_ns: int) -> int:
        """The stations whose carrier a receiver can hold, a bit each."""
        if config.budget is None or self.views is None:
            return EVERY_STATION
        least_db = config.budget.acquisition_ebn0_db
        return sum(
            1 << station
            for station in range(config.station_count)
            if self.tc_ebn0_db(config, station, time_ns) >= least_db
        )


def tm_error_rates(config: LinkConfig, flying: Flying) -> dict[int, float]:
    """The share of wrong bits of a TM frame at each of its stations; empty without a budget."""
    if config.budget is None:
        return {}
    return {
        station: bit_error_rate(config.budget.tm, ebn0_db)
        for station, ebn0_db in zip(stations_of(flying.stations), flying.ebn0_db, strict=False)
    }


def _attenuation_db(config: LinkConfig, direction: int, time_ns: int) -> float:
    if not config.impairments:
        return 0.0
    return weather(config.impairments, direction, time_ns).attenuation_db
