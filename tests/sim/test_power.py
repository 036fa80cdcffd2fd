"""Power: wings against geometry, the battery's balance and limits, the hardware cut-off, and a day's
budget.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.model import quaternion_from_matrix
from sim.power import open_circuit_voltage


def point(plant, body_from_gcrf, angle=0.0):
    """Hold an attitude and a drive angle from here on."""
    state = plant.state[0]
    state["quaternion_body_from_gcrf"] = quaternion_from_matrix(np.asarray(body_from_gcrf))
    state["rate_body_rad_s"] = 0.0
    state["array_angle_rad"] = angle


def minus_z_to(direction):
    """A body attitude whose −z axis points along a direction."""
    z = -np.asarray(direction) / np.linalg.norm(direction)
    x = np.cross([0.3, 0.2, 1.0], z)
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


def sun_gcrf(plant):
    truth = plant.truth()
    return np.array([truth[f"sun_direction_gcrf_{axis}"] for axis in "xyz"])


def _lit(make_plant, **more):
    plant = make_plant(**more)
    point(plant, minus_z_to(sun_gcrf(plant)))
    return plant


@pytest.mark.requirement("L4.1", "C5")
def test_wings_give_their_power_at_normal_incidence_and_the_cosine_off_it(make_plant, command):
    plant = _lit(make_plant, initial={"wings_deployed": True})
    plant.step(command)
    # 200 W at 1 au, 93 % of it at the bus; on 21 June the Sun is at 1.0162 au.
    full = 200.0 * 0.93 / 1.0162**2
    assert plant.state["array_power_w"][0] == pytest.approx(full, rel=1e-3)
    for angle in (0.5, -1.2, 2.5):
        point(plant, minus_z_to(sun_gcrf(plant)), angle)
        plant.step(command)
        assert plant.state["array_power_w"][0] == pytest.approx(full * max(0.0, math.cos(angle)), abs=0.2)
    current = plant.sensor_frame["array_current_a"][0].sum() * plant.state["bus_voltage_v"][0]
    assert current == pytest.approx(plant.state["array_power_w"][0], abs=1e-4)


def test_stowed_wings_give_a_quarter_through_minus_z(make_plant, command):
    plant = _lit(make_plant)
    plant.step(command)
    assert plant.state["array_power_w"][0] == pytest.approx(0.25 * 200.0 * 0.93 / 1.0162**2, rel=1e-3)


def test_battery_takes_what_is_left_and_no_energy_appears(make_plant, command):
    plant = _lit(make_plant, initial={"wings_deployed": True, "battery_state_of_charge": 0.5})
    command["switch_command"] = 0xFF
    state = plant.state
    for _ in range(50):
        before = state["battery_charge"][0]
        plant.step(command)
        voltage, current = state["bus_voltage_v"][0], state["battery_current_a"][0]
        assert state["array_used_w"][0] == pytest.approx(
            state["bus_power_w"][0] + voltage * current, rel=1e-12
        )
        assert state["array_used_w"][0] <= state["array_power_w"][0] * (1.0 + 1e-12)
        ampere_seconds = 100.0 / 28.0 * 3600.0
        gained = state["battery_charge"][0] - before
        assert gained == pytest.approx(0.98 * current * 0.1 / ampere_seconds, rel=1e-6)
        assert voltage == pytest.approx(open_circuit_voltage(before) + 0.06 * current, rel=1e-12)


@pytest.mark.parametrize(("charge", "share"), [(0.3, 1.0), (0.89, 1.0), (0.95, 0.5), (1.0, 0.0)])
def test_charging_is_limited_and_tapers(make_plant, command, charge, share):
    plant = _lit(make_plant, initial={"wings_deployed": True, "battery_state_of_charge": charge})
    command["switch_command"] = 0x02
    plant.step(command)
    limit = 0.7 * 100.0 / 28.0
    assert plant.state["battery_current_a"][0] == pytest.approx(share * limit, abs=1e-3)


def test_discharge_gives_the_loads_their_power_in_the_dark(make_plant, command):
    plant = make_plant(initial={"battery_state_of_charge": 0.6})
    point(plant, minus_z_to(-sun_gcrf(plant)))
    plant.step(command)
    state = plant.state
    assert state["bus_power_w"][0] == pytest.approx(80.0, abs=1e-9)
    assert -state["bus_voltage_v"][0] * state["battery_current_a"][0] == pytest.approx(80.0, rel=1e-9)
    currents = plant.sensor_frame["load_current_a"][0].sum()
    assert currents * state["bus_voltage_v"][0] == pytest.approx(80.0, rel=1e-5)


@pytest.mark.requirement("L4.1", "C5")
def test_undervoltage_cuts_what_is_not_essential_and_lets_go_with_hysteresis(make_plant, command):
    plant = make_plant(
        initial={"battery_state_of_charge": 0.10, "wings_deployed": True}, tick_ns=1_000_000_000
    )
    command["switch_command"] = 0xFF
    command["transmitter_on"] = 1
    state = plant.state
    dark = 0
    while not state["undervoltage"][0]:
        point(plant, minus_z_to(-sun_gcrf(plant)))
        plant.step(command)
        dark += 1
        assert dark < 600
    plant.step(command)
    assert plant.sensor_frame["switch_status"][0] == 0b10
    assert state["transmitter_on"][0] == 0
    assert state["bus_power_w"][0] == pytest.approx(16.0)
    lit = 0
    while state["undervoltage"][0]:
        assert state["bus_voltage_v"][0] < 26.0
        point(plant, minus_z_to(sun_gcrf(plant)))
        plant.step(command)
        lit += 1
        assert lit < 1800
    assert state["battery_charge"][0] > 0.2
    plant.step(command)
    assert plant.sensor_frame["switch_status"][0] == 0xFF


def test_empty_battery_in_the_dark_is_a_dead_bus_that_wakes_in_the_sun(make_plant, command):
    plant = make_plant(
        initial={"battery_state_of_charge": 0.004, "wings_deployed": True}, tick_ns=1_000_000_000
    )
    for _ in range(120):
        point(plant, minus_z_to(-sun_gcrf(plant)))
        plant.step(command)
    assert plant.state["bus_voltage_v"][0] == 0.0
    assert plant.state["battery_charge"][0] >= 0.0
    assert plant.sensor_frame["valid"][0] == 0
    assert not plant.sensor_frame["gyro_rate_body_rad_s"].any()
    for _ in range(30):
        point(plant, minus_z_to(sun_gcrf(plant)))
        plant.step(command)
    assert plant.state["bus_voltage_v"][0] > 21.0
    assert plant.sensor_frame["reset_cause"][0] == 3
    assert plant.sensor_frame["valid"][0] & 0x000F == 0x000F


def fly_nadir(plant, command, ticks, record):
    """Hold nadir with the wings on the Sun, by hand, and call record(state) after each tick."""
    state = plant.state[0]
    for _ in range(ticks):
        position, velocity = state["position_gcrf_m"], state["velocity_gcrf_m_s"]
        z = -position / np.linalg.norm(position)
        y = -np.cross(position, velocity)
        y /= np.linalg.norm(y)
        attitude = np.array([np.cross(y, z), y, z])
        sun = attitude @ state["environment"][18:21]
        point(plant, attitude, math.atan2(-sun[0], -sun[2]))
        plant.step(command)
        record(state)


@pytest.mark.requirement("L4.1", "L4.3", "C5")
def test_a_day_at_low_beta_closes_the_budget_and_keeps_every_node_in_limits(make_plant, command):
    # Mission constraints: about 113 W net on average, about 35 min of eclipse an orbit, 47 Wh taken by it
    # at 80 W.
    plant = make_plant(initial={"wings_deployed": True}, tick_ns=2_000_000_000)
    rows = []

    def record(state):
        rows.append((state["array_power_w"], state["battery_charge"], *state["temperature_k"]))

    ticks = 43_200
    fly_nadir(plant, command, ticks, record)
    power, charge, *nodes = np.array(rows).T
    assert np.mean(power) == pytest.approx(113.0, abs=1.5)
    eclipse_s = int(plant.state["eclipse_ns"][0]) * 1e-9
    assert eclipse_s / 86_400.0 * 95.6 == pytest.approx(35.4, abs=0.4)
    assert charge.min() > 0.45
    # The charge at the end of each of the last ten orbits' eclipses repeats: the budget closes.
    minima = [chunk.min() for chunk in np.array_split(charge[-28_680:], 10)]
    assert max(minima) - min(minima) < 0.05
    craft = plant.spacecraft
    for node, values in enumerate(nodes):
        assert craft.temperature_min_k[node] < values.min(), node
        assert values.max() < craft.temperature_max_k[node], node
