"""What no sequence of commands may break, by random search: momentum, energy, ranges, finite numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flight.dictionary import ACTUATOR_DTYPE
from sim.attitude import rotate
from sim.faults import KINDS, fault_row

ALONE = {
    "gravity_gradient": False,
    "residual_dipole": False,
    "environment": {"drag": False, "solar_pressure": False},
}
PARAMETERS = {
    "gyro_bias": {"rate_deg_s": 2.0},
    "gyro_noise": {"factor": 50.0},
    "wheel_friction": {"factor": 20.0},
    "magnetometer_bias": {"field_nt": 5000.0},
    "string_loss": {"share": 0.7},
    "object_approach": {"miss_distance_m": 100.0, "speed_m_s": 100.0, "after_s": 20.0},
}
SEARCH = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
anything32 = st.floats(width=32, allow_nan=True, allow_infinity=True)
torques = st.lists(st.floats(-0.02, 0.02), min_size=4, max_size=4)


def _momentum_gcrf(plant):
    state, model = plant.state[0], plant.model[0]
    momentum = model["inertia_kg_m2"] @ state["rate_body_rad_s"]
    momentum = momentum + model["wheel_axis"].T @ state["wheel_momentum_n_m_s"]
    q = state["quaternion_body_from_gcrf"]
    return np.array(rotate(q[0], -q[1], -q[2], -q[3], *momentum))


@SEARCH
@given(st.lists(torques, min_size=1, max_size=12), st.sampled_from([None, 0, 1, 2, 3]))
def test_wheels_alone_never_change_the_total_momentum(make_plant, plan, seized):
    # Wheels that run, stall or seize only exchange momentum with the body; 1e-9 is the integrator's share.
    faults = [] if seized is None else [fault_row("wheel_seize", f"wheel.{seized}", 1_000_000_000, None, {})]
    plant = make_plant(
        initial={"rate_body_rad_s": (0.01, -0.02, 0.015), "wheel_speed_rad_s": (94.0, -94.0, 94.0, -94.0)},
        faults=faults,
        **ALONE,
    )
    start = _momentum_gcrf(plant)
    frame = np.zeros(1, ACTUATOR_DTYPE)
    frame["switch_command"] = 0x7F
    for wanted in plan:
        frame["wheel_torque_n_m"] = wanted
        for _ in range(20):
            plant.step(frame)
    np.testing.assert_allclose(_momentum_gcrf(plant), start, atol=1e-9)


@pytest.mark.requirement("S2")
@SEARCH
@given(st.data())
def test_no_command_and_no_fault_makes_a_number_that_is_not_finite(make_plant, data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=4))
    faults = []
    for kind in kinds:
        target = data.draw(st.sampled_from(KINDS[kind].targets))
        start = data.draw(st.integers(0, 3_000_000_000))
        faults.append(fault_row(kind, target, start, 1_000_000_000, PARAMETERS.get(kind, {})))
    plant = make_plant(
        initial={"battery_state_of_charge": data.draw(st.sampled_from([0.0, 0.01, 0.5, 1.0]))}, faults=faults
    )
    frame = np.zeros(1, ACTUATOR_DTYPE)
    names = [name for name in ACTUATOR_DTYPE.names or () if ACTUATOR_DTYPE[name].base == np.dtype("<f4")]
    for _ in range(8):
        for name in names:
            shape = ACTUATOR_DTYPE[name].shape
            count = int(np.prod(shape)) if shape else 1
            values = data.draw(st.lists(anything32, min_size=count, max_size=count))
            frame[name] = np.array(values, np.float32).reshape((1, *shape))
        for name in (
            "switch_command",
            "heater_command",
            "latch_valve_open",
            "deployment_fire",
            "transmitter_on",
        ):
            frame[name] = data.draw(st.integers(0, int(np.iinfo(ACTUATOR_DTYPE[name]).max)))
        for _ in range(4):
            plant.step(frame)
    state = plant.state[0]
    for name in state.dtype.names:
        if name != "object_range_min_m":
            assert np.isfinite(state[name]).all(), name
    for name in plant.sensor_frame.dtype.names:
        assert np.isfinite(plant.sensor_frame[name]).all(), name
    assert math.isclose(np.linalg.norm(state["quaternion_body_from_gcrf"]), 1.0, rel_tol=1e-12)
    assert 0.0 <= state["battery_charge"] <= 1.0
    assert 0.0 <= state["propellant_kg"] <= 2.0
    assert abs(state["array_angle_rad"]) <= math.pi
    speeds = [plant.truth()[f"wheel_speed_{i}_rad_s"] for i in range(1, 5)]
    assert np.abs(speeds).max() <= 628.3 * 1.001
