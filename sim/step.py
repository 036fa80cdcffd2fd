"""One tick of the plant, compiled.

    given state at t_k and the actuator frame of tick k:
        effects of the faults that are active
        switches, wings, drive, wheels, torquers, thrusters follow the command
        forces of the surroundings at t_k, torques as the body has turned in the middle of the tick
        orbit to t_{k+1}; attitude to t_{k+1}
        surroundings at t_{k+1}
        power over the tick; temperatures once a second
        sensor frame and contacts at t_{k+1}

Nothing is allocated and nothing can fail: a command that makes no sense is clamped and counted.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.actuators import drive_array, drive_torquers, drive_wheels, fire_thrusters, release_wings
from sim.attitude import integrate, rotate
from sim.compiled import Record, compiled, compiled_merged
from sim.disturbances import at_middle, gravity_gradient_torque, surface_loads
from sim.environment.constants import SPEED_OF_LIGHT_M_S
from sim.environment.evaluate import evaluate_magnetic_field
from sim.environment.layout import (
    AT_ILLUMINATION,
    AT_MAGNETIC_FIELD,
    AT_POSITION_ITRS,
    AT_SOLAR_PRESSURE,
    AT_SUN_DIRECTION,
)
from sim.faults import update_effects
from sim.objects import drift_object, kick_object
from sim.orbit.integrate import orbit_start, orbit_step
from sim.power import command_switches, step_power
from sim.records import QUATERNION_HISTORY
from sim.sensors import measure
from sim.thermal import step_thermal


@compiled
def turn_surroundings(state: Record) -> None:
    """Sun, nadir and magnetic field in body axes, and the sunlight, from the environment at the state's
    time.
    """
    environment = state.environment
    q = state.quaternion_body_from_gcrf
    q0, q1, q2, q3 = q[0], q[1], q[2], q[3]
    sun = state.sun_body
    sun[0], sun[1], sun[2] = rotate(
        q0,
        q1,
        q2,
        q3,
        environment[AT_SUN_DIRECTION],
        environment[AT_SUN_DIRECTION + 1],
        environment[AT_SUN_DIRECTION + 2],
    )
    p = state.position_gcrf_m
    down = -1.0 / math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    nadir = state.nadir_body
    nadir[0], nadir[1], nadir[2] = rotate(q0, q1, q2, q3, down * p[0], down * p[1], down * p[2])
    field = state.magnetic_field_body_t
    field[0], field[1], field[2] = rotate(
        q0,
        q1,
        q2,
        q3,
        environment[AT_MAGNETIC_FIELD],
        environment[AT_MAGNETIC_FIELD + 1],
        environment[AT_MAGNETIC_FIELD + 2],
    )
    state.sunlight_w_m2 = environment[AT_SOLAR_PRESSURE] * SPEED_OF_LIGHT_M_S
    past = state.tick % QUATERNION_HISTORY
    history = state.quaternion_history
    history[past, 0] = q0
    history[past, 1] = q1
    history[past, 2] = q2
    history[past, 3] = q3


@compiled
def watch_stations(state: Record, model: Record) -> int:
    """The true elevation of the satellite at each station; bit i of the result is set above its mask."""
    environment = state.environment
    mask = 0
    for i in range(model.station_count):
        dx = environment[AT_POSITION_ITRS] - model.station_itrs_m[i, 0]
        dy = environment[AT_POSITION_ITRS + 1] - model.station_itrs_m[i, 1]
        dz = environment[AT_POSITION_ITRS + 2] - model.station_itrs_m[i, 2]
        up = model.station_up[i, 0] * dx + model.station_up[i, 1] * dy + model.station_up[i, 2] * dz
        sine = up / math.sqrt(dx * dx + dy * dy + dz * dz)
        state.elevation_sin[i] = sine
        if sine >= model.station_mask_sin[i]:
            mask |= 1 << i
    state.contact_mask = mask
    return mask


@compiled
def apply_torques(state: Record, model: Record, command: Record) -> tuple[float, float, float]:
    """Run the actuators and the surroundings over a tick; advance the attitude; returns the force (body
    axes, N).
    """
    drive_wheels(state, model, command)
    mean_x, mean_y, mean_z = drive_torquers(state, model, command)
    fx, fy, fz = fire_thrusters(state, model, command)
    tx = state.torque_thruster_n_m[0]
    ty = state.torque_thruster_n_m[1]
    tz = state.torque_thruster_n_m[2]
    if model.use_residual_dipole != 0:
        mean_x += model.residual_dipole[0]
        mean_y += model.residual_dipole[1]
        mean_z += model.residual_dipole[2]
    field = state.magnetic_field_body_t
    bx, by, bz = at_middle(state, model, field[0], field[1], field[2])
    part = state.torque_magnetic_n_m
    part[0] = mean_y * bz - mean_z * by
    part[1] = mean_z * bx - mean_x * bz
    part[2] = mean_x * by - mean_y * bx
    tx += part[0]
    ty += part[1]
    tz += part[2]
    if model.use_gravity_gradient != 0:
        gx, gy, gz = gravity_gradient_torque(state, model)
        part = state.torque_gravity_gradient_n_m
        part[0] = gx
        part[1] = gy
        part[2] = gz
        tx += gx
        ty += gy
        tz += gz
    sx, sy, sz, ux, uy, uz = surface_loads(state, model)
    part = state.torque_surface_n_m
    part[0] = ux
    part[1] = uy
    part[2] = uz
    fx += sx
    fy += sy
    fz += sz
    force = state.force_body_n
    force[0] = fx
    force[1] = fy
    force[2] = fz
    integrate(state, model, model.dt_s, state.wheel_torque_n_m, tx + ux, ty + uy, tz + uz)
    return fx, fy, fz


@compiled_merged
def step(
    state: Record,
    model: Record,
    faults: NDArray[np.void],
    tables: NDArray[np.float64],
    until: NDArray[np.int64],
    command: Record,
    frame: Record,
) -> int:
    """Advance the plant by one tick and fill the sensor frame; returns the contact mask.

    until: one element, the time until which the effects of faults stay as they are.
    """
    if state.time_ns >= until[0]:
        until[0] = update_effects(state, faults, model.fault_count, state.time_ns)
    command_switches(state, model, command)
    release_wings(state, model, command)
    drive_array(state, model, command)
    q = state.quaternion_body_from_gcrf
    q0, q1, q2, q3 = q[0], q[1], q[2], q[3]
    fx, fy, fz = apply_torques(state, model, command)
    inverse_mass = 1.0 / (model.dry_mass_kg + state.propellant_kg)
    # The opposite rotation takes body vectors to GCRF.
    ax, ay, az = rotate(q0, -q1, -q2, -q3, fx * inverse_mass, fy * inverse_mass, fz * inverse_mass)
    if state.object_row != 0:
        kick_object(state, 0.5 * model.dt_s)
        drift_object(state, model.dt_s)
    state.tick += 1
    state.time_ns = state.tick * model.tick_ns
    orbit_step(
        tables,
        state.time_ns,
        model.dt_s,
        state.position_gcrf_m,
        state.velocity_gcrf_m_s,
        state.orbit_kick_m_s2,
        ax,
        ay,
        az,
        0.0,
        0.0,
        state.environment,
    )
    if state.object_row != 0:
        kick_object(state, 0.5 * model.dt_s)
    evaluate_magnetic_field(tables, state.environment)
    turn_surroundings(state)
    step_power(state, model)
    if state.tick % model.slow_ticks == 0:
        step_thermal(state, model)
    measure(state, model, frame)
    mask = watch_stations(state, model)
    if mask != 0:
        state.contact_ns += model.tick_ns
    if state.environment[AT_ILLUMINATION] < 0.5:
        state.eclipse_ns += model.tick_ns
    return mask


@compiled_merged
def start(
    state: Record,
    model: Record,
    faults: NDArray[np.void],
    tables: NDArray[np.float64],
    until: NDArray[np.int64],
    frame: Record,
) -> int:
    """Fill everything that follows from the initial state, and sensor frame 0; returns the contact mask."""
    until[0] = update_effects(state, faults, model.fault_count, state.time_ns)
    orbit_start(
        tables,
        state.time_ns,
        model.dt_s,
        state.position_gcrf_m,
        state.velocity_gcrf_m_s,
        state.orbit_kick_m_s2,
        0.0,
        0.0,
        state.environment,
    )
    evaluate_magnetic_field(tables, state.environment)
    turn_surroundings(state)
    # The balance at the start fills currents and voltages; no time has passed.
    charge = state.battery_charge
    step_power(state, model)
    state.battery_charge = charge
    state.array_energy_j = 0.0
    state.load_energy_j = 0.0
    measure(state, model, frame)
    return watch_stations(state, model)
