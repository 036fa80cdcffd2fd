"""From a scenario to what flies it: the plant, the flight computer's configuration, the ground's."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safehold.commands import to_ground
from safehold.errors import Problem, ScenarioError
from safehold.ground_elements import with_elements
from safehold.orbits import Site, environment_model
from safehold.radio import is_link_kind, station_table
from safehold.registry import IN_FLIGHT
from safehold.schema import Fault, Scenario

if TYPE_CHECKING:
    from ground.config import GroundConfig, Station
    from sim.orbit.initial import InitialState
    from sim.plant import Plant


def make_plant(
    scenario: Scenario, orbit: InitialState, stations: Sequence[Site], faults: Sequence[Fault]
) -> Plant:
    """The plant at the scenario's beginning, under these faults."""
    from sim.environment.tables import EnvironmentTables
    from sim.plant import Initial, Plant
    from sim.spacecraft import Spacecraft

    tables = EnvironmentTables(scenario.epoch, scenario.duration / 1e9, environment_model(scenario))
    quaternion = scenario.initial.quaternion_body_from_gcrf
    state = [float(value) for value in orbit.state_gcrf]
    initial = Initial(
        position_gcrf_m=(state[0], state[1], state[2]),
        velocity_gcrf_m_s=(state[3], state[4], state[5]),
        rate_body_rad_s=_three(math.radians(rate) for rate in scenario.initial.rate_deg_s),
        quaternion_body_from_gcrf=None if quaternion is None else _four(quaternion),
        battery_state_of_charge=scenario.initial.battery_state_of_charge,
    )
    return Plant(
        Spacecraft.with_overrides(scenario.spacecraft),
        tables,
        initial,
        stations=stations,
        faults=plant_faults(faults),
        seed=scenario.seed,
        tick_ns=scenario.tick_ns,
        gravity_gradient=scenario.environment.gravity_gradient,
        residual_dipole=scenario.environment.residual_dipole,
    )


def plant_faults(faults: Sequence[Fault]) -> list[Any]:
    """The rows of the plant's table; faults of the computer are the driver's, of the link the link's."""
    from sim.faults import fault_row

    return [
        fault_row(fault.kind, fault.target, fault.at, fault.duration, fault.parameters)
        for fault in faults
        if fault.kind not in IN_FLIGHT and not is_link_kind(fault.kind)
    ]


def flight_configuration(scenario: Scenario, stations: Sequence[Site]) -> dict[str, Any]:
    """What a flight computer is made with, but for its keys."""
    flight = scenario.flight
    return {
        "replicas": flight.replicas,
        "resync": flight.resync,
        "autonomy": flight.autonomy,
        "parameters": {
            "epoch_utc_j2000_s": _calendar_seconds(scenario.epoch),
            **station_table(stations),
            **flight.parameters,
        },
        "tick_ns": scenario.tick_ns,
        "quotas": flight.memory.quotas(),
        "telemetry_protection": scenario.link.telemetry_protection,
    }


def flip_bit(scenario: Scenario, index: int, bits: int) -> int:
    """The bit of fault `index`, a flip: as given, or chosen by the seed. Raises ScenarioError if a replica's
    state has no such bit.
    """
    given = scenario.fault[index].parameters.get("bit", -1)
    bit = int(given)
    if bit < 0:
        name = f"{scenario.seed} replica_bit_flip {index}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "little") % bits
    if bit >= bits:
        wrong = f"is {bit}; a replica's state has {bits} bits"
        raise ScenarioError(scenario.name, [Problem("SH-SCN-016", wrong, f"[[fault]] {index + 1}, bit")])
    return bit


def ground_stations(places: Sequence[Site]) -> tuple[Station, ...]:
    """The same places as mission control knows them."""
    from ground.config import Station

    return tuple(
        Station(
            name=site.name,
            latitude_rad=math.radians(site.latitude_deg),
            longitude_rad=math.radians(site.longitude_deg),
            altitude_m=site.altitude_m,
            elevation_mask_rad=math.radians(site.elevation_mask_deg),
        )
        for site in places
    )


def ground_config(
    scenario: Scenario, orbit: InitialState, stations: Sequence[Site], latency_ns: int
) -> GroundConfig:
    """What the ground is told of the mission."""
    from ground.config import GroundConfig, Orbit, Upload

    state = [float(value) for value in orbit.state_gcrf]
    degree = min(8, scenario.environment.gravity_degree)
    order = scenario.environment.gravity_order
    config = GroundConfig(
        epoch=scenario.epoch.isoformat(),
        duration_ns=scenario.duration,
        tick_ns=scenario.tick_ns,
        latency_ns=latency_ns,
        orbit=Orbit(
            position_gcrf_m=(state[0], state[1], state[2]),
            velocity_gcrf_m_s=(state[3], state[4], state[5]),
            gravity_degree=degree,
            gravity_order=min(degree, order if order is not None else degree),
            ballistic_m2_kg=_ballistic_m2_kg(scenario) if scenario.environment.drag else 0.0,
        ),
        stations=ground_stations(stations),
        commands=tuple(map(to_ground, scenario.command)),
        uploads=tuple(
            Upload(at_ns=upload.at, name=upload.name, content=upload.content)
            for upload in sorted(scenario.upload, key=lambda one: one.at)
        ),
        tc_rate_bit_s=scenario.link.tc_rate_bit_s,
        tm_rate_bit_s=scenario.link.tm_rate_bit_s,
        operator=not scenario.flight.autonomy,
        operator_reaction_ns=scenario.flight.operator_reaction,
        telemetry_protection=scenario.link.telemetry_protection,
    )
    return with_elements(config, scenario)


def _ballistic_m2_kg(scenario: Scenario) -> float:
    """Drag coefficient · area / mass as the ground knows them: front, and the wings' mean of an orbit."""
    from sim.spacecraft import Spacecraft

    craft = Spacecraft.with_overrides(scenario.spacecraft)
    _, width_m, height_m = craft.size_body_m
    area_m2 = width_m * height_m + 2.0 / math.pi * 2.0 * craft.wing_area_m2
    return craft.drag_coefficient * area_m2 / (craft.dry_mass_kg + craft.propellant_kg)


def limits_k(scenario: Scenario) -> dict[str, tuple[float, float]]:
    """Survival limits of each temperature, by its truth column."""
    from sim.spacecraft import TEMPERATURE_NODES, Spacecraft

    craft = Spacecraft.with_overrides(scenario.spacecraft)
    names = [f"temperature_{node}_k" for node in TEMPERATURE_NODES]
    limits = zip(craft.temperature_min_k, craft.temperature_max_k, strict=True)
    return {name: (float(low), float(high)) for name, (low, high) in zip(names, limits, strict=True)}


def _calendar_seconds(epoch: datetime) -> float:
    """UTC seconds, leap seconds left out, from 2000-01-01T12:00:00: what the on-board clock counts from."""
    return (epoch - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds()


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    x, y, z = values
    return x, y, z


def _four(values: Iterable[float]) -> tuple[float, float, float, float]:
    w, x, y, z = values
    return w, x, y, z
