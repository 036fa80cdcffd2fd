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
SPEED_MOST_M_S = 12_000.0
"""More than a satellite that stays with the Earth can go against the ground."""
_MARGIN_DB = 0.01  # far more than rounding, so that what is sure is what a look would find


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

    def strong_stations(self, config: LinkConfig, stations: int, time_ns: int) -> int:
        """Those of the stations whose carrier a receiver can hold, a bit each."""
        if config.budget is None or self.views is None:
            return stations
        least_db = config.budget.acquisition_ebn0_db
        return sum(
            1 << station
            for station in stations_of(stations)
            if self.tc_ebn0_db(config, station, time_ns) >= least_db
        )

    def sure_for_ns(self, config: LinkConfig, stations: int, time_ns: int) -> int:
        """How long after the look, made at a time, a receiver can hold the carrier of each of the stations
        whichever way the satellite flies and turns, if nothing attenuates it more; 0 if that is not sure.
        """
        if config.budget is None or self.views is None:
            return 0
        weaker_db = _attenuation_db(config, UP, time_ns) + config.budget.acquisition_ebn0_db + _MARGIN_DB
        sure_ns = EVERY_STATION
        for station in stations_of(stations):
            range_m = self.views[station].range_m
            spare_db = config.budget.tc_ebn0_least_db(station, range_m) - weaker_db
            if spare_db <= 0.0:
                return 0
            away_m = range_m * (10.0 ** (spare_db / 20.0) - 1.0)
            sure_ns = min(sure_ns, int(away_m / SPEED_MOST_M_S * 1e9))
        return sure_ns


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
