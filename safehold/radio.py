"""The scenario's link as the simulation's: budget, impairments, and the faults of the link's kinds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from safehold.schema import Fault, Scenario

if TYPE_CHECKING:
    from safehold.orbits import Site
    from sim.link import Budget, Impairment, LinkConfig


def link_config(scenario: Scenario) -> LinkConfig:
    """The link's constants, with the scenario's own faults."""
    from sim.link import LinkConfig

    keys = scenario.link
    return LinkConfig(
        tick_ns=scenario.tick_ns,
        latency_ns=round(keys.latency_ms * 1e6),
        station_count=len(scenario.station),
        tm_rate_bit_s=keys.tm_rate_bit_s,
        tc_rate_bit_s=keys.tc_rate_bit_s,
        seed=scenario.seed,
        budget=budget(scenario) if keys.noise else None,
        impairments=(*_lasting(scenario), *impairments(scenario.fault)),
    )


def budget(scenario: Scenario) -> Budget:
    """The radio of a scenario, its spacecraft and its stations."""
    from sim.link import Budget, Channel, Patch
    from sim.spacecraft import Spacecraft

    keys, link = scenario.link.budget, scenario.link
    power_dbw = keys.tm_power_dbw
    if power_dbw is None:
        craft = Spacecraft.with_overrides(scenario.spacecraft)
        power_dbw = 10.0 * math.log10(max(craft.transmitter_radiated_w, 1e-6))
    return Budget(
        tm=Channel(
            frequency_hz=keys.tm_frequency_mhz * 1e6,
            rate_bit_s=link.tm_rate_bit_s,
            eirp_dbw=power_dbw - keys.tm_line_loss_db,
            g_t_db_k=keys.tm_g_t_db_k,
            losses_db=keys.tm_losses_db,
            implementation_db=keys.tm_implementation_db,
            code_gain_db=keys.tm_code_gain_db,
        ),
        tc=Channel(
            frequency_hz=keys.tc_frequency_mhz * 1e6,
            rate_bit_s=link.tc_rate_bit_s,
            eirp_dbw=keys.tc_eirp_dbw,
            g_t_db_k=keys.tc_g_t_db_k,
            losses_db=keys.tc_losses_db,
            implementation_db=keys.tc_implementation_db,
            code_gain_db=keys.tc_code_gain_db,
        ),
        patch=Patch(
            peak_dbi=keys.patch_peak_dbi,
            beamwidth_rad=math.radians(keys.patch_beamwidth_deg),
            back_dbi=keys.patch_back_dbi,
        ),
        atmosphere_zenith_db=keys.atmosphere_zenith_db,
        acquisition_ebn0_db=keys.acquisition_ebn0_db,
        station_eirp_dbw=tuple(
            keys.tc_eirp_dbw if station.eirp_dbw is None else station.eirp_dbw for station in scenario.station
        ),
        station_g_t_db_k=tuple(
            keys.tm_g_t_db_k if station.g_t_db_k is None else station.g_t_db_k for station in scenario.station
        ),
    )


STATIONS_ON_BOARD = 8


def station_table(sites: Sequence[Site]) -> dict[str, Any]:
    """The settings by which the satellite knows the stations; it takes the first eight."""
    known = list(sites[:STATIONS_ON_BOARD])

    def filled(values: Iterable[float], rest: float) -> list[float]:
        found = list(values)
        return found + [rest] * (STATIONS_ON_BOARD - len(found))

    return {
        "station_count": len(known),
        "station_latitude_rad": filled((math.radians(site.latitude_deg) for site in known), 0.0),
        "station_longitude_rad": filled((math.radians(site.longitude_deg) for site in known), 0.0),
        "station_altitude_m": filled((site.altitude_m for site in known), 0.0),
        "station_mask_rad": filled((math.radians(site.elevation_mask_deg) for site in known), 0.174533),
    }


def is_link_kind(kind: str) -> bool:
    """Whether a kind of fault belongs to the link."""
    return kind.startswith("link_")


def impairments(faults: Sequence[Fault]) -> Iterator[Impairment]:
    """Those faults that belong to the link, as it takes them."""
    from sim.link.impairments import impairment

    for fault in faults:
        if is_link_kind(fault.kind):
            yield impairment(fault.kind, fault.target, fault.at, fault.duration, fault.parameters)


def _lasting(scenario: Scenario) -> Iterator[Impairment]:
    """What `[link]` asks for over the whole run."""
    from sim.link.impairments import BOTH, BURST, DUPLICATION, JITTER, LOSS, OUTAGE, REORDER, TARGETS
    from sim.link.impairments import Impairment as Made

    keys = scenario.link
    for kind, value, second in (
        (LOSS, keys.loss, 0.0),
        (BURST, keys.burst, float(keys.burst_bits)),
        (DUPLICATION, keys.duplication, 0.0),
        (REORDER, keys.reorder, float(keys.reorder_frames)),
        (JITTER, keys.jitter_ms * 1e-3, 0.0),
    ):
        if value > 0.0:
            yield Made(kind, BOTH, value=value, second=second)
    for outage in keys.outage:
        yield Made(OUTAGE, TARGETS[f"link.{outage.direction}"], outage.from_, outage.until)
