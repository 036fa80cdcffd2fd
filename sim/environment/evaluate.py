"""Everything around the spacecraft at one place and time, evaluated once."""

import math

from sim.compiled import compiled
from sim.environment.atmosphere import atmospheric_density
from sim.environment.constants import EARTH_ROTATION_RAD_S
from sim.environment.earth import altitude_above_ellipsoid
from sim.environment.ephemeris import itrs_from_gcrf_rows, sun_moon_gcrf
from sim.environment.gravity import harmonics_acceleration_itrs, third_body_acceleration
from sim.environment.layout import (
    AT_AIR_VELOCITY,
    AT_ALTITUDE,
    AT_DENSITY,
    AT_EARTH_POLE,
    AT_GRAVITY_PERTURBATION,
    AT_ILLUMINATION,
    AT_MAGNETIC_FIELD,
    AT_MAGNETIC_TABLE,
    AT_MOON,
    AT_POSITION_ITRS,
    AT_ROTATION,
    AT_SOLAR_PRESSURE,
    AT_SUN,
    AT_SUN_DIRECTION,
    AT_SUN_DISTANCE,
    HEADER_DRAG,
    HEADER_SOLAR_PRESSURE,
    HEADER_THIRD_BODIES,
    Array,
    Vector,
)
from sim.environment.magnetic import magnetic_field_itrs_t, magnetic_offset
from sim.environment.sunlight import illumination, solar_pressure


@compiled
def evaluate_gravity(tables: Array, t_ns: int, x: float, y: float, z: float, record: Array) -> None:
    """Fill the part of the record that the orbit needs of Sun, Moon, orientation and gravity. Position in
    GCRF, m.
    """
    sx, sy, sz, mx, my, mz = sun_moon_gcrf(tables, t_ns)
    record[AT_SUN] = sx
    record[AT_SUN + 1] = sy
    record[AT_SUN + 2] = sz
    record[AT_MOON] = mx
    record[AT_MOON + 1] = my
    record[AT_MOON + 2] = mz
    r0, r1, r2, r3, r4, r5, r6, r7, r8 = itrs_from_gcrf_rows(tables, t_ns)
    record[AT_ROTATION] = r0
    record[AT_ROTATION + 1] = r1
    record[AT_ROTATION + 2] = r2
    record[AT_ROTATION + 3] = r3
    record[AT_ROTATION + 4] = r4
    record[AT_ROTATION + 5] = r5
    record[AT_ROTATION + 6] = r6
    record[AT_ROTATION + 7] = r7
    record[AT_ROTATION + 8] = r8
    record[AT_MAGNETIC_TABLE] = magnetic_offset(tables, t_ns)
    record[AT_EARTH_POLE] = r6
    record[AT_EARTH_POLE + 1] = r7
    record[AT_EARTH_POLE + 2] = r8
    xe = r0 * x + r1 * y + r2 * z
    ye = r3 * x + r4 * y + r5 * z
    ze = r6 * x + r7 * y + r8 * z
    record[AT_POSITION_ITRS] = xe
    record[AT_POSITION_ITRS + 1] = ye
    record[AT_POSITION_ITRS + 2] = ze
    hx, hy, hz = harmonics_acceleration_itrs(tables, xe, ye, ze)
    ax = r0 * hx + r3 * hy + r6 * hz
    ay = r1 * hx + r4 * hy + r7 * hz
    az = r2 * hx + r5 * hy + r8 * hz
    if tables[HEADER_THIRD_BODIES] != 0.0:
        bx, by, bz = third_body_acceleration(sx, sy, sz, mx, my, mz, x, y, z)
        ax += bx
        ay += by
        az += bz
    record[AT_GRAVITY_PERTURBATION] = ax
    record[AT_GRAVITY_PERTURBATION + 1] = ay
    record[AT_GRAVITY_PERTURBATION + 2] = az


