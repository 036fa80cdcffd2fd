"""One row of truth: what the plant knows and nobody else may, as `truth.parquet` records it.

The row of tick k is made from the state at t_k, the actuator frame of tick k and the flight software's
belief. A quantity that does not exist at the time (the pointing error without a commanded attitude) is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.attitude import multiply, rotate
from sim.compiled import Record, compiled, compiled_inline, compiled_merged
from sim.environment.layout import AT_DENSITY, AT_ILLUMINATION, AT_MAGNETIC_FIELD, AT_SUN_DIRECTION
from sim.link.geometry import range_and_rate
from sim.objects import object_relative
from sim.spacecraft import TEMPERATURE_NODES


def _axes(before: str, after: str) -> list[str]:
    return [f"{before}_{axis}_{after}" if after else f"{before}_{axis}" for axis in "xyz"]


COLUMNS: list[str] = [
    "sim_time_ns",
    *_axes("position_gcrf", "m"),
    *_axes("velocity_gcrf", "m_s"),
    *[f"quaternion_body_from_gcrf_{part}" for part in "wxyz"],
    *_axes("rate_body", "rad_s"),
    *[f"wheel_speed_{i}_rad_s" for i in range(1, 5)],
    *_axes("sun_direction_gcrf", ""),
    "illumination",
    *_axes("magnetic_field_gcrf", "t"),
    "density_kg_m3",
    "battery_state_of_charge",
    "bus_power_w",
    "array_power_w",
    "array_angle_rad",
    "propellant_kg",
    *[f"temperature_{node}_k" for node in TEMPERATURE_NODES],
    "in_contact",
    "pointing_error_deg",
    "flight_mode",
    # What follows is beyond the contract of names.
    "flight_submode",
    "slewing",
    "rate_norm_deg_s",
    "attitude_knowledge_error_deg",
    "attitude_nees",
    *_axes("angular_momentum_gcrf", "n_m_s"),
    "angular_momentum_n_m_s",
    "wheel_momentum_n_m_s",
    "array_used_w",
    "bus_voltage_v",
    "battery_current_a",
    "undervoltage",
    "transmitter_on",
    "switches",
    "wings_deployed",
    "sun_angle_array_deg",
    "sun_angle_body_minus_z_deg",
    "nadir_error_deg",
    "altitude_m",
    "contact_mask",
    "elevation_max_deg",
    *_axes("torque_external_body", "n_m"),
    "torque_gravity_gradient_n_m",
    "torque_surface_n_m",
    "torque_magnetic_n_m",
    *_axes("torquer_dipole_body", "a_m2"),
    "gyro_bias_error_deg_h",
    "commands_not_finite",
    "commands_out_of_range",
    "object_range_m",
    # Of the station that sees the satellite highest above its horizon, in contact; NaN outside.
    "station_best",
    "station_range_m",
    "station_range_rate_m_s",
]
WIDTH = len(COLUMNS)
# Where the parts of a row begin that are written together, each by a function of its own.
_STARTS = (0, 18, 41, 49, 54, 67, 80, WIDTH)
_DEGREES = 180.0 / math.pi
_EARTH_RADIUS_M = 6378137.0


@compiled_inline
def _length(x: float, y: float, z: float) -> float:
    """Length of a vector."""
    return math.sqrt(x * x + y * y + z * z)


@compiled
def _turn(state: Record, q0: float, q1: float, q2: float, q3: float) -> tuple[float, float, float]:
    """Rotation vector (rad, body axes) from the body as a quaternion has it to the true body; NaN without
    one.
    """
    norm = math.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
    if not norm > 0.5:
        return math.nan, math.nan, math.nan
    q = state.quaternion_body_from_gcrf
    inverse = 1.0 / norm
    e0, e1, e2, e3 = multiply(
        q[0], q[1], q[2], q[3], q0 * inverse, -q1 * inverse, -q2 * inverse, -q3 * inverse
    )
    if e0 < 0.0:
        e0, e1, e2, e3 = -e0, -e1, -e2, -e3
    sine = math.sqrt(e1 * e1 + e2 * e2 + e3 * e3)
    factor = 2.0 * math.atan2(sine, e0) / sine if sine > 0.0 else 2.0
    return factor * e1, factor * e2, factor * e3


@compiled
def _squared_in_covariance(
    x: float, y: float, z: float, a: float, b: float, c: float, d: float, e: float, f: float
) -> float:
    """eᵀ P⁻¹ e for the symmetric P = [[a, b, c], [b, d, e], [c, e, f]]; NaN if P is singular."""
    m00 = d * f - e * e
    m01 = c * e - b * f
    m02 = b * e - c * d
    determinant = a * m00 + b * m01 + c * m02
    if not determinant > 0.0:
        return math.nan
    m11 = a * f - c * c
    m12 = b * c - a * e
    m22 = a * d - b * b
    total = m00 * x * x + m11 * y * y + m22 * z * z + 2.0 * (m01 * x * y + m02 * x * z + m12 * y * z)
    return total / determinant


@compiled
def _write_motion(state: Record, model: Record, row: NDArray[np.float64], at: int) -> None:
    """Time, position, velocity, attitude, rate, wheel speeds."""
    row[at] = float(state.time_ns)
    at += 1
    for i in range(3):
        row[at + i] = state.position_gcrf_m[i]
        row[at + 3 + i] = state.velocity_gcrf_m_s[i]
    at += 6
    for i in range(4):
        row[at + i] = state.quaternion_body_from_gcrf[i]
    at += 4
    rate = state.rate_body_rad_s
    for i in range(3):
        row[at + i] = rate[i]
    at += 3
    axis = model.wheel_axis
    for i in range(4):
        body = axis[i, 0] * rate[0] + axis[i, 1] * rate[1] + axis[i, 2] * rate[2]
        row[at + i] = state.wheel_momentum_n_m_s[i] / model.wheel_inertia - body


@compiled
def _write_world(state: Record, row: NDArray[np.float64], at: int) -> None:
    """Sun, field, air, power, temperatures."""
    environment = state.environment
    for i in range(3):
        row[at + i] = environment[AT_SUN_DIRECTION + i]
    row[at + 3] = environment[AT_ILLUMINATION]
    at += 4
    for i in range(3):
        row[at + i] = environment[AT_MAGNETIC_FIELD + i]
    row[at + 3] = environment[AT_DENSITY]
    at += 4
    row[at] = state.battery_charge
    row[at + 1] = state.bus_power_w
    row[at + 2] = state.array_power_w
    row[at + 3] = state.array_angle_rad
    row[at + 4] = state.propellant_kg
    at += 5
    for i in range(10):
        row[at + i] = state.temperature_k[i]


@compiled
def _write_flight(
    state: Record, command: Record, belief: NDArray[np.float64], row: NDArray[np.float64], at: int
) -> None:
    """Contact, pointing error, mode, rate, and how well the flight software knows its attitude."""
    row[at] = 1.0 if state.contact_mask != 0 else 0.0
    wanted = command.attitude_command_body_from_gcrf
    row[at + 1] = math.nan
    if command.attitude_command_valid != 0:
        x, y, z = _turn(
            state, np.float64(wanted[0]), np.float64(wanted[1]), np.float64(wanted[2]), np.float64(wanted[3])
        )
        row[at + 1] = _DEGREES * math.sqrt(x * x + y * y + z * z)
    row[at + 2] = float(command.mode)
    row[at + 3] = float(command.submode)
    row[at + 4] = float(command.slewing)
    rate = state.rate_body_rad_s
    row[at + 5] = _DEGREES * math.sqrt(rate[0] * rate[0] + rate[1] * rate[1] + rate[2] * rate[2])
    row[at + 6] = math.nan
    row[at + 7] = math.nan
    if belief[0] != 0.0:
        x, y, z = _turn(state, belief[1], belief[2], belief[3], belief[4])
        row[at + 6] = _DEGREES * math.sqrt(x * x + y * y + z * z)
        row[at + 7] = _squared_in_covariance(
            x, y, z, belief[5], belief[6], belief[7], belief[8], belief[9], belief[10]
        )


@compiled
def _write_momentum(state: Record, model: Record, row: NDArray[np.float64], at: int) -> None:
    """Total angular momentum in GCRF and its size, and the size of the wheels' part."""
    rate = state.rate_body_rad_s
    inertia = model.inertia_kg_m2
    axis = model.wheel_axis
    hx = hy = hz = 0.0
    for i in range(4):
        h = state.wheel_momentum_n_m_s[i]
        hx += axis[i, 0] * h
        hy += axis[i, 1] * h
        hz += axis[i, 2] * h
    lx = hx + inertia[0, 0] * rate[0] + inertia[0, 1] * rate[1] + inertia[0, 2] * rate[2]
    ly = hy + inertia[1, 0] * rate[0] + inertia[1, 1] * rate[1] + inertia[1, 2] * rate[2]
    lz = hz + inertia[2, 0] * rate[0] + inertia[2, 1] * rate[1] + inertia[2, 2] * rate[2]
    q = state.quaternion_body_from_gcrf
    gx, gy, gz = rotate(q[0], -q[1], -q[2], -q[3], lx, ly, lz)
    row[at] = gx
    row[at + 1] = gy
    row[at + 2] = gz
    row[at + 3] = math.sqrt(gx * gx + gy * gy + gz * gz)
    row[at + 4] = math.sqrt(hx * hx + hy * hy + hz * hz)


