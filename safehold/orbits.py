"""From the orbit of a scenario to a state in GCRF at its epoch, and the stations with their coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safehold import registry
from safehold.schema import Scenario
from safehold.schema import Station as StationKeys

if TYPE_CHECKING:
    from sim.environment.tables import EnvironmentModel
    from sim.orbit.initial import InitialState

GM_M3_S2 = 3.986004418e14  # of the Earth; what the period needs


@dataclass(frozen=True, slots=True)
class Site:
    """A ground station with coordinates (WGS84)."""

    name: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    elevation_mask_deg: float


def initial_orbit(scenario: Scenario) -> InitialState:
    """Position and velocity at the epoch.

    Raises ValueError (the orbit part's own errors, which say what is wrong) for elements that cannot be
    flown.
    """
    from sim.orbit import initial

    orbit = scenario.orbit
    if orbit.elements is not None:
        elements = orbit.elements
        return initial.from_elements(
            semi_major_axis_m=elements.semi_major_axis_km * 1e3,
            eccentricity=elements.eccentricity,
            inclination_rad=math.radians(elements.inclination_deg),
            raan_rad=math.radians(elements.raan_deg),
            argument_of_perigee_rad=math.radians(elements.argument_of_perigee_deg),
            true_anomaly_rad=math.radians(elements.true_anomaly_deg),
        )
    if orbit.state_gcrf is not None:
        return initial.from_state(tuple(orbit.state_gcrf.position_m), tuple(orbit.state_gcrf.velocity_m_s))
    if orbit.launch is not None:
        site = registry.stations()[orbit.launch.site]
        return initial.from_launch(
            scenario.epoch,
            latitude_rad=math.radians(site.latitude_deg),
            longitude_rad=math.radians(site.longitude_deg),
            site_altitude_m=site.altitude_m,
            azimuth_rad=math.radians(orbit.launch.azimuth_deg),
            altitude_m=orbit.launch.altitude_km * 1e3,
        ).initial
    if orbit.tle is not None or orbit.omm is not None:
        return _from_mean_elements(scenario)
    return initial.from_circular(
        altitude_m=(orbit.altitude_km or 0.0) * 1e3,
        inclination_rad=math.radians(orbit.inclination_deg or 0.0),
        raan_rad=math.radians(orbit.raan_deg or 0.0),
        argument_of_latitude_rad=math.radians(orbit.argument_of_latitude_deg or 0.0),
    )


def _from_mean_elements(scenario: Scenario) -> InitialState:
    from sim.orbit import mean_elements

    orbit = scenario.orbit
    if orbit.tle is not None:
        lines = orbit.tle if isinstance(orbit.tle, str) else "\n".join(orbit.tle)
        return mean_elements.from_tle(lines, scenario.epoch)
    return mean_elements.from_omm(orbit.omm or {}, scenario.epoch)


def orbit_s(state_gcrf: Sequence[float]) -> float:
    """The period, s, of the osculating orbit of a position and velocity in GCRF (m, m/s); 5,740 s if open."""
    position_m, velocity_m_s = math.hypot(*state_gcrf[:3]), math.hypot(*state_gcrf[3:6])
    inverse_m = 2.0 / position_m - velocity_m_s**2 / GM_M3_S2
    return 2.0 * math.pi / math.sqrt(GM_M3_S2 * inverse_m**3) if inverse_m > 0.0 else 5740.0


def sites(scenario: Scenario) -> tuple[Site, ...]:
    """The scenario's stations, in its order, with coordinates from the catalogue where it gives none."""
    return tuple(_site(station) for station in scenario.station)


def _site(station: StationKeys) -> Site:
    if station.latitude_deg is None or station.longitude_deg is None:
        known = registry.stations()[station.name]
        return Site(
            known.name, known.latitude_deg, known.longitude_deg, known.altitude_m, station.elevation_mask_deg
        )
    altitude = station.altitude_m if station.altitude_m is not None else 0.0
    return Site(
        station.name, station.latitude_deg, station.longitude_deg, altitude, station.elevation_mask_deg
    )


def environment_model(scenario: Scenario) -> EnvironmentModel:
    """The environment's models as the scenario asks for them."""
    from sim.environment.tables import EnvironmentModel

    keys = scenario.environment
    return EnvironmentModel(
        gravity_degree=keys.gravity_degree,
        gravity_order=keys.gravity_order,
        drag=keys.drag,
        solar_pressure=keys.solar_pressure,
        third_bodies=keys.third_bodies,
        atmosphere=keys.atmosphere,
        bulge_exponent=keys.bulge_exponent,
        f107=keys.f107,
        f107a=keys.f107a,
        ap=keys.ap,
        magnetic_degree=keys.magnetic_degree,
    )
