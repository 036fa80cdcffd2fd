"""Sensors: the frame that the flight software gets at the new time.

Every unit draws its noise from its own stream. A unit without power reports zeros and is not valid. Samples
are taken at the frame's time but for the star trackers, which report the attitude of `tracker_latency`
earlier, and the gyros, which report the mean rate of the tick (rate-integrating units).
"""

from __future__ import annotations

import math

from sim.actuators import SWITCH_SENSORS, SWITCH_WHEELS, switched_on
from sim.attitude import multiply
from sim.compiled import Record, compiled, compiled_inline
from sim.environment.constants import EARTH_RADIUS_M, EARTH_ROTATION_RAD_S, SOLAR_IRRADIANCE_W_M2
from sim.environment.layout import AT_ILLUMINATION, AT_POSITION_ITRS, AT_ROTATION
from sim.noise import fill_normals
from sim.objects import measure_object
from sim.records import (
    COUNT_GPS,
    COUNT_GYRO,
    COUNT_GYRO_DRIFT,
    COUNT_HOUSEKEEPING,
    COUNT_MAGNETOMETER,
    COUNT_SUN_SENSOR,
    COUNT_TACHOMETER,
    COUNT_TRACKER,
    NOISE_GPS,
    NOISE_GYRO,
    NOISE_GYRO_DRIFT,
    NOISE_HOUSEKEEPING,
    NOISE_MAGNETOMETER,
    NOISE_SUN_SENSOR,
    NOISE_TACHOMETER,
    NOISE_TRACKER,
    QUATERNION_HISTORY,
)
from sim.thermal import earth_light, earth_view

VALID_TRACKER, VALID_MAGNETOMETER, VALID_GPS, VALID_SUN_SENSOR = 4, 6, 9, 12
# Phases of the periodic units within their periods, in ticks.
TRACKER_PHASE, GPS_PHASE = 1, 2
NOT_SAMPLED_MS = 65535


@compiled_inline
def quantised(value: float, quantum: float) -> float:
    """A value rounded to a whole number of quanta."""
    return math.floor(value / quantum + 0.5) * quantum if quantum > 0.0 else value


@compiled
def measure_gyros(state: Record, model: Record, frame: Record) -> int:
    """Four three-axis units in body axes; returns their validity bits."""
    tick = state.tick
    noise = state.noise
    fill_normals(model.key_gyro, tick, noise, NOISE_GYRO, COUNT_GYRO)
    if tick % model.slow_ticks == 0:
        fill_normals(model.key_gyro_drift, tick, noise, NOISE_GYRO_DRIFT, COUNT_GYRO_DRIFT)
        for i in range(4):
            for axis in range(3):
                state.gyro_drift_rad_s[i, axis] = (
                    model.gyro_drift_keep * state.gyro_drift_rad_s[i, axis]
                    + model.gyro_drift_sigma * noise[NOISE_GYRO_DRIFT + 3 * i + axis]
                )
    rate = state.rate_mean_body_rad_s
    valid = 0
    powered = switched_on(state, SWITCH_SENSORS)
    for i in range(4):
        sigma = model.gyro_sigma * state.fault_gyro_noise[i]
        for axis in range(3):
            value = (
                model.gyro_matrix[i, axis, 0] * rate[0]
                + model.gyro_matrix[i, axis, 1] * rate[1]
                + model.gyro_matrix[i, axis, 2] * rate[2]
                + model.gyro_bias[i, axis]
                + state.gyro_drift_rad_s[i, axis]
                + state.fault_gyro_bias_rad_s[i, axis]
                + sigma * noise[NOISE_GYRO + 3 * i + axis]
            )
            value = min(model.gyro_range, max(-model.gyro_range, quantised(value, model.gyro_quantum)))
            if state.fault_gyro_stuck[i] != 0:
                value = state.gyro_held_rad_s[i, axis]
            else:
                state.gyro_held_rad_s[i, axis] = value
            frame.gyro_rate_body_rad_s[i, axis] = value if powered else 0.0
        if powered:
            valid |= 1 << i
        frame.sample_age_ms[i] = 0
    return valid


