"""Temperatures of ten nodes: conduction to the structure, radiation, sunlight, albedo, Earth infrared,
dissipation.

Node by node: the structure sees space through insulation; a heat pipe of variable conductance ties it to
the radiator on the −y face; the wings radiate from both sides; the other units touch the structure alone.
The view of the Earth from a plate at an angle γ from nadir is (R/r)² (0.304 + 0.5 cos γ + 0.196 cos² γ),
which meets the exact plate-to-sphere factor at γ = 0, 90° and 180° for 550 km. Steps are explicit and about
one second long.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.compiled import Record, compiled, compiled_inline
from sim.environment.constants import EARTH_RADIUS_M

STEFAN_BOLTZMANN = 5.670374419e-8
EARTH_INFRARED_W_M2 = 237.0
ALBEDO = 0.30
_SPACE = 2.725**4
# As NumPy has it, so that Numba does not compile a callee anew for the value.
_whole: Any = np.int64
_STRUCTURE = _whole(0)
_VIEW_0, _VIEW_1, _VIEW_2 = 0.304, 0.5, 0.196


@compiled_inline
def earth_view(cosine: float) -> float:
    """View factor of the Earth from a plate whose normal makes an angle with nadir, but for the factor
    (R/r)².
    """
    return max(0.0, _VIEW_0 + cosine * (_VIEW_1 + _VIEW_2 * cosine))


@compiled
def earth_light(state: Record) -> tuple[float, float]:
    """(R/r)², and the irradiance by albedo (W/m²) of a plate that faces the Earth, before its view factor."""
    p = state.position_gcrf_m
    spread = EARTH_RADIUS_M * EARTH_RADIUS_M / (p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    sun = state.sun_body
    nadir = state.nadir_body
    zenith = -(sun[0] * nadir[0] + sun[1] * nadir[1] + sun[2] * nadir[2])
    return spread, state.sunlight_w_m2 * ALBEDO * max(0.0, zenith)


@compiled
def step_thermal(state: Record, model: Record) -> None:
    """Advance the temperatures by one thermal step (`thermal_step_over_capacity` holds its length)."""
    t = state.temperature_k
    factor = model.thermal_step_over_capacity
    # Heat into the structure is summed while the units are done.
    structure = _skin_heat(state, model)
    for node in range(1, 7):
        flow = model.thermal_conductance[node] * (t[node] - t[0])
        structure += flow
        t[node] += factor[node] * (_dissipation(state, model, node) - flow)
    for node in range(7, 9):
        flow = model.thermal_conductance[node] * (t[node] - t[0])
        structure += flow
        t[node] += factor[node] * (_wing_heat(state, model, node) - flow)
    opening = (t[0] - model.heat_pipe_k[0]) / (model.heat_pipe_k[1] - model.heat_pipe_k[0])
    opening = min(1.0, max(0.0, opening))
    pipe = model.heat_pipe_w_k[0] + opening * (model.heat_pipe_w_k[1] - model.heat_pipe_w_k[0])
    flow = pipe * (t[0] - t[9])
    t[9] += factor[9] * (_radiator_heat(state, model) + flow)
    t[0] += factor[0] * (structure - flow + _dissipation(state, model, _STRUCTURE))


@compiled
def _dissipation(state: Record, model: Record, node: int) -> float:
    """Electrical heat in a node, W."""
    switches = state.switches
    load = model.switch_load_w
    heater = model.heater_w
    if state.bus_voltage_v <= 0.0:
        return 0.0
    total = 0.0
    if node == 0:
        # Sensors, trackers, GPS, drive, payload bus.
        for i in (1, 2, 3, 5, 6):
            if (switches >> i) & 1 != 0:
                total += load[i]
    elif node == 1:
        current = state.battery_current_a
        total += current * current * model.battery_resistance
        total += heater[0] if state.heaters & 1 != 0 else 0.0
    elif node == 2:
        total += model.base_load_w + (load[0] if switches & 1 != 0 else 0.0)
    elif node == 3:
        total += heater[2] if state.heaters & 4 != 0 else 0.0
        total += load[4] + state.wheel_power_w if (switches >> 4) & 1 != 0 else 0.0
    elif node == 4:
        total += heater[1] if state.heaters & 2 != 0 else 0.0
    elif node == 5:
        total += load[7] if (switches >> 7) & 1 != 0 else 0.0
        total += heater[3] if state.heaters & 8 != 0 else 0.0
    elif node == 6 and state.transmitter_on != 0:
        total += model.transmitter_load_w - model.transmitter_radiated_w
    return total


@compiled
def _skin_heat(state: Record, model: Record) -> float:
    """Heat through the insulation of the six faces, W."""
    spread, albedo = earth_light(state)
    sun = state.sun_body
    nadir = state.nadir_body
    area = model.face_area_m2
    total = 0.0
    t2 = state.temperature_k[0] * state.temperature_k[0]
    lost = model.skin_emittance * STEFAN_BOLTZMANN * (t2 * t2 - _SPACE)
    for i in range(3):
        view = earth_view(nadir[i]) + earth_view(-nadir[i])
        gained = model.skin_absorptance * (state.sunlight_w_m2 * abs(sun[i]) + albedo * spread * view)
        gained += model.skin_emittance * EARTH_INFRARED_W_M2 * spread * view
        total += area[i] * (gained - 2.0 * lost)
    return total


@compiled
def _radiator_heat(state: Record, model: Record) -> float:
    """Heat from outside into the radiator on the −y face, W."""
    spread, albedo = earth_light(state)
    view = spread * earth_view(-state.nadir_body[1])
    light = state.sunlight_w_m2 * max(0.0, -state.sun_body[1]) + albedo * view
    t2 = state.temperature_k[9] * state.temperature_k[9]
    gained = model.radiator_absorptance * light + model.radiator_emittance * EARTH_INFRARED_W_M2 * view
    heat: float = model.radiator_area_m2 * (
        gained - model.radiator_emittance * STEFAN_BOLTZMANN * (t2 * t2 - _SPACE)
    )
    return heat


@compiled
def _wing_heat(state: Record, model: Record, node: int) -> float:
    """Heat from outside into a wing, less the electricity that leaves it, W. A stowed wing shows one side."""
    spread, albedo = earth_light(state)
    sun = state.sun_body
    nadir = state.nadir_body
    deployed = state.wing_deployed[node - 7] != 0
    angle = state.array_angle_rad if deployed else 0.0
    nx = -math.sin(angle)
    nz = -math.cos(angle)
    facing = nx * sun[0] + nz * sun[2]
    down = nx * nadir[0] + nz * nadir[2]
    front_view = spread * earth_view(down)
    back_view = spread * earth_view(-down) if deployed else 0.0
    light = state.sunlight_w_m2 * max(0.0, facing) + albedo * front_view
    back = state.sunlight_w_m2 * max(0.0, -facing) + albedo * back_view if deployed else 0.0
    t2 = state.temperature_k[node] * state.temperature_k[node]
    front_e = model.wing_emittance_front
    back_e = model.wing_emittance_back if deployed else 0.0
    infrared = EARTH_INFRARED_W_M2 * (front_e * front_view + back_e * back_view)
    lost = (front_e + back_e) * STEFAN_BOLTZMANN * (t2 * t2 - _SPACE)
    gained = model.wing_absorptance * (light + back) + infrared - lost
    electric = 0.0
    if state.array_power_w > 0.0:
        share = max(0.0, min(1.0, state.array_used_w / state.array_power_w))
        electric = state.array_current_a[node - 7] * state.bus_voltage_v * share
    heat: float = model.wing_area_m2 * gained - electric
    return heat
