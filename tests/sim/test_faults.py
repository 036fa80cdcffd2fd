"""Faults of the hardware: each acts from its start to its end, on its own target, and on nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.faults import KINDS, FaultError, fault_row

SECOND = 1_000_000_000
PARAMETERS = {
    "gyro_bias": {"rate_deg_s": 0.5},
    "gyro_noise": {"factor": 30.0},
    "wheel_friction": {"factor": 5.0},
    "magnetometer_bias": {"field_nt": 2000.0},
    "string_loss": {"share": 0.5},
    "object_approach": {"miss_distance_m": 100.0, "speed_m_s": 10.0, "after_s": 5.0},
}
TUMBLE = {"rate_body_rad_s": (0.02, -0.01, 0.015)}


def _frames(plant, command, ticks):
    frames = []
    for _ in range(ticks):
        plant.step(command)
        frames.append(plant.sensor_frame[0].copy())
    return np.array(frames)


@pytest.mark.requirement("S2")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_fault_changes_nothing_before_its_start(make_plant, command, kind):
    fault = fault_row(kind, KINDS[kind].targets[0], 2 * SECOND, SECOND, PARAMETERS.get(kind, {}))
    hit, healthy = make_plant(faults=[fault], initial=TUMBLE), make_plant(initial=TUMBLE)
    command["wheel_torque_n_m"] = 0.002
    command["torquer_dipole_body_a_m2"] = 4.0
    # The fault acts in the tick that starts at 2 s, the frame after which is at 2.1 s.
    np.testing.assert_array_equal(_frames(hit, command, 20), _frames(healthy, command, 20))


@pytest.mark.requirement("S2", "S5")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_fault_given_on_the_way_is_the_fault_given_at_the_start(make_plant, command, kind):
    """In every octet of the state at every tick: before its start, while it acts, after it; and put back into
    its middle under the same table. So the state says nothing of what is still to come.
    """
    fault = fault_row(kind, KINDS[kind].targets[0], 2 * SECOND, 2 * SECOND, PARAMETERS.get(kind, {}))
    whole, late = make_plant(faults=[fault], initial=TUMBLE), make_plant(initial=TUMBLE)
    command["wheel_torque_n_m"] = 0.002
    command["heater_command"] = 1
    states = []
    for tick in range(50):
        if tick == 15:
            late.set_faults([fault])
        assert late.state_bytes() == whole.state_bytes(), tick
        states.append(whole.state_bytes())
        whole.step(command)
        late.step(command)
    late.restore(states[30])
    for tick in range(30, 50):
        assert late.state_bytes() == states[tick], tick
        late.step(command)


def test_faults_taken_away_end_at_once(make_plant, command):
    fault = fault_row("gyro_stuck", "gyro.2", SECOND, None, {})
    plant = make_plant(faults=[fault], initial=TUMBLE)
    stuck = _frames(plant, command, 20)["gyro_rate_body_rad_s"][10:, 2]
    assert (stuck == stuck[0]).all()
    plant.set_faults([])
    assert len(np.unique(_frames(plant, command, 10)["gyro_rate_body_rad_s"][:, 2, 0])) > 5
    with pytest.raises(ValueError, match="at most"):
        plant.set_faults([fault] * 5000)


def _pair(make_plant, kind, target, parameters=None, **more):
    fault = fault_row(kind, target, 1 * SECOND, 2 * SECOND, parameters or {})
    return make_plant(faults=[fault], initial=TUMBLE, **more), make_plant(initial=TUMBLE, **more)


@pytest.mark.requirement("S2")
def test_gyro_bias_moves_one_gyro_for_its_time(make_plant, command):
    hit, healthy = _pair(make_plant, "gyro_bias", "gyro.1", {"rate_deg_s": 0.5, "axis": 2})
    change = (
        _frames(hit, command, 50)["gyro_rate_body_rad_s"]
        - _frames(healthy, command, 50)["gyro_rate_body_rad_s"]
    )
    during = slice(10, 30)
    np.testing.assert_allclose(change[during, 1, 2], math.radians(0.5), atol=2e-6)
    change[during, 1, 2] = 0.0
    assert not change.any()


def test_gyro_stuck_repeats_its_last_output_and_claims_to_be_valid(make_plant, command):
    hit, _ = _pair(make_plant, "gyro_stuck", "gyro.2")
    frames = _frames(hit, command, 50)
    rates = frames["gyro_rate_body_rad_s"]
    assert (rates[9:30, 2] == rates[9, 2]).all()
    assert (rates[30:, 2] != rates[9, 2]).all()
    assert len(np.unique(rates[9:30, 3, 0])) > 10
    assert (frames["valid"] & 0b0100 != 0).all()


def test_gyro_noise_grows_and_keeps_its_siblings(make_plant, command):
    hit, healthy = _pair(make_plant, "gyro_noise", "gyro.0", {"factor": 30.0})
    noisy = _frames(hit, command, 30)["gyro_rate_body_rad_s"]
    quiet = _frames(healthy, command, 30)["gyro_rate_body_rad_s"]
    np.testing.assert_array_equal(noisy[:, 1:], quiet[:, 1:])
    assert np.std(noisy[10:, 0, 0] - quiet[10:, 0, 0]) == pytest.approx(29 * 1.38e-4, rel=0.6)


def test_blind_tracker_is_not_valid(make_plant, command):
    warm = {"tracker_warm_up_s": 0.0, "tracker_rate_max_rad_s": 10.0, "tracker_sun_exclusion_rad": 0.0}
    warm["tracker_earth_exclusion_rad"] = 0.0
    hit, healthy = _pair(make_plant, "tracker_blind", "tracker.0", spacecraft=warm)
    seen, expected = _frames(hit, command, 50)["valid"], _frames(healthy, command, 50)["valid"]
    blinded = expected & ~np.uint16(0x10)
    np.testing.assert_array_equal(seen[10:30], blinded[10:30])
    np.testing.assert_array_equal(seen[30:], expected[30:])
    assert (seen[10:30] != expected[10:30]).any() or not (expected[10:30] & 0x10).any()


def test_seized_wheel_gives_its_momentum_to_the_body(make_plant, command):
    spinning = {"wheel_speed_rad_s": (94.0, -94.0, 94.0, -94.0)}
    fault = fault_row("wheel_seize", "wheel.0", 1 * SECOND, None, {})
    plant = make_plant(faults=[fault], initial=spinning)
    for _ in range(10):
        plant.step(command)
    before = plant.truth()
    command["wheel_torque_n_m"] = (0.02, 0.0, 0.0, 0.0)
    for _ in range(100):
        plant.step(command)
    after = plant.truth()
    assert abs(after["wheel_speed_1_rad_s"]) < 1e-3
    assert abs(after["wheel_speed_2_rad_s"]) > 80.0
    # 0.15 N m s against some 8 kg m²: about a degree a second.
    assert 0.5 < after["rate_norm_deg_s"] - before["rate_norm_deg_s"] < 2.0
    assert after["angular_momentum_n_m_s"] == pytest.approx(before["angular_momentum_n_m_s"], abs=5e-3)
    # The stalled motor still draws current.
    assert plant.sensor_frame["wheel_current_a"][0][0] == pytest.approx(0.02 / 0.028, rel=1e-3)


def test_wheel_friction_slows_a_wheel_sooner(make_plant, command):
    spinning = {**TUMBLE, "wheel_speed_rad_s": (94.0, 94.0, 94.0, 94.0)}
    fault = fault_row("wheel_friction", "wheel.3", 0, None, {"factor": 10.0})
    plant = make_plant(faults=[fault], initial=spinning)
    for _ in range(100):
        plant.step(command)
    speeds = [plant.truth()[f"wheel_speed_{i}_rad_s"] for i in range(1, 5)]
    assert (94.0 - speeds[3]) / (94.0 - speeds[0]) == pytest.approx(10.0, rel=0.15)


def test_magnetometer_bias_moves_one_unit(make_plant, command):
    hit, healthy = _pair(make_plant, "magnetometer_bias", "magnetometer.1", {"field_nt": 2000.0, "axis": 0})
    change = (
        _frames(hit, command, 30)["magnetometer_body_t"]
        - _frames(healthy, command, 30)["magnetometer_body_t"]
    )
    np.testing.assert_allclose(change[10:, 1, 0], 2e-6, atol=6e-9)
    change[10:, 1, 0] = 0.0
    assert not change.any()


def test_gps_outage_takes_one_receiver_away(make_plant, command):
    hit, _ = _pair(make_plant, "gps_outage", "gps.1", spacecraft={"gps_warm_up_s": 0.0})
    valid = _frames(hit, command, 50)["valid"] >> 9 & 3
    np.testing.assert_array_equal(valid[[1, 11, 21, 31, 41]], [3, 1, 1, 3, 3])


@pytest.mark.parametrize(("kind", "gain"), [("torquer_reversed", -1.0), ("torquer_dead", 0.0)])
def test_torquer_faults_change_the_dipole_of_one_rod(make_plant, command, kind, gain):
    command["torquer_dipole_body_a_m2"] = (4.0, 5.0, 6.0)
    hit, _ = _pair(make_plant, kind, "torquer.1")
    for _ in range(15):
        hit.step(command)
    np.testing.assert_allclose(hit.state["torquer_dipole_body_a_m2"][0], (4.0, gain * 5.0, 6.0), atol=1e-6)


def test_stuck_drive_stands_still_and_then_moves(make_plant, command):
    command["array_rate_rad_s"] = 0.01
    fault = fault_row("drive_stuck", "drive.0", 1 * SECOND, 2 * SECOND, {})
    plant = make_plant(faults=[fault], initial={"wings_deployed": True})
    angles = _frames(plant, command, 50)["array_angle_rad"]
    assert np.ptp(angles[9:30]) == 0.0
    assert angles[49] == pytest.approx(0.01 * 3.0, abs=1e-3)


def test_lost_string_and_dead_heater(make_plant, command):
    faults = [
        fault_row("string_loss", "wing.0", 0, None, {"share": 0.25}),
        fault_row("heater_dead", "heater.0", 0, None, {}),
    ]
    plant = make_plant(faults=faults, initial={"wings_deployed": True})
    command["heater_command"] = 0b0011
    for angle in np.linspace(-3.0, 3.0, 7):
        plant.state["array_angle_rad"] = angle
        plant.step(command)
        left, right = plant.state["array_current_a"][0]
        assert left == pytest.approx(0.75 * right)
    assert plant.sensor_frame["heater_status"][0] == 0b0010


def test_overlapping_faults_add_up_and_end_apart(make_plant, command):
    faults = [
        fault_row("gyro_bias", "gyro.0", 1 * SECOND, 2 * SECOND, {"rate_deg_s": 1.0, "axis": 0}),
        fault_row("gyro_bias", "gyro.0", 2 * SECOND, 2 * SECOND, {"rate_deg_s": 2.0, "axis": 0}),
    ]
    hit, healthy = make_plant(faults=faults, initial=TUMBLE), make_plant(initial=TUMBLE)
    change = (
        _frames(hit, command, 50)["gyro_rate_body_rad_s"]
        - _frames(healthy, command, 50)["gyro_rate_body_rad_s"]
    )
    levels = np.degrees(change[:, 0, 0]).round(3)
    np.testing.assert_allclose(levels[[5, 15, 25, 35, 45]], [0.0, 1.0, 3.0, 2.0, 0.0], atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "target", "parameters", "key", "expected"),
    [
        ("gyro_biass", "gyro.1", {}, "kind", "gyro_bias"),
        ("gyro_bias", "gyro.4", {"rate_deg_s": 1.0}, "target", r"gyro\.0, gyro\.1"),
        ("gyro_bias", "gyro.1", {}, "rate_deg_s", "from -100 to 100 deg/s"),
        ("gyro_bias", "gyro.1", {"rate_deg_s": math.nan}, "rate_deg_s", "from -100 to 100"),
        ("gyro_bias", "gyro.1", {"rate_deg_s": 1.0, "rate": 1.0}, "rate", "unknown parameter"),
        ("gyro_stuck", "gyro.1", {"value": 1.0}, "value", "it has: none"),
        ("string_loss", "wing.0", {"share": 1.5}, "share", "from 0 to 1"),
        ("wheel_friction", "wheel.0", {"factor": "much"}, "factor", "needs a number"),
    ],
)
def test_wrong_fault_names_key_value_and_what_would_be_right(kind, target, parameters, key, expected):
    with pytest.raises(FaultError, match=expected) as raised:
        fault_row(kind, target, 0, None, parameters)
    assert raised.value.key == key