@compiled
def tracker_sees(state: Record, model: Record, unit: int) -> bool:
    """Whether a tracker finds stars: powered and warm, slow enough, clear of Sun and Earth."""
    if (state.switches >> 2) & 1 == 0 or state.tracker_on_ns < model.tracker_warm_up_ns:
        return False
    if state.bus_voltage_v <= 0.0 or state.fault_tracker_blind[unit] != 0:
        return False
    rate = state.rate_body_rad_s
    if rate[0] * rate[0] + rate[1] * rate[1] + rate[2] * rate[2] > model.tracker_rate_max_squared:
        return False
    boresight = model.tracker_boresight
    sun = state.sun_body
    x, y, z = boresight[unit, 0], boresight[unit, 1], boresight[unit, 2]
    if (
        state.environment[AT_ILLUMINATION] > 0.0
        and x * sun[0] + y * sun[1] + z * sun[2] > model.tracker_sun_cos
    ):
        return False
    nadir = state.nadir_body
    p = state.position_gcrf_m
    radius = math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    cosine = x * nadir[0] + y * nadir[1] + z * nadir[2]
    from_limb = math.acos(min(1.0, max(-1.0, cosine))) - math.asin(min(1.0, EARTH_RADIUS_M / radius))
    return bool(from_limb > model.tracker_earth_exclusion)


@compiled
def measure_trackers(state: Record, model: Record, frame: Record) -> int:
    """Two trackers, each with mounting error and noise about its own axes; returns their validity bits."""
    for unit in range(2):
        frame.sample_age_ms[4 + unit] = NOT_SAMPLED_MS
        for k in range(4):
            frame.tracker_quaternion_tracker_from_gcrf[unit, k] = 0.0
    if state.tick % model.tracker_period_ticks != TRACKER_PHASE % model.tracker_period_ticks:
        return 0
    noise = state.noise
    fill_normals(model.key_tracker, state.tick, noise, NOISE_TRACKER, COUNT_TRACKER)
    past = (state.tick - model.tracker_latency_ticks) % QUATERNION_HISTORY
    q = state.quaternion_history
    mount = model.tracker_from_body
    quantum = model.tracker_quantum
    valid = 0
    for unit in range(2):
        if not tracker_sees(state, model, unit):
            continue
        a0, a1, a2, a3 = multiply(
            mount[unit, 0],
            mount[unit, 1],
            mount[unit, 2],
            mount[unit, 3],
            q[past, 0],
            q[past, 1],
            q[past, 2],
            q[past, 3],
        )
        at = NOISE_TRACKER + 3 * unit
        b0, b1, b2, b3 = multiply(
            1.0,
            0.5 * model.tracker_noise[0] * noise[at],
            0.5 * model.tracker_noise[1] * noise[at + 1],
            0.5 * model.tracker_noise[2] * noise[at + 2],
            a0,
            a1,
            a2,
            a3,
        )
        scale = 1.0 / math.sqrt(b0 * b0 + b1 * b1 + b2 * b2 + b3 * b3)
        # Units report the half of the double cover with a positive scalar.
        if b0 < 0.0:
            scale = -scale
        frame.tracker_quaternion_tracker_from_gcrf[unit, 0] = quantised(b0 * scale, quantum)
        frame.tracker_quaternion_tracker_from_gcrf[unit, 1] = quantised(b1 * scale, quantum)
        frame.tracker_quaternion_tracker_from_gcrf[unit, 2] = quantised(b2 * scale, quantum)
        frame.tracker_quaternion_tracker_from_gcrf[unit, 3] = quantised(b3 * scale, quantum)
        frame.sample_age_ms[4 + unit] = model.tracker_latency_ticks * model.tick_ns // 1_000_000
        valid |= 1 << (VALID_TRACKER + unit)
    return valid


