"""Sensors against the truth that they measure: conventions, errors of the promised size, validity.

Statistical tolerances are five standard errors of the samples taken.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from skyfield.api import load
from skyfield.framelib import itrs

import flight
from sim.attitude import multiply, rotate
from sim.model import quaternion_from_matrix, tracker_mounting
from sim.spacecraft import SpacecraftKeyError

DICTIONARY = Path(flight.__file__).with_name("dictionary.toml")
ARC_SECOND = math.radians(1.0 / 3600.0)
PERFECT_TRACKER = {
    "tracker_noise_rad": [0.0, 0.0, 0.0],
    "tracker_misalignment_rad": 0.0,
    "tracker_warm_up_s": 0.0,
    "tracker_quantum": 0.0,
}
PERFECT_GYRO = {
    "gyro_random_walk_rad_sqrt_s": 0.0,
    "gyro_bias_instability_rad_s": 0.0,
    "gyro_bias_turn_on_rad_s": 0.0,
    "gyro_misalignment_rad": 0.0,
    "gyro_scale": 0.0,
}
CALM = {"gravity_gradient": False, "residual_dipole": False}


def _nadir(plant):
    position, velocity = plant.state["position_gcrf_m"][0], plant.state["velocity_gcrf_m_s"][0]
    z = -position / np.linalg.norm(position)
    y = -np.cross(position, velocity)
    y /= np.linalg.norm(y)
    return np.array([np.cross(y, z), y, z])


def _pointed(make_plant, attitude_of=_nadir, **more):
    probe = make_plant(**more)
    quaternion = tuple(quaternion_from_matrix(attitude_of(probe)))
    initial = {**more.pop("initial", {}), "quaternion_body_from_gcrf": quaternion}
    return make_plant(initial=initial, **more)


def _angle(a, b):
    """Rotation vector from b to a for quaternions, rad."""
    e = np.array(multiply(*a, b[0], -b[1], -b[2], -b[3]))
    return 2.0 * e[1:] * np.sign(e[0])


@pytest.mark.requirement("L1.1")
def test_tracker_reports_tracker_from_gcrf_a_tick_late(make_plant, command):
    rate = np.array([0.0, -0.001, 0.0])
    plant = _pointed(make_plant, spacecraft=PERFECT_TRACKER, initial={"rate_body_rad_s": tuple(rate)}, **CALM)
    past = []
    for _ in range(16):
        past.append(plant.state["quaternion_body_from_gcrf"][0].copy())
        plant.step(command)
        frame = plant.sensor_frame[0]
        sampled = frame["sequence"] % 5 == 1
        assert bool(frame["valid"] & 0x30) == sampled
        if not sampled:
            continue
        assert frame["sample_age_ms"][4] == 100
        for unit, side in enumerate((1.0, -1.0)):
            mount = tracker_mounting(np.array([0.0, side * math.sin(math.radians(60.0)), -0.5]))
            measured = frame["tracker_quaternion_tracker_from_gcrf"][unit].astype(float)
            # Back to the body: the Sun as both see it.
            star = np.array([0.2, -0.5, 0.84])
            seen = np.array(rotate(*measured, *star))
            expected = mount @ np.array(rotate(*past[-1], *star))
            np.testing.assert_allclose(seen, expected, atol=3e-7)


def test_tracker_rounds_each_component_to_its_word(make_plant, command):
    # The same noise with and without the word length: at most half a word apart, and a float32's rounding.
    word = 1e-6
    exact, rounded = (
        _pointed(make_plant, spacecraft={"tracker_warm_up_s": 0.0, "tracker_quantum": quantum}, **CALM)
        for quantum in (0.0, word)
    )
    errors = []
    for _ in range(500):
        exact.step(command)
        rounded.step(command)
        if rounded.sensor_frame["valid"][0] & 0x10:
            one, other = (
                plant.sensor_frame["tracker_quaternion_tracker_from_gcrf"][0][0].astype(float)
                for plant in (exact, rounded)
            )
            errors.extend((other - one) / word)
    assert len(errors) == 400
    assert np.abs(errors).max() < 0.5 + 0.06
    # Uniform over the word.
    assert np.std(errors) == pytest.approx(1.0 / math.sqrt(12.0), rel=0.15)
    assert len(set(np.round(errors, 2))) > 50


def test_tracker_noise_has_the_promised_size_about_each_axis(make_plant, command):
    plant = _pointed(make_plant, spacecraft={"tracker_warm_up_s": 0.0, "tracker_period_s": 0.1}, **CALM)
    errors = []
    for _ in range(2000):
        truth = plant.state["quaternion_body_from_gcrf"][0].copy()
        plant.step(command)
        for unit in range(2):
            mounted = multiply(*plant.model["tracker_from_body"][0][unit], *truth)
            errors.append(
                _angle(plant.sensor_frame["tracker_quaternion_tracker_from_gcrf"][0][unit], mounted)
            )
    sigma = np.std(errors, axis=0) / ARC_SECOND
    # 32-bit quaternions add 0.02″.
    np.testing.assert_allclose(sigma, (5.0, 5.0, 30.0), rtol=5.0 / math.sqrt(2.0 * len(errors)))
    assert np.abs(np.mean(errors, axis=0) / ARC_SECOND / (5.0, 5.0, 30.0)).max() < 5.0 / math.sqrt(
        len(errors)
    )


def test_tracker_mounting_error_is_drawn_from_the_seed(make_plant):
    one, two = make_plant(seed=1).model[0], make_plant(seed=2).model[0]
    nominal = quaternion_from_matrix(tracker_mounting(np.array([0.0, math.sin(math.radians(60.0)), -0.5])))
    error = _angle(one["tracker_from_body"][0], nominal) / ARC_SECOND
    assert 0.0 < np.abs(error).max() < 60.0
    assert not np.array_equal(one["tracker_from_body"], two["tracker_from_body"])


def _valid_trackers(plant, command):
    while True:
        plant.step(command)
        if plant.sensor_frame["sequence"][0] % 5 == 1:
            return int(plant.sensor_frame["valid"][0]) >> 4 & 3


def test_tracker_is_blind_to_fast_turns_the_sun_and_the_earth(make_plant, command):
    warm = {"tracker_warm_up_s": 0.0}
    assert _valid_trackers(_pointed(make_plant, spacecraft=warm), command) == 3
    for rate_deg_s, seen in ((1.4, 3), (1.6, 0)):
        initial = {"rate_body_rad_s": (0.0, 0.0, math.radians(rate_deg_s))}
        assert _valid_trackers(_pointed(make_plant, spacecraft=warm, initial=initial), command) == seen

    def boresight_0_off(direction_of, degrees):
        # Body x along a normal of the direction, boresight 0 turned from it by an angle about x.
        def attitude(plant):
            target = direction_of(plant)
            x = np.cross(target, [0.1, 0.9, 0.3])
            x /= np.linalg.norm(x)
            turn = math.radians(degrees)
            boresight = math.cos(turn) * target + math.sin(turn) * np.cross(x, target)
            side = np.cross(x, boresight)
            # In the body, boresight 0 is (0, sin 60°, −cos 60°) and x × it is (0, cos 60°, sin 60°).
            s, c = math.sin(math.radians(60.0)), 0.5
            return np.array([x, s * boresight + c * side, -c * boresight + s * side])

        return attitude

    def sun(plant):
        return plant.state["environment"][0][18:21].copy()

    def nadir(plant):
        position = plant.state["position_gcrf_m"][0]
        return -position / np.linalg.norm(position)

    # Far out, where the Earth is out of the way of the Sun test: noon side, Sun at the zenith.
    limb = math.degrees(math.asin(6378137.0 / (6378137.0 + 550e3)))
    for degrees, seen in ((34.8, 0), (35.2, 1)):
        plant = _pointed(make_plant, boresight_0_off(sun, degrees), spacecraft=warm)
        assert _valid_trackers(plant, command) & 1 == seen, degrees
    for degrees, seen in ((limb + 24.8, 0), (limb + 25.2, 1)):
        plant = _pointed(make_plant, boresight_0_off(nadir, degrees), spacecraft=warm)
        assert _valid_trackers(plant, command) & 1 == seen, degrees


def test_tracker_and_gps_need_power_and_time_to_warm_up(make_plant, command):
    plant = _pointed(make_plant, **CALM)
    first_tracker = first_gps = None
    for tick in range(1, 500):
        plant.step(command)
        valid = int(plant.sensor_frame["valid"][0])
        if valid & 0x30 and first_tracker is None:
            first_tracker = tick
        if valid & 0x600 and first_gps is None:
            first_gps = tick
    assert 100 <= first_tracker <= 106
    assert 400 <= first_gps <= 412
    command["switch_command"] = 0x13
    for _ in range(20):
        plant.step(command)
        assert not int(plant.sensor_frame["valid"][0]) & 0x630


def test_gyros_measure_the_mean_rate_with_random_walk_and_bias(make_plant, command):
    rate = np.radians([0.5, -0.3, 0.2])
    plant = make_plant(
        initial={"rate_body_rad_s": tuple(rate)},
        spacecraft={"inertia_body_kg_m2": [[6, 0, 0], [0, 6, 0], [0, 0, 6]]},
        environment={"drag": False, "solar_pressure": False},
        **CALM,
    )
    readings = []
    for _ in range(3000):
        plant.step(command)
        readings.append(plant.sensor_frame["gyro_rate_body_rad_s"][0].astype(float))
    readings = np.array(readings)
    # 0.15 °/√h over 0.1 s: 1.38e-4 rad/s.
    sigma = math.radians(0.15) / 60.0 / math.sqrt(0.1)
    np.testing.assert_allclose(readings.std(axis=0), sigma, rtol=5.0 / math.sqrt(6000.0))
    offset = readings.mean(axis=0) - rate
    matrix = plant.model["gyro_matrix"][0] - np.eye(3)
    modelled = plant.model["gyro_bias"][0] + matrix @ rate + plant.state["gyro_drift_rad_s"][0]
    # The drift wanders by up to 1 °/h within the five minutes.
    np.testing.assert_allclose(offset, modelled, atol=5.0 * sigma / math.sqrt(3000.0) + 1.0e-5)
    steps = readings / 1.0e-6
    assert np.abs(steps - np.round(steps)).max() < 0.02  # 32-bit rounding of the frame


def test_gyros_saturate(make_plant, command):
    plant = make_plant(initial={"rate_body_rad_s": (math.radians(30.0), 0.0, 0.0)})
    plant.step(command)
    assert plant.sensor_frame["gyro_rate_body_rad_s"][0][:, 0] == pytest.approx(math.radians(20.0))


def test_gyro_bias_wanders_with_the_promised_size(make_plant):
    # Ensemble of 200 seeds: turn-on bias 3 °/h and instability 1 °/h, 1 σ each.
    degrees_h = math.degrees(1.0) * 3600.0
    turn_on, drift = [], []
    for seed in range(200):
        plant = make_plant(seed=seed)
        turn_on.append(plant.model["gyro_bias"][0] * degrees_h)
        drift.append(plant.state["gyro_drift_rad_s"][0] * degrees_h)
    assert np.std(turn_on) == pytest.approx(3.0, rel=5.0 / math.sqrt(2.0 * 2400))
    assert np.std(drift) == pytest.approx(1.0, rel=5.0 / math.sqrt(2.0 * 2400))


def test_magnetometers_measure_the_body_field(make_plant, command):
    plant = make_plant(initial={"rate_body_rad_s": (0.0, 0.0, 0.02)})
    errors = []
    for _ in range(1000):
        plant.step(command)
        errors.append(plant.sensor_frame["magnetometer_body_t"][0] - plant.state["magnetic_field_body_t"][0])
    errors = np.array(errors) * 1e9
    np.testing.assert_allclose(errors.std(axis=0), 50.0, rtol=5.0 / math.sqrt(2000.0))
    np.testing.assert_allclose(errors.mean(axis=0), plant.model["magnetometer_bias"][0] * 1e9, atol=9.0)


def test_sun_sensors_show_the_sun_and_the_lit_earth(make_plant, command):
    plant = _pointed(make_plant, spacecraft={"sun_sensor_noise": 0.0})
    plant.step(command)
    sun = plant.state["sun_body"][0]
    reading = plant.sensor_frame["sun_sensor"][0].reshape(2, 6)
    np.testing.assert_array_equal(reading[0], reading[1])
    for face, (axis, sign) in enumerate((a, s) for a in range(3) for s in (1.0, -1.0)):
        direct = max(0.0, sign * sun[axis]) / 1.0162**2
        earth = plant.state["albedo_sun_sensor"][0][face]
        assert reading[0][face] == pytest.approx(direct + earth, abs=1e-3)
    # At noon the face towards the Earth sees most of its albedo of 0.3, the one away none.
    assert 0.15 < reading[0][4] < 0.27
    assert plant.state["albedo_sun_sensor"][0][5] < 0.01


def test_gps_gives_itrs_position_and_velocity_of_skyfield(make_plant, command, geometry):
    quiet = {"gps_position_noise_m": 0.0, "gps_velocity_noise_m_s": 0.0, "gps_warm_up_s": 0.0}
    plant = make_plant(spacecraft=quiet)
    fixes = 0
    scale = load.timescale(builtin=True)
    for _ in range(45):
        plant.step(command)
        frame = plant.sensor_frame[0]
        due = frame["sequence"] % 10 == 2
        assert bool(frame["valid"] & 0x600) == due
        if not due:
            continue
        fixes += 1
        assert frame["gps_time_ns"][0] == plant.state["time_ns"][0] == frame["clock_ns"]
        time = scale.from_datetime(geometry.epoch)
        seconds = int(frame["gps_time_ns"][0]) * 1e-9
        time = scale.tt_jd(time.whole, time.tt_fraction + seconds / 86400.0)
        position, velocity = plant.state["position_gcrf_m"][0], plant.state["velocity_gcrf_m_s"][0]
        rotation, rate = itrs.rotation_at(time), itrs._dRdt_times_RT_at(time) / 86400.0
        expected = rotation @ position
        # 0.1 m is 3e-9 rad of Earth orientation; frames carry velocity in 32 bits: 0.5 mm/s.
        np.testing.assert_allclose(frame["gps_position_itrs_m"][1], expected, atol=0.1)
        np.testing.assert_allclose(
            frame["gps_velocity_itrs_m_s"][1], rotation @ velocity + rate @ expected, atol=2e-3
        )
    assert fixes == 5


def test_gps_noise_has_the_promised_size(make_plant, command):
    plant = make_plant(spacecraft={"gps_warm_up_s": 0.0, "gps_period_s": 0.1})
    errors = []
    for _ in range(1500):
        plant.step(command)
        errors.append(plant.sensor_frame["gps_position_itrs_m"][0] - plant.state["environment"][0][15:18])
    np.testing.assert_allclose(np.std(errors, axis=0), 3.0, rtol=5.0 / math.sqrt(3000.0))


def test_sensors_without_power_are_silent_and_say_so(make_plant, command):
    plant = make_plant()
    command["switch_command"] = 0x7D
    plant.step(command)
    frame = plant.sensor_frame[0]
    assert frame["valid"] & 0x11CF == 0
    for name in ("gyro_rate_body_rad_s", "magnetometer_body_t", "sun_sensor"):
        assert not frame[name].any(), name


def test_receiver_lock_is_what_the_link_writes(make_plant, command):
    plant = make_plant()
    plant.step(command)
    assert plant.sensor_frame["receiver_lock"][0] == 0
    plant.state["receiver_lock"] = 1
    plant.step(command)
    assert plant.sensor_frame["receiver_lock"][0] == 1


def test_tracker_latency_beyond_the_plant_s_memory_is_refused(make_plant):
    with pytest.raises(SpacecraftKeyError, match=r"at most 31 control ticks, 0\.31 s"):
        make_plant(spacecraft={"tracker_latency_s": 0.5}, tick_ns=10_000_000)
    make_plant(spacecraft={"tracker_latency_s": 0.3}, tick_ns=10_000_000)


def test_tracker_at_10_ms_reports_the_attitude_of_100_ms_ago(make_plant, command):
    rate = (0.0, 0.0, 0.01)
    plant = _pointed(
        make_plant, spacecraft=PERFECT_TRACKER, initial={"rate_body_rad_s": rate}, tick_ns=10_000_000, **CALM
    )
    past = [plant.state["quaternion_body_from_gcrf"][0].copy()]
    for tick in range(1, 160):
        plant.step(command)
        past.append(plant.state["quaternion_body_from_gcrf"][0].copy())
        if tick % 50 == 1 and tick > 10:
            mounted = multiply(*plant.model["tracker_from_body"][0][0], *past[tick - 10])
            measured = plant.sensor_frame["tracker_quaternion_tracker_from_gcrf"][0][0].astype(float)
            assert plant.sensor_frame["valid"][0] & 0x10
            assert np.abs(_angle(measured, mounted)).max() < 3e-7


@pytest.mark.requirement("L6.3")
def test_every_reading_is_a_whole_number_of_the_words_that_the_dictionary_tells(make_plant, command):
    # The black box codes by the dictionary's quanta; the plant's data sheet has to have the same.
    fields = tomllib.loads(DICTIONARY.read_text(encoding="utf-8"))["frame"]["sensor"]["fields"]
    quanta = {field["name"]: field["quantum"] for field in fields if "quantum" in field}
    assert len(quanta) == 16
    plant = make_plant(initial={"rate_body_rad_s": (0.001, -0.002, 0.003)})
    seen = set()
    command["wheel_torque_n_m"][:] = 0.001
    for _ in range(600):
        plant.step(command)
        frame = plant.sensor_frame[0]
        for name, quantum in quanta.items():
            reading = np.atleast_1d(frame[name])
            words = np.rint(reading.astype(np.float64) / quantum)
            np.testing.assert_array_equal((words * quantum).astype(reading.dtype), reading, err_msg=name)
            if reading.any():
                seen.add(name)
    # The wings are folded: no current, no angle.
    assert set(quanta) - seen == {"array_current_a", "array_angle_rad"}
