"""Disturbances against closed forms for simple attitudes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.attitude import rotate
from sim.environment.constants import EARTH_GM
from sim.model import quaternion_from_matrix

CENTRED = {"centre_of_mass_body_m": [0.0, 0.0, 0.0]}


def _nadir(plant):
    position, velocity = plant.state["position_gcrf_m"][0], plant.state["velocity_gcrf_m_s"][0]
    z = -position / np.linalg.norm(position)
    y = -np.cross(position, velocity)
    y /= np.linalg.norm(y)
    return np.array([np.cross(y, z), y, z])


def _start(make_plant, attitude_of, **more):
    """A plant that starts in an attitude that depends on its orbit."""
    probe = make_plant(**more)
    quaternion = tuple(quaternion_from_matrix(attitude_of(probe)))
    initial = {**more.pop("initial", {}), "quaternion_body_from_gcrf": quaternion}
    return make_plant(initial=initial, **more)


@pytest.mark.parametrize("roll_deg", [10.0, 45.0, -60.0])
def test_gravity_gradient_of_a_rolled_body(make_plant, command, roll_deg):
    # Rolled by φ about x, the torque about x is (3/2) n² (I_y − I_z) sin 2φ, restoring towards nadir for
    # I_y < I_z.
    roll = math.radians(roll_deg)
    turn = np.array([[1, 0, 0], [0, math.cos(roll), math.sin(roll)], [0, -math.sin(roll), math.cos(roll)]])
    plant = _start(make_plant, lambda probe: turn @ _nadir(probe))
    radius = np.linalg.norm(plant.state["position_gcrf_m"][0])
    plant.step(command)
    # Nadir in the rolled body is (0, sin φ, cos φ), and the torque 3 n² n̂ × I n̂.
    expected = 3.0 * EARTH_GM / radius**3 * (5.0 - 7.0) * math.sin(roll) * math.cos(roll)
    torque = plant.state["torque_gravity_gradient_n_m"][0]
    assert torque[0] == pytest.approx(expected, rel=1e-6)
    assert abs(torque[2]) < 1e-12


def test_drag_of_the_face_ahead_and_of_wings_across_the_flow(make_plant, command):
    # Nadir-pointing with the wings' normals along the flight: front face 0.6 × 0.8 m², two wings of 0.37 m².
    plant = _start(
        make_plant,
        _nadir,
        spacecraft=CENTRED,
        environment={"solar_pressure": False},
        initial={"wings_deployed": True, "array_angle_rad": math.pi / 2.0},
    )
    environment = plant.state["environment"][0].copy()
    density, air = environment[24], environment[25:28]
    speed = np.linalg.norm(air)
    plant.step(command)
    force = plant.state["force_body_n"][0]
    # The air turns with the Earth: the flow comes in some 4° off the orbit plane and grazes the side by
    # that much.
    along = np.array(rotate(*plant.state["quaternion_history"][0][0], *air)) / speed
    face = 0.48 * abs(along[0]) + 0.48 * abs(along[1]) + 0.36 * abs(along[2]) + 2 * 0.37 * abs(along[0])
    np.testing.assert_allclose(force, -0.5 * density * speed**2 * 2.2 * face * along, rtol=1e-9)
    assert abs(along[0]) > 0.99
    # Balanced about a centred mass: what torque is left is that of round-off.
    assert np.abs(plant.state["torque_surface_n_m"][0]).max() < 1e-18


def test_drag_torque_of_a_single_wing(make_plant, command):
    plant = _start(
        make_plant,
        _nadir,
        spacecraft=CENTRED,
        environment={"solar_pressure": False},
        initial={"wings_deployed": True, "array_angle_rad": math.pi / 2.0},
    )
    plant.state["wing_deployed"][0][1] = 0
    environment = plant.state["environment"][0].copy()
    speed = np.linalg.norm(environment[25:28])
    plant.step(command)
    along = np.array(rotate(*plant.state["quaternion_history"][0][0], *environment[25:28])) / speed
    push = 0.5 * environment[24] * speed**2 * 2.2 * 0.37 * abs(along[0])
    # At +0.65 m along y, a force along −x turns the body about +z.
    np.testing.assert_allclose(
        plant.state["torque_surface_n_m"][0],
        np.cross([0.0, 0.65, 0.0], -push * along),
        rtol=1e-9,
        atol=1e-16,
    )


def test_sunlight_on_one_face(make_plant, command):
    # −z to the Sun, wings stowed: F = −P A (1 + ρ_s + 2/3 ρ_d) along the Sun's direction (normal incidence).
    def to_sun(probe):
        z = -probe.state["environment"][0][18:21]
        x = np.cross([0.0, 0.0, 1.0], z)
        x /= np.linalg.norm(x)
        return np.array([x, np.cross(z, x), z])

    plant = _start(make_plant, to_sun, spacecraft=CENTRED, environment={"drag": False})
    plant.step(command)
    pressure = 1361.0 / 299792458.0 / 1.0162**2
    expected = pressure * 0.36 * (1.0 + 0.1 + 2.0 / 3.0 * 0.4)
    np.testing.assert_allclose(plant.state["force_body_n"][0], (0.0, 0.0, expected), atol=1e-3 * expected)


def test_offset_mass_makes_the_torque_of_the_lever(make_plant, command):
    plant = _start(make_plant, _nadir, environment={"solar_pressure": False})
    plant.step(command)
    torque, force = plant.state["torque_surface_n_m"][0], plant.state["force_body_n"][0]
    # The front face's centre is ahead of the mass: with the grazing side's small part, F × offset to a few
    # per cent.
    lever = np.array([0.3, 0.0, 0.0]) - np.array([0.005, -0.003, 0.008])
    assert torque[1] == pytest.approx(np.cross(lever, force)[1], rel=0.05)
    assert np.linalg.norm(torque) < 1e-4


def test_each_influence_can_be_switched_off(make_plant, command):
    plant = make_plant(
        gravity_gradient=False, residual_dipole=False, environment={"drag": False, "solar_pressure": False}
    )
    plant.step(command)
    for name in ("gravity_gradient", "surface", "magnetic"):
        assert not plant.state[f"torque_{name}_n_m"][0].any()
    assert not plant.state["force_body_n"][0].any()
    full = make_plant()
    full.step(command)
    for name in ("gravity_gradient", "surface", "magnetic"):
        assert full.state[f"torque_{name}_n_m"][0].any()


def test_torques_held_over_a_tick_follow_the_turning_body(make_plant, command):
    # A minute's tumble of 5 °/s under a dipole five times the rods' at 100 ms and at 5 ms. Taken at the
    # tick's start the torque would lag by a quarter of a degree and the attitude be off by 6e-4 rad; what
    # remains, 2e-5, is the field's change along the orbit.
    def attitude(tick_ns):
        plant = make_plant(
            tick_ns=tick_ns,
            spacecraft={"residual_dipole_body_a_m2": [20.0, -30.0, 25.0], "tracker_latency_s": 0.05},
            initial={"rate_body_rad_s": (0.05, -0.04, 0.06)},
        )
        for _ in range(60_000_000_000 // tick_ns):
            plant.step(command)
        return plant.state["quaternion_body_from_gcrf"][0].copy()

    assert 2.0 * np.linalg.norm(attitude(100_000_000) - attitude(5_000_000)) < 4e-5
