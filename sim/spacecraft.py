"""The reference spacecraft: every constant of the plant with its unit, range, and the reason for its value.

`Spacecraft()` is the reference; `Spacecraft.with_overrides({...})` checks what a scenario changes. The name
of a field is the scenario's key under `[spacecraft]`. `docs/spacecraft.md` is made from the same
declarations.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

TEMPERATURE_NODES = (
    "structure",
    "battery",
    "computer",
    "wheels",
    "tank",
    "payload",
    "transmitter",
    "array_plus_y",
    "array_minus_y",
    "radiator",
)
SWITCHES = (
    "computer_lanes",
    "sensors",
    "trackers",
    "gps",
    "wheels",
    "array_drive",
    "payload_bus",
    "payload",
)
HEATERS = ("battery", "tank", "wheels", "payload")
# Temperatures and slow drifts advance once in this time.
SLOW_STEP_S = 1.0
# The plant remembers its attitude for so many ticks.
TRACKER_MEMORY_TICKS = 31
_STEFAN_BOLTZMANN = 5.670374419e-8

Values = float | tuple[Any, ...]


class SpacecraftKeyError(ValueError):
    """A key of `[spacecraft]` is unknown or its value cannot be used.

    `key` is the key, `value` what was given, `expected` what would be right.
    """

    def __init__(self, key: str, value: object, expected: str) -> None:
        super().__init__(f"spacecraft.{key} = {value!r}: {expected}")
        self.key = key
        self.value = value
        self.expected = expected


def _constant(default: Values, low: float, high: float, group: str, reason: str) -> Any:
    """Declare a constant: its default, the range of each of its elements, and where the value comes from."""
    return dataclasses.field(
        default=default, metadata={"low": low, "high": high, "group": group, "reason": reason}
    )


_C, _S = math.sqrt(2.0 / 3.0), math.sqrt(1.0 / 3.0)
_BODY, _WHEEL, _MAG, _THRUST = "Body", "Wheels", "Magnetic torquers and residual dipole", "Thrusters"
_WING, _BATTERY, _LOAD, _THERMAL = "Wings and drive", "Battery", "Loads", "Thermal"
_GYRO, _TRACKER, _OTHER, _SWITCH = "Gyros", "Star trackers", "Other sensors", "Deployment and separation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacecraft:
    """Constants of the spacecraft, SI and radians unless the name says otherwise; body axes: +z nadir, +x
    ahead.
    """

    # Body
    dry_mass_kg: float = _constant(98.0, 1.0, 1e5, _BODY, "100 kg class, 2 kg of it propellant")
    propellant_kg: float = _constant(2.0, 0.0, 1e4, _BODY, "about 43 m/s at 220 s")
    size_body_m: tuple[float, ...] = _constant((0.6, 0.6, 0.8), 0.01, 100.0, _BODY, "0.6 × 0.6 × 0.8 m box")
    inertia_body_kg_m2: tuple[tuple[float, ...], ...] = _constant(
        ((8.0, 0.0, 0.0), (0.0, 7.0, 0.0), (0.0, 0.0, 5.0)),
        -1e5,
        1e5,
        _BODY,
        "box of 100 kg plus wings; about the centre of mass, wheels' spin inertia left out",
    )
    centre_of_mass_body_m: tuple[float, ...] = _constant(
        (0.005, -0.003, 0.008), -10.0, 10.0, _BODY, "offset from the box's centre after balancing: a few mm"
    )
    drag_coefficient: float = _constant(2.2, 0.0, 5.0, _BODY, "flat plates in free molecular flow")
    body_specular: float = _constant(0.1, 0.0, 1.0, _BODY, "multi-layer insulation, goldised")
    body_diffuse: float = _constant(0.4, 0.0, 1.0, _BODY, "multi-layer insulation, goldised")
    wing_specular: float = _constant(0.08, 0.0, 1.0, _BODY, "cover glass")
    wing_diffuse: float = _constant(0.02, 0.0, 1.0, _BODY, "cover glass")

    # Wheels
    wheel_axis_body: tuple[tuple[float, ...], ...] = _constant(
        ((_C, 0.0, _S), (0.0, _C, _S), (-_C, 0.0, _S), (0.0, -_C, _S)),
        -1.0,
        1.0,
        _WHEEL,
        "pyramid; equal momentum capacity along x, y and z",
    )
    wheel_inertia_kg_m2: float = _constant(1.59155e-3, 1e-7, 10.0, _WHEEL, "1 N m s at 628.3 rad/s")
    wheel_torque_max_n_m: float = _constant(0.020, 0.0, 100.0, _WHEEL, "20 mN m class")
    wheel_speed_max_rad_s: float = _constant(628.3, 1.0, 1e5, _WHEEL, "6,000 rpm")
    wheel_coulomb_n_m: float = _constant(2.0e-4, 0.0, 1.0, _WHEEL, "dry friction of bearings of this class")
    wheel_viscous_n_m_s: float = _constant(1.0e-6, 0.0, 1.0, _WHEEL, "0.6 mN m at full speed")
    wheel_motor_n_m_a: float = _constant(0.028, 1e-4, 10.0, _WHEEL, "0.7 A at full torque")
    wheel_copper_w_n2_m2: float = _constant(5.0e3, 0.0, 1e6, _WHEEL, "2 W of copper loss at full torque")
    wheel_drive_efficiency: float = _constant(
        0.8, 0.05, 1.0, _WHEEL, "motor and inverter; no energy is recovered"
    )

    # Torquers
    torquer_dipole_max_a_m2: float = _constant(10.0, 0.0, 1e4, _MAG, "10 A m² rods")
    torquer_decay_s: float = _constant(0.004, 1e-6, 1.0, _MAG, "0.7 % left 20 ms after switching off")
    torquer_power_w: float = _constant(1.0, 0.0, 100.0, _MAG, "per rod at full dipole")
    torquer_position_body_m: tuple[tuple[float, ...], ...] = _constant(
        ((0.0, 0.1, -0.2), (0.1, 0.0, -0.2), (-0.1, -0.1, -0.2)), -10.0, 10.0, _MAG, "on the aft deck"
    )
    magnetometer_position_body_m: tuple[tuple[float, ...], ...] = _constant(
        ((0.2, 0.2, 0.1), (-0.2, 0.2, 0.1), (0.2, -0.2, 0.1)),
        -10.0,
        10.0,
        _MAG,
        "about 0.4 m from the rods: a full dipole adds some 15 to 40 µT",
    )
    residual_dipole_body_a_m2: tuple[float, ...] = _constant(
        (0.10, -0.05, 0.08), -100.0, 100.0, _MAG, "0.14 A m² after compensation, 100 kg class"
    )

    # Thrusters
    thruster_force_n: float = _constant(1.0, 0.0, 1e4, _THRUST, "1 N monopropellant")
    thruster_specific_impulse_s: float = _constant(220.0, 1.0, 1e4, _THRUST, "monopropellant, steady state")
    thruster_on_min_s: float = _constant(0.020, 0.0, 1.0, _THRUST, "minimum impulse bit 20 mN s")
    thruster_position_body_m: tuple[tuple[float, ...], ...] = _constant(
        ((-0.3, 0.3, 0.4), (-0.3, -0.3, 0.4), (-0.3, -0.3, -0.4), (-0.3, 0.3, -0.4)),
        -10.0,
        10.0,
        _THRUST,
        "corners of the −x face",
    )
    thruster_cant_rad: float = _constant(math.radians(20.0), 0.0, 1.5, _THRUST, "20° from +x towards ±y")
    thruster_cant_y: tuple[float, ...] = _constant(
        (1.0, -1.0, -1.0, 1.0),
        -1.0,
        1.0,
        _THRUST,
        "sign of each cant: these four span torque both ways, and no plume meets a wing",
    )
    tank_pressure_pa: float = _constant(2.2e6, 1e3, 1e8, _THRUST, "full tank at 293 K; blow-down")
    tank_volume_m3: float = _constant(0.0030, 1e-5, 10.0, _THRUST, "2 l of propellant and 1 l of gas")
    propellant_density_kg_m3: float = _constant(1000.0, 100.0, 5000.0, _THRUST, "hydrazine class")

    # Wings and drive
    array_power_w: float = _constant(
        200.0, 0.0, 1e5, _WING, "both wings, normal incidence, 1 au, at the cells"
    )
    array_to_bus_efficiency: float = _constant(
        0.93, 0.05, 1.0, _WING, "peak-power tracker, diodes and harness"
    )
    array_age_years: float = _constant(0.0, 0.0, 30.0, _WING, "age at the epoch")
    array_loss_per_year: float = _constant(0.04, 0.0, 0.5, _WING, "3–5 % a year in low orbit")
    array_temperature_coefficient_k: float = _constant(
        0.0, 0.0, 0.02, _WING, "200 W is taken at operating temperature; 0.002 for triple-junction cells"
    )
    wing_area_m2: float = _constant(0.37, 1e-3, 1e3, _WING, "each; 30 % cells at 90 % packing give 110 W")
    wing_centre_m: float = _constant(0.65, 0.0, 100.0, _WING, "distance of a wing's centre along ±y")
    stowed_power_fraction: float = _constant(
        0.25, 0.0, 1.0, _WING, "outward cells of a folded wing, facing −z"
    )
    array_rate_max_rad_s: float = _constant(
        math.radians(1.0), 0.0, 1.0, _WING, "1 °/s; the orbit needs 0.063"
    )

    # Battery
    battery_capacity_wh: float = _constant(100.0, 0.1, 1e6, _BATTERY, "mission constraint")
    battery_nominal_v: float = _constant(28.0, 1.0, 1000.0, _BATTERY, "seven lithium-ion cells in series")
    battery_resistance_ohm: float = _constant(0.06, 0.0, 10.0, _BATTERY, "cells and harness at mid-life")
    battery_charge_efficiency: float = _constant(0.98, 0.1, 1.0, _BATTERY, "coulombic; resistance is apart")
    battery_fade: float = _constant(0.0, 0.0, 0.95, _BATTERY, "share of capacity lost by cycles")
    battery_charge_rate_max_c: float = _constant(0.7, 0.0, 10.0, _BATTERY, "0.7 C")
    battery_taper_start: float = _constant(
        0.90, 0.0, 0.999, _BATTERY, "charge where the current starts to fall"
    )
    undervoltage_cut_v: float = _constant(
        24.6, 0.0, 1000.0, _BATTERY, "hardware cut-off, about 8 % of charge"
    )
    undervoltage_recover_v: float = _constant(26.0, 0.0, 1000.0, _BATTERY, "hysteresis, about 30 % of charge")
    undervoltage_delay_s: float = _constant(1.0, 0.0, 1e3, _BATTERY, "rides through transients")

    # Loads
    switch_load_w: tuple[float, ...] = _constant(
        (10.0, 8.0, 10.0, 5.0, 12.0, 4.0, 23.0, 40.0), 0.0, 1e4, _LOAD, "in the order of the switches"
    )
    base_load_w: float = _constant(8.0, 0.0, 1e4, _LOAD, "one computer lane and two receivers, unswitched")
    transmitter_load_w: float = _constant(30.0, 0.0, 1e4, _LOAD, "8 W radiated")
    transmitter_radiated_w: float = _constant(8.0, 0.0, 1e4, _LOAD, "leaves the spacecraft")
    heater_w: tuple[float, ...] = _constant(
        (4.0, 3.0, 3.0, 5.0), 0.0, 1e3, _LOAD, "battery, tank, wheels, payload"
    )

    # Thermal, in the order of the nodes
    thermal_capacity_j_k: tuple[float, ...] = _constant(
        (45e3, 1.6e3, 2.7e3, 3.6e3, 4.5e3, 13.5e3, 1.8e3, 1.3e3, 1.3e3, 1.8e3),
        1.0,
        1e7,
        _THERMAL,
        "mass of each node times 0.9 kJ/(kg K)",
    )
    thermal_conductance_w_k: tuple[float, ...] = _constant(
        (0.0, 0.15, 2.5, 3.0, 0.15, 5.0, 3.0, 0.05, 0.05, 0.0),
        0.0,
        1e3,
        _THERMAL,
        "to the structure; battery and tank stand on insulating feet",
    )
    heat_pipe_w_k: tuple[float, ...] = _constant(
        (0.3, 15.0), 0.0, 1e3, _THERMAL, "variable-conductance pipe to the radiator, closed and open"
    )
    heat_pipe_k: tuple[float, ...] = _constant(
        (285.0, 295.0), 1.0, 500.0, _THERMAL, "structure where it closes, opens"
    )
    skin_absorptance: float = _constant(0.015, 0.0, 1.0, _THERMAL, "effective, through the insulation")
    skin_emittance: float = _constant(0.020, 0.0, 1.0, _THERMAL, "effective, through the insulation")
    radiator_area_m2: float = _constant(
        0.28, 0.0, 100.0, _THERMAL, "on the −y face, which never sees the noon Sun"
    )
    radiator_absorptance: float = _constant(
        0.12, 0.0, 1.0, _THERMAL, "optical solar reflector, some years old"
    )
    radiator_emittance: float = _constant(0.80, 0.0, 1.0, _THERMAL, "optical solar reflector")
    wing_absorptance: float = _constant(0.88, 0.0, 1.0, _THERMAL, "cells")
    wing_emittance_front: float = _constant(0.82, 0.0, 1.0, _THERMAL, "cover glass")
    wing_emittance_back: float = _constant(0.85, 0.0, 1.0, _THERMAL, "black paint")
    temperature_initial_k: tuple[float, ...] = _constant(
        (290.0, 290.0, 293.0, 291.0, 290.0, 290.0, 290.0, 270.0, 270.0, 280.0),
        50.0,
        500.0,
        _THERMAL,
        "at release",
    )
    temperature_min_k: tuple[float, ...] = _constant(
        (243.15, 273.15, 253.15, 253.15, 278.15, 253.15, 253.15, 153.15, 153.15, 173.15),
        0.0,
        500.0,
        _THERMAL,
        "operating limits of the units",
    )
    temperature_max_k: tuple[float, ...] = _constant(
        (333.15, 318.15, 333.15, 333.15, 323.15, 323.15, 333.15, 393.15, 393.15, 333.15),
        0.0,
        500.0,
        _THERMAL,
        "operating limits of the units",
    )

    # Gyros
    gyro_random_walk_rad_sqrt_s: float = _constant(
        math.radians(0.15) / 60.0, 0.0, 1.0, _GYRO, "0.15 °/√h, tactical MEMS"
    )
    gyro_bias_instability_rad_s: float = _constant(
        math.radians(1.0) / 3600.0, 0.0, 1.0, _GYRO, "1 °/h, first-order Gauss–Markov"
    )
    gyro_bias_time_s: float = _constant(1000.0, 1.0, 1e6, _GYRO, "correlation time of the bias instability")
    gyro_bias_turn_on_rad_s: float = _constant(math.radians(3.0) / 3600.0, 0.0, 1.0, _GYRO, "3 °/h, 1 σ")
    gyro_misalignment_rad: float = _constant(2.0e-4, 0.0, 0.1, _GYRO, "1 σ of each axis")
    gyro_scale: float = _constant(2.0e-4, 0.0, 0.1, _GYRO, "200 ppm, 1 σ")
    gyro_quantum_rad_s: float = _constant(1.0e-6, 0.0, 0.1, _GYRO, "output word")
    gyro_range_rad_s: float = _constant(math.radians(20.0), 0.01, 100.0, _GYRO, "±20 °/s")

    # Trackers
    tracker_boresight_body: tuple[tuple[float, ...], ...] = _constant(
        ((0.0, math.sin(math.radians(60.0)), -0.5), (0.0, -math.sin(math.radians(60.0)), -0.5)),
        -1.0,
        1.0,
        _TRACKER,
        "60° from zenith towards ±y: 53° above the limb when nadir-pointing",
    )
    tracker_noise_rad: tuple[float, ...] = _constant(
        (math.radians(5.0 / 3600.0), math.radians(5.0 / 3600.0), math.radians(30.0 / 3600.0)),
        0.0,
        0.1,
        _TRACKER,
        "5″ across, 30″ about the boresight, 1 σ",
    )
    tracker_misalignment_rad: float = _constant(
        math.radians(10.0 / 3600.0), 0.0, 0.1, _TRACKER, "10″, 1 σ of each axis"
    )
    tracker_rate_max_rad_s: float = _constant(
        math.radians(1.5), 0.0, 10.0, _TRACKER, "stars smear above 1.5 °/s"
    )
    tracker_sun_exclusion_rad: float = _constant(math.radians(35.0), 0.0, math.pi, _TRACKER, "baffle")
    tracker_earth_exclusion_rad: float = _constant(
        math.radians(25.0), 0.0, math.pi, _TRACKER, "from the limb"
    )
    tracker_period_s: float = _constant(0.5, 0.01, 100.0, _TRACKER, "2 Hz")
    tracker_latency_s: float = _constant(0.1, 0.0, 3.0, _TRACKER, "exposure, read-out and matching")
    tracker_warm_up_s: float = _constant(10.0, 0.0, 1e4, _TRACKER, "lost-in-space solution")
    tracker_quantum: float = _constant(1e-6, 0.0, 0.1, _TRACKER, "output word of each component, 0.4″")

    # Other sensors
    magnetometer_noise_t: float = _constant(50e-9, 0.0, 1e-3, _OTHER, "1 σ")
    magnetometer_bias_t: float = _constant(100e-9, 0.0, 1e-3, _OTHER, "1 σ, after calibration")
    magnetometer_quantum_t: float = _constant(5e-9, 0.0, 1e-3, _OTHER, "output word")
    magnetometer_range_t: float = _constant(100e-6, 1e-9, 1.0, _OTHER, "±100 µT")
    sun_sensor_noise: float = _constant(0.01, 0.0, 1.0, _OTHER, "1 σ of full scale")
    sun_sensor_quantum: float = _constant(1.0 / 4096.0, 0.0, 1.0, _OTHER, "12-bit converter")
    gps_position_noise_m: float = _constant(3.0, 0.0, 1e4, _OTHER, "1 σ of each axis")
    gps_velocity_noise_m_s: float = _constant(0.03, 0.0, 1e3, _OTHER, "1 σ of each axis")
    gps_position_quantum_m: float = _constant(0.001, 0.0, 1e3, _OTHER, "output word")
    gps_velocity_quantum_m_s: float = _constant(0.001, 0.0, 1e2, _OTHER, "output word")
    gps_period_s: float = _constant(1.0, 0.01, 1e3, _OTHER, "1 Hz")
    gps_warm_up_s: float = _constant(40.0, 0.0, 1e5, _OTHER, "cold start")
    wheel_tachometer_noise_rad_s: float = _constant(0.05, 0.0, 100.0, _OTHER, "1 σ")
    wheel_tachometer_quantum_rad_s: float = _constant(0.01, 0.0, 100.0, _OTHER, "output word")
    thermistor_noise_k: float = _constant(0.1, 0.0, 100.0, _OTHER, "1 σ")
    thermistor_quantum_k: float = _constant(0.05, 0.0, 100.0, _OTHER, "12-bit converter over 200 K")
    current_noise_a: float = _constant(0.005, 0.0, 10.0, _OTHER, "1 σ")
    current_quantum_a: float = _constant(0.001, 0.0, 10.0, _OTHER, "converters of currents, the wheels' too")
    voltage_noise_v: float = _constant(0.01, 0.0, 10.0, _OTHER, "1 σ")
    voltage_quantum_v: float = _constant(0.01, 0.0, 10.0, _OTHER, "12-bit converter over 40 V")
    tank_pressure_quantum_pa: float = _constant(500.0, 0.0, 1e6, _OTHER, "12-bit converter over 2 MPa")
    gauge_quantum: float = _constant(0.001, 0.0, 1.0, _OTHER, "step of the charge gauge")
    drive_angle_quantum_rad: float = _constant(
        math.radians(0.02), 0.0, 0.1, _OTHER, "potentiometer and converter"
    )
    clock_drift: float = _constant(
        0.0, -1e-3, 1e-3, _OTHER, "disciplined by GPS; free-running crystals do 1e-6"
    )

    object_range_max_m: float = _constant(
        100e3, 0.0, 1e7, _OTHER, "detection of a 1 m object by the object sensor"
    )
    object_range_noise_m: float = _constant(10.0, 0.0, 1e5, _OTHER, "1 σ")
    object_rate_noise_m_s: float = _constant(0.1, 0.0, 1e4, _OTHER, "1 σ")
    object_direction_noise_rad: float = _constant(2e-4, 0.0, 1.0, _OTHER, "40″, 1 σ of each component")

    # Deployment
    separation_at_s: float = _constant(0.0, 0.0, 1e6, _SWITCH, "the scenario starts at release")
    wing_release_s: float = _constant(1.0, 0.0, 100.0, _SWITCH, "arm and fire on end before a wing lets go")

    @classmethod
    def with_overrides(cls, overrides: Mapping[str, object]) -> Spacecraft:
        """The reference spacecraft with some constants changed; raises `SpacecraftKeyError`."""
        values: dict[str, Any] = {key: check_value(key, value) for key, value in overrides.items()}
        craft = cls(**values)
        _check_inertia(craft)
        _check_vectors(craft)
        _check_order(craft)
        return craft


def check_value(key: str, value: object) -> Values:
    """A value for a constant, with the shape of its default and every element finite and in range.

    Raises `SpacecraftKeyError`. Whether it goes together with the others is for `Spacecraft.with_overrides`.
    """
    field = _declared().get(key)
    if field is None:
        raise SpacecraftKeyError(key, value, "unknown key; see docs/spacecraft.md for the list")
    low, high = field.metadata["low"], field.metadata["high"]

    def check(given: object, like: Values) -> Values:
        if isinstance(like, tuple):
            if not isinstance(given, list | tuple) or len(given) != len(like):
                raise SpacecraftKeyError(key, value, f"needs a list of {len(like)}, like {like}")
            return tuple(check(one, other) for one, other in zip(given, like, strict=True))
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise SpacecraftKeyError(key, value, "needs a number")
        if not math.isfinite(given) or not low <= given <= high:
            raise SpacecraftKeyError(key, value, f"needs a finite number from {low:g} to {high:g}")
        return float(given)

    return check(value, field.default)


@cache
def _declared() -> Mapping[str, Any]:
    """Constants by name."""
    return {field.name: field for field in dataclasses.fields(Spacecraft)}


def check_rate(craft: Spacecraft, tick_ns: int) -> None:
    """Whether a spacecraft can be stepped at a control rate; raises `SpacecraftKeyError`.

    The trackers' latency must fit into the plant's memory of its attitude, and the explicit thermal step
    must be stable: no node may give away more than half of its heat in it.
    """
    if round(craft.tracker_latency_s * 1e9 / tick_ns) > TRACKER_MEMORY_TICKS:
        longest = TRACKER_MEMORY_TICKS * tick_ns / 1e9
        expected = f"needs at most {TRACKER_MEMORY_TICKS} control ticks, {longest:g} s"
        raise SpacecraftKeyError("tracker_latency_s", craft.tracker_latency_s, expected)
    step_s = max(1, round(SLOW_STEP_S * 1e9 / tick_ns)) * tick_ns / 1e9
    flow = list(craft.thermal_conductance_w_k)
    flow[0] = sum(flow[1:]) + max(craft.heat_pipe_w_k)
    flow[9] = max(craft.heat_pipe_w_k)
    # Radiation from each node's surface, as a conductance at 400 K.
    radiated = 4.0 * _STEFAN_BOLTZMANN * 400.0**3
    x, y, z = craft.size_body_m
    flow[0] += radiated * craft.skin_emittance * 2.0 * (x * y + y * z + z * x)
    wing = radiated * craft.wing_area_m2 * (craft.wing_emittance_front + craft.wing_emittance_back)
    flow[7] += wing
    flow[8] += wing
    flow[9] += radiated * craft.radiator_area_m2 * craft.radiator_emittance
    capacities = craft.thermal_capacity_j_k
    for node, capacity, exchanged in zip(TEMPERATURE_NODES, capacities, flow, strict=True):
        least = 2.0 * step_s * exchanged
        if capacity < least:
            expected = f"the {node} needs at least {least:.3g} J/K for what it exchanges in {step_s:g} s"
            raise SpacecraftKeyError("thermal_capacity_j_k", capacities, expected)


def _check_inertia(craft: Spacecraft) -> None:
    """A tensor of a real body: symmetric, positive, and no principal moment above the sum of the others."""
    import numpy as np

    inertia = np.array(craft.inertia_body_kg_m2)
    if not np.array_equal(inertia, inertia.T):
        raise SpacecraftKeyError("inertia_body_kg_m2", craft.inertia_body_kg_m2, "needs a symmetric matrix")
    moments = np.linalg.eigvalsh(inertia)
    if moments[0] <= 0.0 or moments[2] > moments[0] + moments[1]:
        raise SpacecraftKeyError(
            "inertia_body_kg_m2",
            craft.inertia_body_kg_m2,
            f"principal moments {moments.round(6).tolist()} are not those of a body: "
            "each must be positive and at most the sum of the other two",
        )


def _check_vectors(craft: Spacecraft) -> None:
    """Axes have a direction, and no magnetometer sits in a torquer."""
    for key in ("wheel_axis_body", "tracker_boresight_body"):
        for axis in getattr(craft, key):
            if math.hypot(*axis) < 1e-6:
                raise SpacecraftKeyError(key, getattr(craft, key), "needs vectors longer than zero")
    for place in craft.magnetometer_position_body_m:
        if min(math.dist(place, rod) for rod in craft.torquer_position_body_m) < 0.05:
            key = "magnetometer_position_body_m"
            raise SpacecraftKeyError(key, getattr(craft, key), "needs 5 cm of distance from every torquer")


def _check_order(craft: Spacecraft) -> None:
    """Of two limits the lower one is lower."""

    def rising(key: str, low: float, high: float, what: str) -> None:
        if not low < high:
            raise SpacecraftKeyError(key, getattr(craft, key), what)

    closed, opened = craft.heat_pipe_k
    rising("heat_pipe_k", closed, opened, "needs the temperature of closing below that of opening")
    cut, recover = craft.undervoltage_cut_v, craft.undervoltage_recover_v
    rising("undervoltage_recover_v", cut, recover, f"needs more than undervoltage_cut_v = {cut:g}")
    volume = craft.propellant_kg / craft.propellant_density_kg_m3
    rising("tank_volume_m3", volume, craft.tank_volume_m3, f"needs more than the propellant's {volume:g} m³")
    for node, low, high in zip(
        TEMPERATURE_NODES, craft.temperature_min_k, craft.temperature_max_k, strict=True
    ):
        rising("temperature_max_k", low, high, f"needs more than temperature_min_k at the {node}")