@compiled
def _write_electrics_and_angles(state: Record, model: Record, row: NDArray[np.float64], at: int) -> None:
    """Bus, switches, and the angles of wings and body to Sun and Earth."""
    row[at] = state.array_used_w
    row[at + 1] = state.bus_voltage_v
    row[at + 2] = state.battery_current_a
    row[at + 3] = float(state.undervoltage)
    row[at + 4] = float(state.transmitter_on)
    row[at + 5] = float(state.switches)
    row[at + 6] = float(state.wing_deployed[0] + state.wing_deployed[1])
    sun = state.sun_body
    cosine = -math.sin(state.array_angle_rad) * sun[0] - math.cos(state.array_angle_rad) * sun[2]
    row[at + 7] = _DEGREES * math.acos(min(1.0, max(-1.0, cosine)))
    row[at + 8] = _DEGREES * math.acos(min(1.0, max(-1.0, -sun[2])))
    row[at + 9] = _DEGREES * math.acos(min(1.0, max(-1.0, state.nadir_body[2])))
    p = state.position_gcrf_m
    row[at + 10] = math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) - _EARTH_RADIUS_M
    row[at + 11] = float(state.contact_mask)
    best = -1.0
    for i in range(model.station_count):
        best = max(best, state.elevation_sin[i])
    row[at + 12] = _DEGREES * math.asin(min(1.0, best))


