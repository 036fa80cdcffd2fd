"""The orbit's step: an exact Kepler arc between two kicks by everything else.

Over a step h the velocity takes half a kick of the perturbing acceleration, the spacecraft drifts along the
Kepler ellipse of the point mass, the perturbation is evaluated at the new place and gives the other half
kick (Wisdom and Holman, Astron. J. 102 (1991), 1528, used about the Earth). One evaluation of the
perturbation a step serves the orbit, the sensors and the truth at the new time; it is kept as state for the
next step. A Runge-Kutta step would evaluate everything four times.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled
from sim.environment.constants import EARTH_GM
from sim.environment.evaluate import evaluate_gravity, evaluate_surroundings, perturbing_acceleration
from sim.environment.gravity import point_mass_acceleration
from sim.environment.layout import Array, Six, Vector


@compiled
def kepler_drift(h: float, x: float, y: float, z: float, vx: float, vy: float, vz: float) -> Six:
    """Position and velocity (GCRF, m, m/s) after h seconds of point-mass attraction; six numbers.

    Lagrange's f and g series to h^6 (Bate, Mueller and White, Fundamentals of Astrodynamics, 5.4 / Escobal,
    3.7). In low orbit its truncation is below the rounding of a double up to h = 3 s.
    """
    square = x * x + y * y + z * z
    inverse = 1.0 / square
    u = EARTH_GM * inverse * math.sqrt(inverse)
    p = (x * vx + y * vy + z * vz) * inverse
    q = (vx * vx + vy * vy + vz * vz) * inverse - u
    p2 = p * p
    f2 = -0.5 * u
    f3 = 0.5 * u * p
    f4 = u * (u + 3.0 * q - 15.0 * p2) * (1.0 / 24.0)
    f5 = u * p * (7.0 * p2 - 3.0 * q - u) * (1.0 / 8.0)
    f6 = (
        u
        * ((630.0 * p2 - 24.0 * u - 45.0 * q) * q - u * u - 945.0 * p2 * p2 + 210.0 * u * p2)
        * (1.0 / 720.0)
    )
    g3 = -u * (1.0 / 6.0)
    g4 = 0.25 * u * p
    g5 = u * (9.0 * q - 45.0 * p2 + u) * (1.0 / 120.0)
    g6 = u * p * (210.0 * p2 - 90.0 * q - 30.0 * u) * (1.0 / 360.0)
    h2 = h * h
    # f - 1 and g - h, so that the small changes are added to the large numbers once.
    df = h2 * (f2 + h * (f3 + h * (f4 + h * (f5 + h * f6))))
    dg = h2 * h * (g3 + h * (g4 + h * (g5 + h * g6)))
    f_dot = h * (2.0 * f2 + h * (3.0 * f3 + h * (4.0 * f4 + h * (5.0 * f5 + h * 6.0 * f6))))
    dg_dot = h2 * (3.0 * g3 + h * (4.0 * g4 + h * (5.0 * g5 + h * 6.0 * g6)))
    g = h + dg
    return (
        x + (df * x + g * vx),
        y + (df * y + g * vy),
        z + (df * z + g * vz),
        vx + (f_dot * x + dg_dot * vx),
        vy + (f_dot * y + dg_dot * vy),
        vz + (f_dot * z + dg_dot * vz),
    )


@compiled
def orbit_acceleration(
    tables: Array,
    t_ns: int,
    x: float,
    y: float,
    z: float,
    vx: float,
    vy: float,
    vz: float,
    drag_m2_kg: float,
    pressure_m2_kg: float,
    record: Array,
) -> Vector:
    """The whole acceleration at a place and time, GCRF, m/s2, with the record (work space and by-product)
    filled but for the magnetic field.
    """
    evaluate_gravity(tables, t_ns, x, y, z, record)
    evaluate_surroundings(tables, t_ns, x, y, z, vx, vy, vz, record)
    ax, ay, az = perturbing_acceleration(tables, record, drag_m2_kg, pressure_m2_kg)
    px, py, pz = point_mass_acceleration(x, y, z)
    return px + ax, py + ay, pz + az


@compiled
def orbit_step(
    tables: Array,
    t_ns_new: int,
    h: float,
    position: Array,
    velocity: Array,
    kick: Array,
    thrust_x: float,
    thrust_y: float,
    thrust_z: float,
    drag_m2_kg: float,
    pressure_m2_kg: float,
    record: Array,
) -> None:
    """Advance position, velocity and kick (arrays of 3, GCRF, changed in place) by h seconds to the time
    t_ns_new.

    kick: the perturbing acceleration at the old time, m/s2, left there at the new one; before the first
    step `orbit_start` fills it. thrust_*: further acceleration, constant over the step. record: filled for
    the new place and time but for the magnetic field (`evaluate_magnetic_field` adds that). h should not
    exceed 3 s.
    """
    half = 0.5 * h
    vx = velocity[0] + half * (kick[0] + thrust_x)
    vy = velocity[1] + half * (kick[1] + thrust_y)
    vz = velocity[2] + half * (kick[2] + thrust_z)
    x, y, z, vx, vy, vz = kepler_drift(h, position[0], position[1], position[2], vx, vy, vz)
    evaluate_gravity(tables, t_ns_new, x, y, z, record)
    evaluate_surroundings(tables, t_ns_new, x, y, z, vx, vy, vz, record)
    ax, ay, az = perturbing_acceleration(tables, record, drag_m2_kg, pressure_m2_kg)
    position[0] = x
    position[1] = y
    position[2] = z
    velocity[0] = vx + half * (ax + thrust_x)
    velocity[1] = vy + half * (ay + thrust_y)
    velocity[2] = vz + half * (az + thrust_z)
    kick[0] = ax
    kick[1] = ay
    kick[2] = az


@compiled
def orbit_start(
    tables: Array,
    t_ns: int,
    h: float,
    position: Array,
    velocity: Array,
    kick: Array,
    drag_m2_kg: float,
    pressure_m2_kg: float,
    record: Array,
) -> None:
    """Prepare a run of `orbit_step`s of h seconds: fill kick and record, and put the initial state right
    for the kicks.

    Kicks sum the perturbation a by the trapezoid rule, whose error is, by Euler and Maclaurin, h^2/12 of
    the derivative at both ends. Taking off the first end here (position by -h^2/12 a, velocity by +h^2/12
    da/dt: 10 micrometres and 10 nm/s at h = 0.1 s) leaves no error that grows in the first order of the
    perturbation (the symplectic corrector of Wisdom, Holman and Touma, 1996).
    """
    ahead = kepler_drift(h, position[0], position[1], position[2], velocity[0], velocity[1], velocity[2])
    behind = kepler_drift(-h, position[0], position[1], position[2], velocity[0], velocity[1], velocity[2])
    step_ns = round(h * 1e9)
    a = _perturbation(tables, t_ns + step_ns, ahead, drag_m2_kg, pressure_m2_kg, record)
    b = _perturbation(tables, t_ns - step_ns, behind, drag_m2_kg, pressure_m2_kg, record)
    here = (position[0], position[1], position[2], velocity[0], velocity[1], velocity[2])
    c = _perturbation(tables, t_ns, here, drag_m2_kg, pressure_m2_kg, record)
    for i in range(3):
        kick[i] = c[i]
        position[i] -= h * h / 12.0 * c[i]
        velocity[i] += h / 24.0 * (a[i] - b[i])


@compiled
def _perturbation(
    tables: Array, t_ns: int, state: Six, drag_m2_kg: float, pressure_m2_kg: float, record: Array
) -> Vector:
    x, y, z, vx, vy, vz = state
    evaluate_gravity(tables, t_ns, x, y, z, record)
    evaluate_surroundings(tables, t_ns, x, y, z, vx, vy, vz, record)
    return perturbing_acceleration(tables, record, drag_m2_kg, pressure_m2_kg)


@compiled
def propagate_grid(
    tables: Array,
    times_ns: NDArray[np.int64],
    h_max: float,
    state: Array,
    drag_m2_kg: float,
    pressure_m2_kg: float,
    record: Array,
    out: Array,
) -> None:
    """Fill out[i, 0:6] with position and velocity at times_ns[i], ascending; state [9] is position,
    velocity and kick at times_ns[0].
    """
    out[0, :] = state[:6]
    for i in range(1, times_ns.size):
        start = times_ns[i - 1]
        span = times_ns[i] - start
        steps = max(1, math.ceil(span * 1e-9 / h_max))
        # Steps of whole nanoseconds that add up to the span; the first `longer` ones have one more.
        whole = span // steps
        longer = span - whole * steps
        now = start
        for k in range(steps):
            step_ns = whole + 1 if k < longer else whole
            now += step_ns
            orbit_step(
                tables,
                now,
                step_ns * 1e-9,
                state[0:3],
                state[3:6],
                state[6:9],
                0.0,
                0.0,
                0.0,
                drag_m2_kg,
                pressure_m2_kg,
                record,
            )
        out[i, :] = state[:6]