@compiled
def evaluate_surroundings(
    tables: Array, t_ns: int, x: float, y: float, z: float, vx: float, vy: float, vz: float, record: Array
) -> None:
    """Fill the rest of what acts on the orbit, sunlight and air, after `evaluate_gravity`."""
    sx = record[AT_SUN]
    sy = record[AT_SUN + 1]
    sz = record[AT_SUN + 2]
    dx = sx - x
    dy = sy - y
    dz = sz - z
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    record[AT_SUN_DIRECTION] = dx / distance
    record[AT_SUN_DIRECTION + 1] = dy / distance
    record[AT_SUN_DIRECTION + 2] = dz / distance
    record[AT_SUN_DISTANCE] = distance
    lit = illumination(x, y, z, sx, sy, sz)
    record[AT_ILLUMINATION] = lit
    record[AT_SOLAR_PRESSURE] = lit * solar_pressure(distance)
    altitude = altitude_above_ellipsoid(
        record[AT_POSITION_ITRS], record[AT_POSITION_ITRS + 1], record[AT_POSITION_ITRS + 2]
    )
    record[AT_ALTITUDE] = altitude
    rotation = (
        record[AT_ROTATION],
        record[AT_ROTATION + 1],
        record[AT_ROTATION + 2],
        record[AT_ROTATION + 3],
        record[AT_ROTATION + 4],
        record[AT_ROTATION + 5],
        record[AT_ROTATION + 6],
        record[AT_ROTATION + 7],
        record[AT_ROTATION + 8],
    )
    record[AT_DENSITY] = atmospheric_density(tables, rotation, t_ns, sx, sy, sz, x, y, z, altitude)
    wx = EARTH_ROTATION_RAD_S * record[AT_EARTH_POLE]
    wy = EARTH_ROTATION_RAD_S * record[AT_EARTH_POLE + 1]
    wz = EARTH_ROTATION_RAD_S * record[AT_EARTH_POLE + 2]
    record[AT_AIR_VELOCITY] = vx - (wy * z - wz * y)
    record[AT_AIR_VELOCITY + 1] = vy - (wz * x - wx * z)
    record[AT_AIR_VELOCITY + 2] = vz - (wx * y - wy * x)


@compiled
def evaluate_magnetic_field(tables: Array, record: Array) -> None:
    """Fill the magnetic field after `evaluate_gravity`."""
    bx, by, bz = magnetic_field_itrs_t(
        tables,
        int(record[AT_MAGNETIC_TABLE]),
        record[AT_POSITION_ITRS],
        record[AT_POSITION_ITRS + 1],
        record[AT_POSITION_ITRS + 2],
    )
    for i in range(3):
        record[AT_MAGNETIC_FIELD + i] = (
            record[AT_ROTATION + i] * bx + record[AT_ROTATION + 3 + i] * by + record[AT_ROTATION + 6 + i] * bz
        )


@compiled
def evaluate_environment(
    tables: Array, t_ns: int, x: float, y: float, z: float, vx: float, vy: float, vz: float, record: Array
) -> None:
    """Fill the whole record (indices AT_* of `sim.environment.layout`) for a position (m) and velocity
    (m/s) in GCRF.
    """
    evaluate_gravity(tables, t_ns, x, y, z, record)
    evaluate_surroundings(tables, t_ns, x, y, z, vx, vy, vz, record)
    evaluate_magnetic_field(tables, record)


@compiled
def perturbing_acceleration(tables: Array, record: Array, drag_m2_kg: float, pressure_m2_kg: float) -> Vector:
    """All acceleration of an evaluated record but the point mass, GCRF, m/s2: three numbers.

    drag_m2_kg: drag coefficient x area / mass; pressure_m2_kg: radiation coefficient x area / mass (a
    sphere's: the force points away from the Sun). Give zero for either and add your own force where the
    area depends on the attitude.
    """
    ax = record[AT_GRAVITY_PERTURBATION]
    ay = record[AT_GRAVITY_PERTURBATION + 1]
    az = record[AT_GRAVITY_PERTURBATION + 2]
    if tables[HEADER_DRAG] != 0.0:
        vx = record[AT_AIR_VELOCITY]
        vy = record[AT_AIR_VELOCITY + 1]
        vz = record[AT_AIR_VELOCITY + 2]
        factor = -0.5 * drag_m2_kg * record[AT_DENSITY] * math.sqrt(vx * vx + vy * vy + vz * vz)
        ax += factor * vx
        ay += factor * vy
        az += factor * vz
    if tables[HEADER_SOLAR_PRESSURE] != 0.0:
        factor = -pressure_m2_kg * record[AT_SOLAR_PRESSURE]
        ax += factor * record[AT_SUN_DIRECTION]
        ay += factor * record[AT_SUN_DIRECTION + 1]
        az += factor * record[AT_SUN_DIRECTION + 2]
    return ax, ay, az
