"""Forces and torques of the surroundings on the spacecraft's surfaces and mass: air, sunlight, gravity,
field.

The body is a box of six flat plates and two wings of two sides each, turned about y by the drive. Air:
every plate that faces the flow takes the momentum of what hits it (free molecular flow, drag coefficient
per plate, no lift, no shadowing). Sunlight: absorbed, specular and diffuse shares per plate (Montenbruck
and Gill 2000, 3.4). Torques are about the centre of mass.
"""

from __future__ import annotations

import math

from sim.attitude import rotate
from sim.compiled import Record, compiled, compiled_inline
from sim.environment.constants import EARTH_GM
from sim.environment.layout import AT_AIR_VELOCITY, AT_DENSITY, AT_SOLAR_PRESSURE


@compiled
def surface_loads(state: Record, model: Record) -> tuple[float, float, float, float, float, float]:
    """Force (N) and torque (N m) of air and sunlight on the plates, in the body frame."""
    fx = fy = fz = tx = ty = tz = 0.0
    environment = state.environment
    if model.use_drag != 0 and environment[AT_DENSITY] > 0.0:
        q = state.quaternion_body_from_gcrf
        vx, vy, vz = rotate(
            q[0],
            q[1],
            q[2],
            q[3],
            environment[AT_AIR_VELOCITY],
            environment[AT_AIR_VELOCITY + 1],
            environment[AT_AIR_VELOCITY + 2],
        )
        speed = math.sqrt(vx * vx + vy * vy + vz * vz)
        # A plate with drag coefficient C takes ½ ρ v² C A |n·v̂| against the flow.
        pressure = 0.5 * environment[AT_DENSITY] * speed * model.drag_coefficient * speed
        fx, fy, fz, tx, ty, tz = _plates(
            state, model, vx / speed, vy / speed, vz / speed, pressure, 0.0, 0.0, 0.0, 0.0
        )
    if model.use_solar_pressure != 0 and environment[AT_SOLAR_PRESSURE] > 0.0:
        sun = state.sun_body
        px, py, pz, ux, uy, uz = _plates(
            state,
            model,
            sun[0],
            sun[1],
            sun[2],
            environment[AT_SOLAR_PRESSURE],
            model.body_specular,
            model.body_diffuse,
            model.wing_specular,
            model.wing_diffuse,
        )
        fx += px
        fy += py
        fz += pz
        tx += ux
        ty += uy
        tz += uz
    return fx, fy, fz, tx, ty, tz


@compiled
def _plates(
    state: Record,
    model: Record,
    ux: float,
    uy: float,
    uz: float,
    pressure: float,
    body_specular: float,
    body_diffuse: float,
    wing_specular: float,
    wing_diffuse: float,
) -> tuple[float, float, float, float, float, float]:
    """Force and torque of a stream that comes from the unit direction u with a pressure, on box and wings."""
    centre = model.centre_of_mass_m
    half = model.half_size_m
    area = model.face_area_m2
    force_x = force_y = force_z = torque_x = torque_y = torque_z = 0.0
    for i in range(3):
        along = ux if i == 0 else (uy if i == 1 else uz)
        cosine = abs(along)
        push = pressure * area[i] * cosine
        straight = -push * (1.0 - body_specular)
        normal = -push * 2.0 * (body_specular * cosine + body_diffuse / 3.0)
        side = 1.0 if along > 0.0 else -1.0
        gx = straight * ux
        gy = straight * uy
        gz = straight * uz
        rx = -centre[0]
        ry = -centre[1]
        rz = -centre[2]
        if i == 0:
            gx += normal * side
            rx += side * half[0]
        elif i == 1:
            gy += normal * side
            ry += side * half[1]
        else:
            gz += normal * side
            rz += side * half[2]
        force_x += gx
        force_y += gy
        force_z += gz
        torque_x += ry * gz - rz * gy
        torque_y += rz * gx - rx * gz
        torque_z += rx * gy - ry * gx
    # Both wings have the normal (−sin θ, 0, −cos θ) or its opposite, whichever faces the stream.
    nx = -math.sin(state.array_angle_rad)
    nz = -math.cos(state.array_angle_rad)
    cosine = nx * ux + nz * uz
    if cosine < 0.0:
        cosine = -cosine
        nx = -nx
        nz = -nz
    push = pressure * model.wing_area_m2 * cosine
    straight = -push * (1.0 - wing_specular)
    normal = -push * 2.0 * (wing_specular * cosine + wing_diffuse / 3.0)
    gx = straight * ux + normal * nx
    gy = straight * uy
    gz = straight * uz + normal * nz
    for wing in range(2):
        if state.wing_deployed[wing] != 0:
            ry = (model.wing_centre_m if wing == 0 else -model.wing_centre_m) - centre[1]
            force_x += gx
            force_y += gy
            force_z += gz
            torque_x += ry * gz + centre[2] * gy
            torque_y += -centre[2] * gx + centre[0] * gz
            torque_z += -centre[0] * gy - ry * gx
    return force_x, force_y, force_z, torque_x, torque_y, torque_z


@compiled_inline
def at_middle(state: Record, model: Record, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A direction fixed in space, given in body axes now, as the body has it in the middle of the tick.

    Torques that are held over a tick are taken there, so that they do not lag behind a turning body.
    """
    half = 0.5 * model.dt_s
    rate = state.rate_body_rad_s
    return (
        x + half * (y * rate[2] - z * rate[1]),
        y + half * (z * rate[0] - x * rate[2]),
        z + half * (x * rate[1] - y * rate[0]),
    )


@compiled
def gravity_gradient_torque(state: Record, model: Record) -> tuple[float, float, float]:
    """3 GM / r³ · r̂ × (I r̂) in the body frame, N m (Markley and Crassidis 2014, 3.3.6)."""
    position = state.position_gcrf_m
    square = position[0] * position[0] + position[1] * position[1] + position[2] * position[2]
    factor = 3.0 * EARTH_GM / (square * math.sqrt(square))
    nadir = state.nadir_body
    nx, ny, nz = at_middle(state, model, nadir[0], nadir[1], nadir[2])
    inertia = model.inertia_kg_m2
    lx = inertia[0, 0] * nx + inertia[0, 1] * ny + inertia[0, 2] * nz
    ly = inertia[1, 0] * nx + inertia[1, 1] * ny + inertia[1, 2] * nz
    lz = inertia[2, 0] * nx + inertia[2, 1] * ny + inertia[2, 2] * nz
    return (
        factor * (ny * lz - nz * ly),
        factor * (nz * lx - nx * lz),
        factor * (nx * ly - ny * lx),
    )
