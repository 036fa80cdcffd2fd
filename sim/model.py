"""The constants of a run as one record: the spacecraft's data sheet, dispersed by the seed, per tick where
it matters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.environment.constants import EARTH_FLATTENING, EARTH_RADIUS_M
from sim.environment.tables import EnvironmentModel
from sim.noise import normals, stream_key
from sim.records import MODEL_DTYPE, STATIONS_MAX
from sim.spacecraft import SLOW_STEP_S, Spacecraft, check_rate

STANDARD_GRAVITY_M_S2 = 9.80665
Array = NDArray[np.float64]


class Site(Protocol):
    """A ground station, as far as geometry goes."""

    @property
    def latitude_deg(self) -> float: ...
    @property
    def longitude_deg(self) -> float: ...
    @property
    def altitude_m(self) -> float: ...
    @property
    def elevation_mask_deg(self) -> float: ...


def model_record(
    craft: Spacecraft,
    environment: EnvironmentModel,
    stations: Sequence[Site],
    *,
    seed: int,
    tick_ns: int,
    gravity_gradient: bool = True,
    residual_dipole: bool = True,
) -> NDArray[np.void]:
    """The model of a run, shape (1,) of MODEL_DTYPE; raises `SpacecraftKeyError` as `check_rate` does."""
    check_rate(craft, tick_ns)
    buffer = np.zeros(1, MODEL_DTYPE)
    model: Any = buffer[0]
    model["tick_ns"] = tick_ns
    model["dt_s"] = tick_ns * 1e-9
    model["slow_ticks"] = _ticks(SLOW_STEP_S, tick_ns)
    model["use_drag"] = environment.drag
    model["use_solar_pressure"] = environment.solar_pressure
    model["use_gravity_gradient"] = gravity_gradient
    model["use_residual_dipole"] = residual_dipole
    _body(model, craft)
    _wheels_and_thrusters(model, craft)
    _magnetics(model, craft)
    _electrics(model, craft)
    _thermal(model, craft)
    _inertial_sensors(model, craft, seed)
    _other_sensors(model, craft, seed)
    _sites(model, stations)
    for name in (
        "gyro",
        "gyro_drift",
        "tracker",
        "magnetometer",
        "sun_sensor",
        "gps",
        "tachometer",
        "housekeeping",
        "object",
    ):
        model[f"key_{name}"] = stream_key(seed, name)
    return buffer


def _ticks(seconds: float, tick_ns: int) -> int:
    """A duration in whole ticks, at least one."""
    return max(1, round(seconds * 1e9 / tick_ns))


def _copy(model: Any, craft: Spacecraft, **names: str) -> None:
    """Copy constants that need no conversion: model field = spacecraft field."""
    for field, constant in names.items():
        model[field] = getattr(craft, constant)


def _body(model: Any, craft: Spacecraft) -> None:
    inertia = np.array(craft.inertia_body_kg_m2)
    model["inertia_kg_m2"] = inertia
    model["inertia_inverse"] = np.linalg.inv(inertia)
    x, y, z = craft.size_body_m
    model["half_size_m"] = np.array(craft.size_body_m) / 2.0
    model["face_area_m2"] = (y * z, x * z, x * y)
    _copy(
        model,
        craft,
        dry_mass_kg="dry_mass_kg",
        centre_of_mass_m="centre_of_mass_body_m",
        drag_coefficient="drag_coefficient",
        body_specular="body_specular",
        body_diffuse="body_diffuse",
        wing_specular="wing_specular",
        wing_diffuse="wing_diffuse",
    )


def _wheels_and_thrusters(model: Any, craft: Spacecraft) -> None:
    axis = np.array(craft.wheel_axis_body)
    model["wheel_axis"] = axis / np.linalg.norm(axis, axis=1)[:, np.newaxis]
    _copy(
        model,
        craft,
        wheel_inertia="wheel_inertia_kg_m2",
        wheel_torque_max="wheel_torque_max_n_m",
        wheel_speed_max="wheel_speed_max_rad_s",
        wheel_coulomb="wheel_coulomb_n_m",
        wheel_viscous="wheel_viscous_n_m_s",
        wheel_motor_n_m_a="wheel_motor_n_m_a",
        wheel_copper="wheel_copper_w_n2_m2",
        wheel_drive_efficiency="wheel_drive_efficiency",
        thruster_position_m="thruster_position_body_m",
        thruster_on_min_s="thruster_on_min_s",
        tank_pressure_pa="tank_pressure_pa",
        propellant_full_kg="propellant_kg",
        propellant_density="propellant_density_kg_m3",
    )
    cant = craft.thruster_cant_rad
    directions = [(math.cos(cant), sign * math.sin(cant), 0.0) for sign in craft.thruster_cant_y]
    model["thruster_force_n"] = craft.thruster_force_n * np.array(directions)
    model["thruster_flow_kg_s"] = craft.thruster_force_n / (
        craft.thruster_specific_impulse_s * STANDARD_GRAVITY_M_S2
    )
    liquid = craft.propellant_kg / craft.propellant_density_kg_m3
    model["tank_gas_m3"] = craft.tank_volume_m3 - liquid


def _magnetics(model: Any, craft: Spacecraft) -> None:
    model["torquer_max"] = craft.torquer_dipole_max_a_m2
    model["torquer_power_w"] = craft.torquer_power_w
    model["residual_dipole"] = craft.residual_dipole_body_a_m2
    decay = model["dt_s"] / craft.torquer_decay_s
    model["torquer_keep"] = math.exp(-decay)
    model["torquer_mean"] = -math.expm1(-decay) / decay
    for unit, place in enumerate(craft.magnetometer_position_body_m):
        for rod, origin in enumerate(craft.torquer_position_body_m):
            arm = np.array(place) - np.array(origin)
            distance = float(np.linalg.norm(arm))
            unit_arm = arm / distance
            dipole = np.eye(3)[rod]
            # The field of a dipole at a distance: µ0 / 4π (3 (m·r̂) r̂ − m) / r³.
            field = 1e-7 * (3.0 * dipole.dot(unit_arm) * unit_arm - dipole) / distance**3
            model["magnetometer_coupling"][unit, :, rod] = field


def _electrics(model: Any, craft: Spacecraft) -> None:
    age = (1.0 - craft.array_loss_per_year) ** craft.array_age_years
    model["wing_power_w"] = 0.5 * craft.array_power_w * age
    ampere_hours = craft.battery_capacity_wh / craft.battery_nominal_v
    model["battery_capacity_as"] = 3600.0 * ampere_hours * (1.0 - craft.battery_fade)
    model["battery_charge_a_max"] = craft.battery_charge_rate_max_c * ampere_hours
    model["undervoltage_delay_ns"] = round(craft.undervoltage_delay_s * 1e9)
    model["separation_ns"] = round(craft.separation_at_s * 1e9)
    model["wing_release_ns"] = round(craft.wing_release_s * 1e9)
    _copy(
        model,
        craft,
        wing_temperature_coefficient="array_temperature_coefficient_k",
        wing_area_m2="wing_area_m2",
        wing_centre_m="wing_centre_m",
        wing_stowed_fraction="stowed_power_fraction",
        drive_rate_max="array_rate_max_rad_s",
        array_efficiency="array_to_bus_efficiency",
        battery_resistance="battery_resistance_ohm",
        battery_charge_efficiency="battery_charge_efficiency",
        battery_taper_start="battery_taper_start",
        undervoltage_cut_v="undervoltage_cut_v",
        undervoltage_recover_v="undervoltage_recover_v",
        switch_load_w="switch_load_w",
        base_load_w="base_load_w",
        transmitter_load_w="transmitter_load_w",
        transmitter_radiated_w="transmitter_radiated_w",
        heater_w="heater_w",
    )


def _thermal(model: Any, craft: Spacecraft) -> None:
    step_s = model["slow_ticks"] * model["dt_s"]
    model["thermal_step_over_capacity"] = step_s / np.array(craft.thermal_capacity_j_k)
    _copy(
        model,
        craft,
        thermal_conductance="thermal_conductance_w_k",
        heat_pipe_w_k="heat_pipe_w_k",
        heat_pipe_k="heat_pipe_k",
        skin_absorptance="skin_absorptance",
        skin_emittance="skin_emittance",
        radiator_area_m2="radiator_area_m2",
        radiator_absorptance="radiator_absorptance",
        radiator_emittance="radiator_emittance",
        wing_absorptance="wing_absorptance",
        wing_emittance_front="wing_emittance_front",
        wing_emittance_back="wing_emittance_back",
    )


def _inertial_sensors(model: Any, craft: Spacecraft, seed: int) -> None:
    model["gyro_sigma"] = craft.gyro_random_walk_rad_sqrt_s / math.sqrt(model["dt_s"])
    slow_s = model["slow_ticks"] * model["dt_s"]
    keep = math.exp(-slow_s / craft.gyro_bias_time_s)
    model["gyro_drift_keep"] = keep
    model["gyro_drift_sigma"] = craft.gyro_bias_instability_rad_s * math.sqrt(1.0 - keep * keep)
    model["gyro_bias"] = craft.gyro_bias_turn_on_rad_s * normals(seed, "gyro_turn_on", 12).reshape(4, 3)
    small = normals(seed, "gyro_mounting", 36).reshape(4, 3, 3)
    scale = np.einsum("uii->ui", small)
    matrix = craft.gyro_misalignment_rad * small
    for unit in range(4):
        np.fill_diagonal(matrix[unit], 1.0 + craft.gyro_scale * scale[unit])
    model["gyro_matrix"] = matrix
    model["gyro_quantum"] = craft.gyro_quantum_rad_s
    model["gyro_range"] = craft.gyro_range_rad_s


def tracker_mounting(boresight: Array) -> Array:
    """Rotation matrix tracker-from-body: rows x = body x made normal to the boresight, z the boresight, y =
    z × x.
    """
    z = boresight / np.linalg.norm(boresight)
    x = np.array([1.0, 0.0, 0.0]) - z[0] * z
    if np.linalg.norm(x) < 1e-6:
        x = np.array([0.0, 1.0, 0.0]) - z[1] * z
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


def quaternion_from_matrix(matrix: Array) -> Array:
    """The quaternion q with q ⊗ v ⊗ q* = matrix · v, scalar first and not negative (Shepperd 1978)."""
    m = matrix
    squares = np.array([np.trace(m), m[0, 0], m[1, 1], m[2, 2]])
    k = int(np.argmax(squares))
    q = np.empty(4)
    q[k] = math.sqrt(1.0 + 2.0 * squares[k] - squares[0]) if k else math.sqrt(1.0 + squares[0])
    if k == 0:
        q[1:] = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]]) / q[0]
    else:
        i, j, n = k - 1, k % 3, (k + 1) % 3
        q[0] = (m[n, j] - m[j, n]) / q[k]
        q[1 + j] = (m[j, i] + m[i, j]) / q[k]
        q[1 + n] = (m[n, i] + m[i, n]) / q[k]
    q *= 0.5
    return q if q[0] >= 0.0 else -q


def _inverse_small_turn(angles: Array) -> Array:
    x, y, z = angles
    matrix = np.array([[1.0, z, -y], [-z, 1.0, x], [y, -x, 1.0]])
    u, _, v = np.linalg.svd(matrix)
    return np.asarray(u @ v)


def _other_sensors(model: Any, craft: Spacecraft, seed: int) -> None:
    tick_ns = int(model["tick_ns"])
    mounting = craft.tracker_misalignment_rad * normals(seed, "tracker_mounting", 6).reshape(2, 3)
    for unit, boresight in enumerate(craft.tracker_boresight_body):
        matrix = _inverse_small_turn(mounting[unit]) @ tracker_mounting(np.array(boresight))
        model["tracker_from_body"][unit] = quaternion_from_matrix(matrix)
        model["tracker_boresight"][unit] = matrix[2]
    model["tracker_noise"] = craft.tracker_noise_rad
    model["tracker_rate_max_squared"] = craft.tracker_rate_max_rad_s**2
    model["tracker_sun_cos"] = math.cos(craft.tracker_sun_exclusion_rad)
    model["tracker_earth_exclusion"] = craft.tracker_earth_exclusion_rad
    model["tracker_period_ticks"] = _ticks(craft.tracker_period_s, tick_ns)
    model["tracker_latency_ticks"] = round(craft.tracker_latency_s * 1e9 / tick_ns)
    model["tracker_quantum"] = craft.tracker_quantum
    model["tracker_warm_up_ns"] = round(craft.tracker_warm_up_s * 1e9)
    model["magnetometer_bias"] = craft.magnetometer_bias_t * normals(seed, "magnetometer_bias", 9).reshape(
        3, 3
    )
    model["gps_period_ticks"] = _ticks(craft.gps_period_s, tick_ns)
    model["gps_warm_up_ns"] = round(craft.gps_warm_up_s * 1e9)
    _copy(
        model,
        craft,
        magnetometer_noise="magnetometer_noise_t",
        magnetometer_quantum="magnetometer_quantum_t",
        magnetometer_range="magnetometer_range_t",
        sun_sensor_noise="sun_sensor_noise",
        sun_sensor_quantum="sun_sensor_quantum",
        gps_position_quantum="gps_position_quantum_m",
        gps_velocity_quantum="gps_velocity_quantum_m_s",
        tachometer_quantum="wheel_tachometer_quantum_rad_s",
        thermistor_quantum="thermistor_quantum_k",
        current_quantum="current_quantum_a",
        voltage_quantum="voltage_quantum_v",
        tank_pressure_quantum="tank_pressure_quantum_pa",
        gps_position_noise="gps_position_noise_m",
        gps_velocity_noise="gps_velocity_noise_m_s",
        tachometer_noise="wheel_tachometer_noise_rad_s",
        thermistor_noise="thermistor_noise_k",
        current_noise="current_noise_a",
        voltage_noise="voltage_noise_v",
        gauge_quantum="gauge_quantum",
        drive_angle_quantum="drive_angle_quantum_rad",
        clock_drift="clock_drift",
        object_range_max_m="object_range_max_m",
        object_range_noise_m="object_range_noise_m",
        object_rate_noise_m_s="object_rate_noise_m_s",
        object_direction_noise="object_direction_noise_rad",
    )


def _sites(model: Any, stations: Sequence[Site]) -> None:
    if len(stations) > STATIONS_MAX:
        raise ValueError(f"{len(stations)} stations: the plant watches at most {STATIONS_MAX}")
    model["station_count"] = len(stations)
    square = EARTH_FLATTENING * (2.0 - EARTH_FLATTENING)
    for i, site in enumerate(stations):
        latitude, longitude = math.radians(site.latitude_deg), math.radians(site.longitude_deg)
        up = np.array(
            [
                math.cos(latitude) * math.cos(longitude),
                math.cos(latitude) * math.sin(longitude),
                math.sin(latitude),
            ]
        )
        normal = EARTH_RADIUS_M / math.sqrt(1.0 - square * up[2] ** 2)
        flattened = np.array([normal, normal, normal * (1.0 - square)])
        model["station_itrs_m"][i] = (flattened + site.altitude_m) * up
        model["station_up"][i] = up
        model["station_mask_sin"][i] = math.sin(math.radians(site.elevation_mask_deg))
