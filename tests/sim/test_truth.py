"""Truth rows: the contract's columns are there, and derived quantities are what their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.attitude import multiply, rotate
from sim.truth import COLUMNS, WIDTH

CONTRACT = """
sim_time_ns position_gcrf_x_m position_gcrf_y_m position_gcrf_z_m velocity_gcrf_x_m_s velocity_gcrf_y_m_s
velocity_gcrf_z_m_s quaternion_body_from_gcrf_w quaternion_body_from_gcrf_x quaternion_body_from_gcrf_y
quaternion_body_from_gcrf_z rate_body_x_rad_s rate_body_y_rad_s rate_body_z_rad_s wheel_speed_1_rad_s
wheel_speed_2_rad_s wheel_speed_3_rad_s wheel_speed_4_rad_s sun_direction_gcrf_x sun_direction_gcrf_y
sun_direction_gcrf_z illumination magnetic_field_gcrf_x_t magnetic_field_gcrf_y_t magnetic_field_gcrf_z_t
density_kg_m3 battery_state_of_charge bus_power_w array_power_w array_angle_rad propellant_kg in_contact
pointing_error_deg flight_mode temperature_battery_k temperature_structure_k
"""


def test_columns_of_the_contract_are_there_once():
    assert set(CONTRACT.split()) <= set(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_a_part_of_a_row_is_as_in_the_whole_row(make_plant, command):
    """Of any columns that are wanted, and what is not is left alone: nobody pays for it at every tick."""
    plant = make_plant()
    for _ in range(30):
        plant.step(command)
    command["attitude_command_valid"] = 1
    command["attitude_command_body_from_gcrf"] = (1.0, 0.0, 0.0, 0.0)
    belief = np.linspace(1.0, 2.0, 16)
    whole = plant.truth_row(command, belief)

    def part(first, until):
        row = np.full(WIDTH, -77.5)
        plant._truth(plant.context, command.ctypes.data, belief.ctypes.data, row.ctypes.data, first, until)
        return row

    assert np.array_equal(part(0, WIDTH), whole, equal_nan=True)
    spared = 0
    for first in range(WIDTH):
        for until in (first + 1, min(first + 20, WIDTH)):
            row = part(first, until)
            assert np.array_equal(row[first:until], whole[first:until], equal_nan=True)
            spared += np.count_nonzero(row == -77.5)
    assert spared > WIDTH * WIDTH


def _turned(quaternion, vector):
    """A quaternion whose frame is turned by a small rotation vector in its own axes."""
    angle = np.linalg.norm(vector)
    small = np.concatenate(([math.cos(angle / 2)], -math.sin(angle / 2) * np.asarray(vector) / angle))
    return np.array(multiply(*small, *quaternion))


def test_pointing_error_is_the_angle_to_the_commanded_attitude(make_plant, command):
    plant = make_plant()
    assert math.isnan(plant.truth(command)["pointing_error_deg"])
    quaternion = plant.state["quaternion_body_from_gcrf"][0]
    command["attitude_command_valid"] = 1
    for degrees in (0.01, 3.0, 179.0):
        axis = np.array([0.6, -0.64, 0.48])
        wanted = _turned(quaternion, math.radians(degrees) * axis)
        for sign in (1.0, -1.0):
            command["attitude_command_body_from_gcrf"] = sign * wanted
            assert plant.truth(command)["pointing_error_deg"] == pytest.approx(degrees, abs=2e-5)
    command["attitude_command_body_from_gcrf"] = 0.0
    assert math.isnan(plant.truth(command)["pointing_error_deg"])


def test_knowledge_error_and_nees_of_a_known_error(make_plant, command):
    plant = make_plant()
    belief = np.zeros(16)
    assert math.isnan(plant.truth_row(command, belief)[COLUMNS.index("attitude_nees")])
    error = np.array([1e-4, -2e-4, 3e-4])
    belief[0] = 1.0
    belief[1:5] = _turned(plant.state["quaternion_body_from_gcrf"][0], error)
    root = np.array([[2e-4, 1e-5, 0.0], [0.0, 1e-4, -2e-5], [3e-5, 0.0, 4e-4]])
    covariance = root @ root.T
    belief[5:11] = covariance[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    row = dict(zip(COLUMNS, plant.truth_row(command, belief), strict=True))
    assert row["attitude_knowledge_error_deg"] == pytest.approx(math.degrees(np.linalg.norm(error)), rel=1e-6)
    assert row["attitude_nees"] == pytest.approx(error @ np.linalg.solve(covariance, error), rel=1e-6)
    belief[5:11] = 0.0
    row = dict(zip(COLUMNS, plant.truth_row(command, belief), strict=True))
    assert math.isnan(row["attitude_nees"])


def test_momentum_and_angles_follow_from_the_state(make_plant, command):
    plant = make_plant(
        initial={"rate_body_rad_s": (0.01, 0.02, -0.03), "wheel_speed_rad_s": (90.0, -80.0, 70.0, 5.0)}
    )
    plant.step(command)
    truth, state, model = plant.truth(command), plant.state[0], plant.model[0]
    wheels = model["wheel_axis"].T @ state["wheel_momentum_n_m_s"]
    body = model["inertia_kg_m2"] @ state["rate_body_rad_s"] + wheels
    q = state["quaternion_body_from_gcrf"]
    expected = rotate(q[0], -q[1], -q[2], -q[3], *body)
    np.testing.assert_allclose(
        [truth[f"angular_momentum_gcrf_{a}_n_m_s"] for a in "xyz"], expected, rtol=1e-12
    )
    assert truth["wheel_momentum_n_m_s"] == pytest.approx(np.linalg.norm(wheels))
    assert truth["wheel_speed_1_rad_s"] == pytest.approx(90.0, abs=0.2)
    down = -state["position_gcrf_m"] / np.linalg.norm(state["position_gcrf_m"])
    assert truth["nadir_error_deg"] == pytest.approx(math.degrees(math.acos(rotate(*q, *down)[2])), abs=1e-9)
    assert truth["altitude_m"] == pytest.approx(550e3, abs=200.0)
    assert truth["in_contact"] == 0.0


def test_row_of_truth_never_touches_the_state(make_plant, command):
    plant = make_plant()
    before = plant.state_bytes()
    plant.truth(command)
    assert plant.state_bytes() == before
