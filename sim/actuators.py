"""Actuators: what the voted command of a tick does to the spacecraft during that tick.

Commands are clamped to what the hardware can do. A number that is not finite counts as zero and is counted,
as is one beyond the hardware's range, because truth judges the flight software by it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.compiled import Record, compiled, compiled_inline

# As NumPy has them, so that Numba does not compile a callee anew for each value.
_whole: Any = np.int64
SWITCH_SENSORS, SWITCH_WHEELS, SWITCH_DRIVE = _whole(1), _whole(4), _whole(5)
FIRE_ARM = 0x80
# Commands are 32-bit floats, so that a clamp at full scale may come back larger by a rounding.
_RANGE_SLACK = 1.0001


@compiled_inline
def switched_on(state: Record, switch: int) -> bool:
    """Whether a switch is closed and the bus alive."""
    return bool((state.switches >> switch) & 1 != 0 and state.bus_voltage_v > 0.0)


@compiled
def bounded(state: Record, command: float, low: float, high: float) -> float:
    """A command within its range; counts what is not finite (then 0) or out of range."""
    if not math.isfinite(command):
        state.commands_not_finite += 1
        return 0.0
    if command < low * _RANGE_SLACK or command > high * _RANGE_SLACK:
        state.commands_out_of_range += 1
    return min(high, max(low, command))


@compiled
def drive_wheels(state: Record, model: Record, command: Record) -> None:
    """Torque on each wheel about its axis, motor and bearing together, and the electrical power that it
    takes.
    """
    dt = model.dt_s
    powered = switched_on(state, SWITCH_WHEELS)
    torques = state.wheel_torque_n_m
    currents = state.wheel_current_a
    rate = state.rate_body_rad_s
    axis = model.wheel_axis
    inertia = model.wheel_inertia
    power = 0.0
    for i in range(4):
        wanted = bounded(state, command.wheel_torque_n_m[i], -model.wheel_torque_max, model.wheel_torque_max)
        motor = wanted if powered else 0.0
        body = axis[i, 0] * rate[0] + axis[i, 1] * rate[1] + axis[i, 2] * rate[2]
        speed = state.wheel_momentum_n_m_s[i] / inertia - body
        if state.fault_wheel_seized[i] != 0:
            # The bearing grips: within a second the rotor turns with the body, whatever the motor does.
            torques[i] = -inertia * speed * min(1.0, dt * 3.0) / dt
            currents[i] = motor / model.wheel_motor_n_m_a
            power += model.wheel_copper * motor * motor
            continue
        # The motor cannot push a rotor past its greatest speed.
        room = inertia / dt
        motor = min(motor, max(0.0, (model.wheel_speed_max - speed) * room))
        motor = max(motor, min(0.0, (-model.wheel_speed_max - speed) * room))
        drag = model.wheel_coulomb + model.wheel_viscous * abs(speed)
        drag *= state.fault_wheel_friction[i]
        # Dry friction stops a rotor and does not turn it back.
        free = speed + motor * dt / inertia
        drag = min(drag, abs(free) * room)
        torques[i] = motor - math.copysign(drag, free)
        currents[i] = motor / model.wheel_motor_n_m_a
        power += max(0.0, motor * speed) / model.wheel_drive_efficiency + model.wheel_copper * motor * motor
    state.wheel_power_w = power


@compiled
def drive_torquers(state: Record, model: Record, command: Record) -> tuple[float, float, float]:
    """Mean dipole of the tick in body axes, A m²; it follows its command with the rods' decay time."""
    dipole = state.torquer_dipole_body_a_m2
    alive = state.bus_voltage_v > 0.0
    mean_x = mean_y = mean_z = 0.0
    for i in range(3):
        wanted = bounded(state, command.torquer_dipole_body_a_m2[i], -model.torquer_max, model.torquer_max)
        wanted = wanted * state.fault_torquer_gain[i] if alive else 0.0
        excess = dipole[i] - wanted
        mean = wanted + excess * model.torquer_mean
        dipole[i] = wanted + excess * model.torquer_keep
        if i == 0:
            mean_x = mean
        elif i == 1:
            mean_y = mean
        else:
            mean_z = mean
    return mean_x, mean_y, mean_z


@compiled
def fire_thrusters(state: Record, model: Record, command: Record) -> tuple[float, float, float]:
    """Mean force of the tick (body axes, N); leaves the mean torque in `torque_thruster_n_m`, uses
    propellant.
    """
    torque = state.torque_thruster_n_m
    torque[0] = torque[1] = torque[2] = 0.0
    alive = state.bus_voltage_v > 0.0
    state.latch_valve_open = 1 if command.latch_valve_open != 0 and alive else 0
    fx = fy = fz = 0.0
    centre = model.centre_of_mass_m
    for i in range(4):
        wanted = bounded(state, command.thruster_on_s[i], 0.0, model.dt_s)
        if wanted < model.thruster_on_min_s or state.latch_valve_open == 0 or state.propellant_kg <= 0.0:
            continue
        used = model.thruster_flow_kg_s * wanted
        share = wanted / model.dt_s
        if used > state.propellant_kg:
            share *= state.propellant_kg / used
            used = state.propellant_kg
        state.propellant_kg -= used
        state.thruster_on_s[i] += wanted
        gx = share * model.thruster_force_n[i, 0]
        gy = share * model.thruster_force_n[i, 1]
        gz = share * model.thruster_force_n[i, 2]
        rx = model.thruster_position_m[i, 0] - centre[0]
        ry = model.thruster_position_m[i, 1] - centre[1]
        rz = model.thruster_position_m[i, 2] - centre[2]
        fx += gx
        fy += gy
        fz += gz
        torque[0] += ry * gz - rz * gy
        torque[1] += rz * gx - rx * gz
        torque[2] += rx * gy - ry * gx
    return fx, fy, fz


@compiled
def drive_array(state: Record, model: Record, command: Record) -> None:
    """Turn both wings by the drive's rate; the angle stays within (−π, π]."""
    rate = bounded(state, command.array_rate_rad_s, -model.drive_rate_max, model.drive_rate_max)
    if state.fault_drive_stuck != 0 or not switched_on(state, SWITCH_DRIVE):
        return
    if state.wing_deployed[0] == 0 and state.wing_deployed[1] == 0:
        return
    angle = state.array_angle_rad + rate * model.dt_s
    if angle > math.pi:
        angle -= 2.0 * math.pi
    elif angle <= -math.pi:
        angle += 2.0 * math.pi
    state.array_angle_rad = angle


@compiled
def release_wings(state: Record, model: Record, command: Record) -> None:
    """Count how long arm and fire have been set on end; a wing lets go after the release time."""
    alive = state.bus_voltage_v > 0.0
    for wing in range(2):
        wanted = command.deployment_fire & FIRE_ARM != 0 and (command.deployment_fire >> wing) & 1 != 0
        if wanted and alive:
            state.wing_fire_ns[wing] += model.tick_ns
            if state.wing_fire_ns[wing] >= model.wing_release_ns:
                state.wing_deployed[wing] = 1
        else:
            state.wing_fire_ns[wing] = 0
