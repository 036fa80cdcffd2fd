"""Thermal nodes against closed forms: cooling into space, sunlit balance, conduction, view of the Earth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import dblquad

from sim.environment.constants import EARTH_RADIUS_M
from sim.spacecraft import SpacecraftKeyError
from sim.thermal import STEFAN_BOLTZMANN, earth_view

# Far from the Earth, in full sun: its infrared and albedo are 2e-4 of the Sun's there.
FAR = {"position_gcrf_m": (3.0e8, 3.0e8, 0.0), "velocity_gcrf_m_s": (-400.0, 400.0, 0.0)}


@pytest.mark.parametrize("degrees", [0, 45, 90, 120])
def test_view_of_the_earth_against_quadrature(degrees):
    # Integral of cos/π over the visible cap of half-angle asin(R/r) at 550 km; the fit is good to 0.04 of
    # the whole.
    radius = EARTH_RADIUS_M + 550e3
    spread = (EARTH_RADIUS_M / radius) ** 2
    tilt = math.radians(degrees)
    normal = np.array([math.sin(tilt), 0.0, math.cos(tilt)])

    def lit(azimuth, polar):
        direction = (math.sin(polar) * math.cos(azimuth), 0.0, math.cos(polar))
        return max(0.0, normal[0] * direction[0] + normal[2] * direction[2]) * math.sin(polar) / math.pi

    exact = dblquad(lit, 0.0, math.asin(math.sqrt(spread)), 0.0, 2.0 * math.pi, epsabs=1e-5)[0]
    assert spread * earth_view(math.cos(tilt)) == pytest.approx(exact, abs=0.04)
    assert earth_view(-1.0) == pytest.approx(0.0, abs=1e-12)


def test_wing_in_the_dark_cools_as_the_fourth_power_says(make_plant, command):
    # dT/dt = −k (T⁴ − T_space⁴) with k = A ε σ / C, conduction off, edge-on to the Sun: 1/T³ grows by 3 k t.
    plant = make_plant(
        initial={**FAR, "wings_deployed": True, "quaternion_body_from_gcrf": (1.0, 0.0, 0.0, 0.0)},
        spacecraft={"thermal_conductance_w_k": [0.0] * 10, "wing_absorptance": 0.0},
    )
    start = plant.state["temperature_k"][0][7]
    seconds = 1800
    for _ in range(10 * seconds):
        plant.step(command)
    rate = 0.37 * (0.82 + 0.85) * STEFAN_BOLTZMANN / 1.3e3
    expected = (start**-3 + 3.0 * rate * seconds) ** (-1.0 / 3.0)
    # Explicit steps of 1 s and the Earth's faint infrared are worth 0.1 K.
    assert plant.state["temperature_k"][0][7] == pytest.approx(expected, abs=0.15)


def test_wing_in_the_sun_settles_where_it_radiates_what_it_absorbs(make_plant, command):
    plant = make_plant(
        initial={**FAR, "wings_deployed": True},
        spacecraft={"thermal_conductance_w_k": [0.0] * 10, "array_power_w": 0.0},
        tick_ns=1_000_000_000,
    )
    state = plant.state[0]
    sun = state["environment"][18:21].copy()
    z = -sun
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    from sim.model import quaternion_from_matrix

    for _ in range(4000):
        state["quaternion_body_from_gcrf"] = quaternion_from_matrix(np.array([x, np.cross(z, x), z]))
        state["rate_body_rad_s"] = 0.0
        plant.step(command)
    irradiance = state["sunlight_w_m2"]
    expected = (0.88 * irradiance / ((0.82 + 0.85) * STEFAN_BOLTZMANN)) ** 0.25
    assert state["temperature_k"][7] == pytest.approx(expected, abs=0.5)


def test_conduction_moves_heat_and_keeps_it(make_plant, command):
    # Nothing radiates and nothing is on: the heat content stays and everything tied together meets at one
    # temperature.
    plant = make_plant(
        spacecraft={
            "skin_emittance": 0.0,
            "skin_absorptance": 0.0,
            "radiator_area_m2": 0.0,
            "wing_absorptance": 0.0,
            "wing_emittance_front": 0.0,
            "wing_emittance_back": 0.0,
            "base_load_w": 0.0,
            "switch_load_w": [0.0] * 8,
            "battery_resistance_ohm": 0.0,
            "array_power_w": 0.0,
            "temperature_initial_k": [300.0, 280.0, 310.0, 290.0, 285.0, 305.0, 295.0, 250.0, 260.0, 300.0],
        },
        tick_ns=1_000_000_000,
    )
    capacity = np.array(plant.spacecraft.thermal_capacity_j_k)
    heat = capacity @ plant.state["temperature_k"][0]
    for _ in range(20_000):
        plant.step(command)
    temperatures = plant.state["temperature_k"][0]
    assert capacity @ temperatures == pytest.approx(heat, rel=1e-10)
    assert np.ptp(temperatures[[0, 2, 3, 5, 6, 9]]) < 0.2


@pytest.mark.parametrize(("heater", "node"), [(0, 1), (1, 4), (2, 3), (3, 5)])
def test_heater_warms_its_own_node_and_draws_its_power(make_plant, command, heater, node):
    cold, warm = make_plant(tick_ns=1_000_000_000), make_plant(tick_ns=1_000_000_000)
    heated = command.copy()
    heated["heater_command"] = 1 << heater
    for _ in range(300):
        cold.step(command)
        warm.step(heated)
    difference = warm.state["temperature_k"][0] - cold.state["temperature_k"][0]
    assert int(np.argmax(difference)) == node
    power = warm.spacecraft.heater_w[heater]
    most = power * 300.0 / warm.spacecraft.thermal_capacity_j_k[node]
    assert 0.5 * most < difference[node] <= most * 1.001
    assert warm.state["bus_power_w"][0] - cold.state["bus_power_w"][0] == pytest.approx(power)
    assert warm.sensor_frame["heater_status"][0] == 1 << heater


def test_capacity_too_small_for_the_step_is_refused(make_plant):
    # A node of 20 J/K that gives 15 W/K to its neighbour would overshoot and grow without bound.
    capacity = [45e3, 1.6e3, 2.7e3, 3.6e3, 4.5e3, 13.5e3, 1.8e3, 1.3e3, 1.3e3, 20.0]
    with pytest.raises(SpacecraftKeyError, match="the radiator needs at least"):
        make_plant(spacecraft={"thermal_capacity_j_k": capacity})