@compiled
def _write_torques(
    state: Record, model: Record, belief: NDArray[np.float64], row: NDArray[np.float64], at: int
) -> None:
    """Torques of the last tick, dipole, the error of the believed gyro bias, and commands that made no
    sense.
    """
    gradient = state.torque_gravity_gradient_n_m
    surface = state.torque_surface_n_m
    magnetic = state.torque_magnetic_n_m
    for i in range(3):
        row[at + i] = gradient[i] + surface[i] + magnetic[i] + state.torque_thruster_n_m[i]
        row[at + 6 + i] = state.torquer_dipole_body_a_m2[i]
    row[at + 3] = _length(gradient[0], gradient[1], gradient[2])
    row[at + 4] = _length(surface[0], surface[1], surface[2])
    row[at + 5] = _length(magnetic[0], magnetic[1], magnetic[2])
    total = 0.0
    for axis in range(3):
        mean = 0.0
        for unit in range(4):
            mean += 0.25 * (model.gyro_bias[unit, axis] + state.gyro_drift_rad_s[unit, axis])
        error = belief[11 + axis] - mean
        total += error * error
    row[at + 9] = _DEGREES * 3600.0 * math.sqrt(total) if belief[0] != 0.0 else math.nan
    row[at + 10] = float(state.commands_not_finite)
    row[at + 11] = float(state.commands_out_of_range)
    row[at + 12] = math.nan
    if state.object_row != 0:
        row[at + 12] = object_relative(state)[3]


@compiled
def _write_station(state: Record, model: Record, row: NDArray[np.float64], at: int) -> None:
    """The station that stands best, its range and the range's rate."""
    row[at] = math.nan
    row[at + 1] = math.nan
    row[at + 2] = math.nan
    if state.contact_mask != 0:
        best = 0
        for i in range(model.station_count):
            if state.elevation_sin[i] > state.elevation_sin[best]:
                best = i
        row[at] = float(best)
        row[at + 1], row[at + 2] = range_and_rate(
            state.environment,
            state.velocity_gcrf_m_s,
            model.station_itrs_m[best, 0],
            model.station_itrs_m[best, 1],
            model.station_itrs_m[best, 2],
        )


@compiled_inline
def _is_wanted(part: int, first: int, until: int) -> bool:
    """Whether a part of the row has columns among those that are wanted."""
    return _STARTS[part] < until and first < _STARTS[part + 1]


@compiled_merged
def write_row(
    state: Record,
    model: Record,
    command: Record,
    belief: NDArray[np.float64],
    row: NDArray[np.float64],
    first: int,
    until: int,
) -> None:
    """Fill a row, in the order of `COLUMNS`: at least the columns from `first` to before `until`."""
    if _is_wanted(0, first, until):
        _write_motion(state, model, row, _STARTS[0])
    if _is_wanted(1, first, until):
        _write_world(state, row, _STARTS[1])
    if _is_wanted(2, first, until):
        _write_flight(state, command, belief, row, _STARTS[2])
    if _is_wanted(3, first, until):
        _write_momentum(state, model, row, _STARTS[3])
    if _is_wanted(4, first, until):
        _write_electrics_and_angles(state, model, row, _STARTS[4])
    if _is_wanted(5, first, until):
        _write_torques(state, model, belief, row, _STARTS[5])
    if _is_wanted(6, first, until):
        _write_station(state, model, row, _STARTS[6])
