"""Actuators against the physics that their data sheet promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.attitude import rotate

QUIET = {"drag": False, "solar_pressure": False}
NO_TORQUES = {"gravity_gradient": False, "residual_dipole": False, "environment": QUIET}


def _momentum_gcrf(plant):
    state, model = plant.state[0], plant.model[0]
    momentum = model["inertia_kg_m2"] @ state["rate_body_rad_s"]
    momentum = momentum + model["wheel_axis"].T @ state["wheel_momentum_n_m_s"]
    q = state["quaternion_body_from_gcrf"]
    return np.array(rotate(q[0], -q[1], -q[2], -q[3], *momentum))


def _speeds(plant):
    truth = plant.truth()
    return np.array([truth[f"wheel_speed_{i}_rad_s"] for i in range(1, 5)])


@pytest.mark.requirement("L1.1")
def test_wheel_torque_turns_the_body_the_other_way(make_plant, command):
    plant = make_plant(spacecraft={"wheel_coulomb_n_m": 0.0, "wheel_viscous_n_m_s": 0.0}, **NO_TORQUES)
    command["wheel_torque_n_m"] = (0.01, 0.0, -0.01, 0.0)
    for _ in range(100):
        plant.step(command)
    # Wheels 0 and 2 point along ±x with √(2/3): the body gets −2 · 0.01 · √(2/3) N m for 10 s on 8 kg m².
    expected = -2.0 * 0.01 * math.sqrt(2.0 / 3.0) * 10.0 / 8.0
    assert plant.state["rate_body_rad_s"][0][0] == pytest.approx(expected, rel=1e-4)
    assert np.linalg.norm(_momentum_gcrf(plant)) < 1e-9


def test_wheel_stops_at_its_greatest_speed_and_torque_is_clamped(make_plant, command):
    plant = make_plant(**NO_TORQUES)
    command["wheel_torque_n_m"] = (0.05, 0.0, 0.0, 0.0)
    for _ in range(1):
        plant.step(command)
    assert plant.state["wheel_torque_n_m"][0][0] == pytest.approx(0.020 - 2.0e-4, rel=1e-3)
    assert int(plant.state["commands_out_of_range"][0]) == 1
    for _ in range(700):
        plant.step(command)
    assert _speeds(plant)[0] == pytest.approx(628.3, rel=2e-3)
    assert _speeds(plant)[0] <= 628.3 * (1.0 + 1e-9)


def test_friction_stops_a_wheel_and_does_not_turn_it_back(make_plant, command):
    plant = make_plant(initial={"wheel_speed_rad_s": (2.0, -2.0, 0.0, 94.0)}, **NO_TORQUES)
    before = _momentum_gcrf(plant)
    for _ in range(600):
        plant.step(command)
    speeds = _speeds(plant)
    # 2e-4 N m on 1.6e-3 kg m² take 0.126 rad/s off each second, viscous drag a little more.
    # What is left, 1e-6 rad/s, is the body slowing down by the other wheels within the tick.
    np.testing.assert_allclose(speeds[:3], 0.0, atol=1e-5)
    assert pytest.approx(speeds[3], abs=0.3) == 94.0 - 60.0 * (2e-4 + 94e-6) / 1.59e-3
    np.testing.assert_allclose(_momentum_gcrf(plant), before, atol=1e-10)


def test_unpowered_wheels_and_drive_do_not_answer(make_plant, command):
    plant = make_plant(initial={"wings_deployed": True}, **NO_TORQUES)
    command["switch_command"] = 0x4F
    command["wheel_torque_n_m"] = 0.01
    command["array_rate_rad_s"] = 0.01
    for _ in range(20):
        plant.step(command)
    np.testing.assert_allclose(_speeds(plant), 0.0, atol=1e-9)
    assert plant.state["array_angle_rad"][0] == 0.0
    assert not plant.sensor_frame["wheel_speed_rad_s"].any()


def test_torquers_give_m_cross_b_and_decay(make_plant, command):
    plant = make_plant(gravity_gradient=False, residual_dipole=False, environment=QUIET)
    field = plant.state["magnetic_field_body_t"][0].copy()
    command["torquer_dipole_body_a_m2"] = (10.0, -5.0, 2.0)
    plant.step(command)
    dipole = np.array([10.0, -5.0, 2.0])
    # The rods need 4 ms of the 100 ms to come up: 4 % of the mean is missing.
    expected = np.cross(dipole, field) * (1.0 - 0.04 * (1.0 - math.exp(-25.0)))
    np.testing.assert_allclose(plant.state["torque_magnetic_n_m"][0], expected, rtol=1e-9)
    np.testing.assert_allclose(plant.state["torquer_dipole_body_a_m2"][0], dipole, rtol=1e-9)
    command["torquer_dipole_body_a_m2"] = 0.0
    plant.step(command)
    assert np.abs(plant.state["torquer_dipole_body_a_m2"][0]).max() < 1e-9


def test_torquers_blind_the_magnetometers_while_on(make_plant, command):
    plant = make_plant(initial={"rate_body_rad_s": (0.0, 0.0, 0.0)})

    def error():
        reading = plant.sensor_frame["magnetometer_body_t"][0].mean(axis=0)
        return np.linalg.norm(reading - plant.state["magnetic_field_body_t"][0])

    plant.step(command)
    clean = error()
    command["torquer_dipole_body_a_m2"] = (10.0, 10.0, 10.0)
    plant.step(command)
    blind = error()
    command["torquer_dipole_body_a_m2"] = 0.0
    plant.step(command)
    after = error()
    assert blind > 5e-6
    assert clean < 5e-7
    assert after < 5e-7


def test_four_thrusters_push_along_x_and_use_propellant(make_plant, command):
    plant = make_plant(spacecraft={"centre_of_mass_body_m": [0.0, 0.0, 0.0]}, **NO_TORQUES)
    command["thruster_on_s"] = 0.1
    plant.step(command)
    assert plant.state["propellant_kg"][0] == 2.0, "fired with the latch valve closed"
    command["latch_valve_open"] = 1
    quaternion = plant.state["quaternion_body_from_gcrf"][0].copy()
    coasting = make_plant(spacecraft={"centre_of_mass_body_m": [0.0, 0.0, 0.0]}, **NO_TORQUES)
    coasting.restore(plant.state_bytes())
    idle = np.zeros_like(command)
    idle["switch_command"] = command["switch_command"]
    for _ in range(10):
        plant.step(command)
        coasting.step(idle)
    change = plant.state["velocity_gcrf_m_s"][0] - coasting.state["velocity_gcrf_m_s"][0]
    change_body = np.array(rotate(*quaternion, *change))
    # Cosine of the cant times 4 N for a second on 100 kg, and no turn.
    np.testing.assert_allclose(change_body, (4.0 * math.cos(math.radians(20.0)) / 100.0, 0.0, 0.0), atol=2e-6)
    assert np.linalg.norm(plant.state["rate_body_rad_s"][0]) < 1e-9
    assert 2.0 - plant.state["propellant_kg"][0] == pytest.approx(4.0 / (220.0 * 9.80665), rel=1e-9)
    assert plant.sensor_frame["tank_pressure_pa"][0] < 2.2e6


def test_thruster_torques_span_every_direction_both_ways(make_plant):
    model = make_plant().model[0]
    arm = model["thruster_position_m"] - model["centre_of_mass_m"]
    torques = np.cross(arm, model["thruster_force_n"])
    # Any torque is a combination with positive on-times if three of them span space and the fourth opposes
    # all.
    assert np.linalg.matrix_rank(torques) == 3
    weights = np.linalg.solve(torques[:3].T, -torques[3])
    assert (weights > 0.5).all()


def test_pulses_below_the_least_on_time_do_nothing(make_plant, command):
    plant = make_plant()
    command["latch_valve_open"] = 1
    command["thruster_on_s"] = 0.019
    plant.step(command)
    assert plant.state["propellant_kg"][0] == 2.0
    command["thruster_on_s"] = 0.021
    plant.step(command)
    assert plant.state["propellant_kg"][0] < 2.0


def test_propellant_ends_at_zero(make_plant, command):
    plant = make_plant(spacecraft={"propellant_kg": 0.001})
    command["latch_valve_open"] = 1
    command["thruster_on_s"] = 0.1
    for _ in range(20):
        plant.step(command)
    assert plant.state["propellant_kg"][0] == 0.0
    assert not plant.state["torque_thruster_n_m"].any()


def test_wing_needs_arm_and_fire_for_a_second_on_end(make_plant, command):
    plant = make_plant()
    command["deployment_fire"] = 0x81
    for _ in range(9):
        plant.step(command)
    command["deployment_fire"] = 0x01
    plant.step(command)
    command["deployment_fire"] = 0x81
    for _ in range(9):
        plant.step(command)
    assert plant.sensor_frame["deployment_switches"][0] == 0
    plant.step(command)
    assert plant.sensor_frame["deployment_switches"][0] == 1


def test_drive_is_limited_and_wraps(make_plant, command):
    plant = make_plant(initial={"wings_deployed": True, "array_angle_rad": math.radians(179.95)})
    command["array_rate_rad_s"] = 1.0
    plant.step(command)
    assert math.degrees(plant.state["array_angle_rad"][0]) == pytest.approx(-179.95, abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_count_and_do_nothing(make_plant, command, bad):
    plant, still = make_plant(seed=1), make_plant(seed=1)
    idle = command.copy()
    for field in ("wheel_torque_n_m", "torquer_dipole_body_a_m2", "thruster_on_s", "array_rate_rad_s"):
        command[field] = bad
    plant.step(command)
    still.step(idle)
    assert int(plant.state["commands_not_finite"][0]) == 12
    assert plant.sensor_frame.tobytes() == still.sensor_frame.tobytes()