@compiled
def measure_magnetometers(state: Record, model: Record, frame: Record) -> int:
    """Three magnetometers in body axes, with the torquers' own field on top; returns their validity bits."""
    noise = state.noise
    fill_normals(model.key_magnetometer, state.tick, noise, NOISE_MAGNETOMETER, COUNT_MAGNETOMETER)
    field = state.magnetic_field_body_t
    dipole = state.torquer_dipole_body_a_m2
    powered = switched_on(state, SWITCH_SENSORS)
    valid = 0
    for unit in range(3):
        for axis in range(3):
            value = (
                field[axis]
                + model.magnetometer_bias[unit, axis]
                + model.magnetometer_coupling[unit, axis, 0] * dipole[0]
                + model.magnetometer_coupling[unit, axis, 1] * dipole[1]
                + model.magnetometer_coupling[unit, axis, 2] * dipole[2]
                + state.fault_magnetometer_bias_t[unit, axis]
                + model.magnetometer_noise * noise[NOISE_MAGNETOMETER + 3 * unit + axis]
            )
            limit = model.magnetometer_range
            value = min(limit, max(-limit, quantised(value, model.magnetometer_quantum)))
            frame.magnetometer_body_t[unit, axis] = value if powered else 0.0
        frame.sample_age_ms[6 + unit] = 0
        if powered:
            valid |= 1 << (VALID_MAGNETOMETER + unit)
    return valid


@compiled
def measure_sun(state: Record, model: Record, frame: Record) -> int:
    """Two rings of six cosine cells on the faces, lit by Sun and Earth; returns their validity bit."""
    noise = state.noise
    fill_normals(model.key_sun_sensor, state.tick, noise, NOISE_SUN_SENSOR, COUNT_SUN_SENSOR)
    spread, albedo = earth_light(state)
    sun = state.sun_body
    nadir = state.nadir_body
    powered = switched_on(state, SWITCH_SENSORS)
    for face in range(6):
        axis = face // 2
        side = 1.0 if face % 2 == 0 else -1.0
        earth = albedo * spread * earth_view(side * nadir[axis]) / SOLAR_IRRADIANCE_W_M2
        light = state.sunlight_w_m2 / SOLAR_IRRADIANCE_W_M2 * max(0.0, side * sun[axis]) + earth
        state.albedo_sun_sensor[face] = earth
        for ring in range(2):
            index = 6 * ring + face
            value = light + model.sun_sensor_noise * noise[NOISE_SUN_SENSOR + index]
            value = quantised(value, model.sun_sensor_quantum)
            frame.sun_sensor[index] = max(0.0, value) if powered else 0.0
    frame.sample_age_ms[11] = 0
    return 1 << VALID_SUN_SENSOR if powered else 0


@compiled
def measure_gps(state: Record, model: Record, frame: Record) -> int:
    """Two receivers, position and velocity in ITRS at an exact time; returns their validity bits."""
    for unit in range(2):
        frame.sample_age_ms[9 + unit] = NOT_SAMPLED_MS
        frame.gps_time_ns[unit] = 0
        for axis in range(3):
            frame.gps_position_itrs_m[unit, axis] = 0.0
            frame.gps_velocity_itrs_m_s[unit, axis] = 0.0
    if state.tick % model.gps_period_ticks != GPS_PHASE % model.gps_period_ticks:
        return 0
    if (state.switches >> 3) & 1 == 0 or state.gps_on_ns < model.gps_warm_up_ns or state.bus_voltage_v <= 0.0:
        return 0
    noise = state.noise
    fill_normals(model.key_gps, state.tick, noise, NOISE_GPS, COUNT_GPS)
    environment = state.environment
    velocity = state.velocity_gcrf_m_s
    valid = 0
    for unit in range(2):
        if state.fault_gps_outage[unit] != 0:
            continue
        for axis in range(3):
            row = AT_ROTATION + 3 * axis
            turned = (
                environment[row] * velocity[0]
                + environment[row + 1] * velocity[1]
                + environment[row + 2] * velocity[2]
            )
            if axis == 0:
                turned += EARTH_ROTATION_RAD_S * environment[AT_POSITION_ITRS + 1]
            elif axis == 1:
                turned -= EARTH_ROTATION_RAD_S * environment[AT_POSITION_ITRS]
            at = NOISE_GPS + 6 * unit + axis
            position = environment[AT_POSITION_ITRS + axis] + model.gps_position_noise * noise[at]
            turned += model.gps_velocity_noise * noise[at + 3]
            frame.gps_position_itrs_m[unit, axis] = quantised(position, model.gps_position_quantum)
            frame.gps_velocity_itrs_m_s[unit, axis] = quantised(turned, model.gps_velocity_quantum)
        frame.gps_time_ns[unit] = state.time_ns
        frame.sample_age_ms[9 + unit] = 0
        valid |= 1 << (VALID_GPS + unit)
    return valid


