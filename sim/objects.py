"""Another object that passes close by, and the sensor that detects it.

The object appears when its row of the fault table begins. Its state is chosen so that both bodies, flown on
as they are, meet at the wanted time at the wanted distance: the satellite goes ahead to that time along its
Kepler arc, the object is set beside it with the wanted relative velocity and comes back along its own. From
then on the object flies freely, under the same perturbing acceleration as the satellite (over the minutes
and hundreds of kilometres of an encounter the difference is worth some metres), so that a manoeuvre of the
satellite changes the miss distance.
"""

from __future__ import annotations

import math

from sim.actuators import SWITCH_SENSORS, switched_on
from sim.attitude import rotate
from sim.compiled import Record, compiled
from sim.noise import fill_normals
from sim.orbit.integrate import kepler_drift
from sim.records import COUNT_OBJECT, NOISE_OBJECT

VALID_OBJECT = 11
# The arc's series is good to 3 s a part.
_PART_S = 2.0


@compiled
def _along_arc(
    seconds: float, x: float, y: float, z: float, vx: float, vy: float, vz: float
) -> tuple[float, float, float, float, float, float]:
    """Position and velocity after a time of either sign on the Kepler arc."""
    parts = max(1, math.ceil(abs(seconds) / _PART_S))
    part = seconds / parts
    for _ in range(parts):
        x, y, z, vx, vy, vz = kepler_drift(part, x, y, z, vx, vy, vz)
    return x, y, z, vx, vy, vz


@compiled
def place_object(state: Record, miss_m: float, speed_m_s: float, after_s: float, azimuth_rad: float) -> None:
    """Set the object on its way: it comes from `azimuth` (0 from ahead, 90° from the orbit normal's
    opposite side) and passes above the satellite at the miss distance after `after_s`.
    """
    p = state.position_gcrf_m
    v = state.velocity_gcrf_m_s
    x, y, z, vx, vy, vz = _along_arc(after_s, p[0], p[1], p[2], v[0], v[1], v[2])
    inverse = 1.0 / math.sqrt(x * x + y * y + z * z)
    ux, uy, uz = inverse * x, inverse * y, inverse * z
    # Side is v × up, against the orbit's normal as body +y is; astern is side × up, against the flight.
    side_x, side_y, side_z = vy * uz - vz * uy, vz * ux - vx * uz, vx * uy - vy * ux
    inverse = 1.0 / math.sqrt(side_x * side_x + side_y * side_y + side_z * side_z)
    side_x, side_y, side_z = inverse * side_x, inverse * side_y, inverse * side_z
    astern_x = side_y * uz - side_z * uy
    astern_y = side_z * ux - side_x * uz
    astern_z = side_x * uy - side_y * ux
    astern, across = math.cos(azimuth_rad) * speed_m_s, -math.sin(azimuth_rad) * speed_m_s
    x, y, z, vx, vy, vz = _along_arc(
        -after_s,
        x + miss_m * ux,
        y + miss_m * uy,
        z + miss_m * uz,
        vx + astern * astern_x + across * side_x,
        vy + astern * astern_y + across * side_y,
        vz + astern * astern_z + across * side_z,
    )
    position = state.object_position_gcrf_m
    velocity = state.object_velocity_gcrf_m_s
    position[0], position[1], position[2] = x, y, z
    velocity[0], velocity[1], velocity[2] = vx, vy, vz


@compiled
def kick_object(state: Record, seconds: float) -> None:
    """Add the satellite's perturbing acceleration to the object's velocity for half a step."""
    for i in range(3):
        state.object_velocity_gcrf_m_s[i] += seconds * state.orbit_kick_m_s2[i]


@compiled
def drift_object(state: Record, seconds: float) -> None:
    """Move the object along its Kepler arc."""
    p = state.object_position_gcrf_m
    v = state.object_velocity_gcrf_m_s
    p[0], p[1], p[2], v[0], v[1], v[2] = kepler_drift(seconds, p[0], p[1], p[2], v[0], v[1], v[2])


@compiled
def object_relative(state: Record) -> tuple[float, float, float, float, float]:
    """Vector to the object (GCRF, m), its range (m) and range rate (m/s)."""
    dx = state.object_position_gcrf_m[0] - state.position_gcrf_m[0]
    dy = state.object_position_gcrf_m[1] - state.position_gcrf_m[1]
    dz = state.object_position_gcrf_m[2] - state.position_gcrf_m[2]
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    rate = (
        dx * (state.object_velocity_gcrf_m_s[0] - state.velocity_gcrf_m_s[0])
        + dy * (state.object_velocity_gcrf_m_s[1] - state.velocity_gcrf_m_s[1])
        + dz * (state.object_velocity_gcrf_m_s[2] - state.velocity_gcrf_m_s[2])
    ) / max(distance, 1e-3)
    return dx, dy, dz, distance, rate


@compiled
def measure_object(state: Record, model: Record, frame: Record) -> int:
    """Range, range rate and direction of an object within reach; returns the validity bit."""
    frame.object_range_m = 0.0
    frame.object_range_rate_m_s = 0.0
    for i in range(3):
        frame.object_direction_body[i] = 0.0
    if state.object_row == 0:
        return 0
    dx, dy, dz, distance, rate = object_relative(state)
    state.object_range_min_m = min(state.object_range_min_m, distance)
    if distance > model.object_range_max_m or not switched_on(state, SWITCH_SENSORS):
        return 0
    noise = state.noise
    fill_normals(model.key_object, state.tick, noise, NOISE_OBJECT, COUNT_OBJECT)
    q = state.quaternion_body_from_gcrf
    inverse = 1.0 / max(distance, 1e-3)
    x, y, z = rotate(q[0], q[1], q[2], q[3], inverse * dx, inverse * dy, inverse * dz)
    x += model.object_direction_noise * noise[NOISE_OBJECT + 2]
    y += model.object_direction_noise * noise[NOISE_OBJECT + 3]
    z += model.object_direction_noise * noise[NOISE_OBJECT + 4]
    inverse = 1.0 / math.sqrt(x * x + y * y + z * z)
    frame.object_range_m = max(0.1, distance + model.object_range_noise_m * noise[NOISE_OBJECT])
    frame.object_range_rate_m_s = rate + model.object_rate_noise_m_s * noise[NOISE_OBJECT + 1]
    frame.object_direction_body[0] = inverse * x
    frame.object_direction_body[1] = inverse * y
    frame.object_direction_body[2] = inverse * z
    return 1 << VALID_OBJECT