@compiled
def measure_housekeeping(state: Record, model: Record, frame: Record) -> None:
    """Tachometers, temperatures, voltages, currents, gauge, tank, switches and clock."""
    noise = state.noise
    fill_normals(model.key_tachometer, state.tick, noise, NOISE_TACHOMETER, COUNT_TACHOMETER)
    # The analogue channels share a noise of their own each second; converters hold it in between.
    if state.tick % model.slow_ticks == 0:
        fill_normals(model.key_housekeeping, state.tick, noise, NOISE_HOUSEKEEPING, COUNT_HOUSEKEEPING)
    wheels = switched_on(state, SWITCH_WHEELS)
    ampere = model.current_quantum
    rate = state.rate_body_rad_s
    axis = model.wheel_axis
    for i in range(4):
        body = axis[i, 0] * rate[0] + axis[i, 1] * rate[1] + axis[i, 2] * rate[2]
        speed = (
            state.wheel_momentum_n_m_s[i] / model.wheel_inertia
            - body
            + model.tachometer_noise * noise[NOISE_TACHOMETER + i]
        )
        frame.wheel_speed_rad_s[i] = quantised(speed, model.tachometer_quantum) if wheels else 0.0
        frame.wheel_current_a[i] = quantised(state.wheel_current_a[i], ampere) if wheels else 0.0
    for i in range(10):
        warmth = state.temperature_k[i] + model.thermistor_noise * noise[NOISE_HOUSEKEEPING + i]
        frame.temperature_k[i] = quantised(warmth, model.thermistor_quantum)
        frame.load_current_a[i] = quantised(state.load_current_a[i], ampere)
    frame.array_angle_rad = quantised(state.array_angle_rad, model.drive_angle_quantum)
    frame.array_current_a[0] = quantised(state.array_current_a[0], ampere)
    frame.array_current_a[1] = quantised(state.array_current_a[1], ampere)
    alive = state.bus_voltage_v > 0.0
    voltage = state.bus_voltage_v + model.voltage_noise * noise[NOISE_HOUSEKEEPING + 10]
    frame.bus_voltage_v = quantised(voltage, model.voltage_quantum) if alive else 0.0
    current = state.battery_current_a + model.current_noise * noise[NOISE_HOUSEKEEPING + 11]
    frame.battery_current_a = quantised(current, ampere)
    frame.battery_charge_fraction = quantised(state.battery_charge, model.gauge_quantum)
    gas = model.tank_gas_m3 + (model.propellant_full_kg - state.propellant_kg) / model.propellant_density
    pressure = model.tank_pressure_pa * model.tank_gas_m3 / gas * (state.temperature_k[4] / 293.0)
    frame.tank_pressure_pa = quantised(pressure, model.tank_pressure_quantum)
    frame.clock_ns = state.time_ns + state.clock_offset_ns + int(model.clock_drift * state.time_ns)
    frame.sequence = state.tick & 0xFFFFFFFF
    frame.switch_status = state.switches
    frame.separation_switches = 7 if state.time_ns >= model.separation_ns else 0
    frame.deployment_switches = (state.wing_deployed[0] & 1) | ((state.wing_deployed[1] & 1) << 1)
    frame.receiver_lock = state.receiver_lock & 1
    frame.reset_cause = state.reset_cause
    frame.latch_valve_status = state.latch_valve_open
    frame.heater_status = state.heaters
    for i in range(6):
        frame.spare[i] = 0


@compiled
def measure(state: Record, model: Record, frame: Record) -> None:
    """Fill the whole frame at the state's time."""
    valid = measure_gyros(state, model, frame)
    valid |= measure_trackers(state, model, frame)
    valid |= measure_magnetometers(state, model, frame)
    valid |= measure_sun(state, model, frame)
    valid |= measure_gps(state, model, frame)
    valid |= measure_object(state, model, frame)
    measure_housekeeping(state, model, frame)
    frame.valid = valid
