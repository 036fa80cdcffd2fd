"""Rigid-body attitude with four wheels, integrated by Runge–Kutta of order four.

With the body's inertia I (wheels' axial inertia left out), wheel axes a_i and their absolute axial momenta
h_i:

    I dω/dt = τ_external − Σ a_i T_i − ω × (I ω + Σ a_i h_i),   dh_i/dt = T_i,   dq/dt = −½ (0, ω) ⊗ q,

where q turns GCRF vectors into body vectors (v_body = q ⊗ v_gcrf ⊗ q*) and T_i is the torque on wheel i
about its axis (motor and friction). τ_external and T_i are constant in the body frame during a step, so
that h_i is exact. A step is split until the body turns by at most 0.02 rad in each part. (Markley and
Crassidis 2014, 3.3.3 and 3.3.5)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.compiled import Record, compiled, compiled_inline

TURN_MAX_RAD = 0.02
PARTS_MAX = 64


@compiled_inline
def rotate(
    q0: float, q1: float, q2: float, q3: float, x: float, y: float, z: float
) -> tuple[float, float, float]:
    """The vector q ⊗ v ⊗ q*, for a unit quaternion."""
    tx = 2.0 * (q2 * z - q3 * y)
    ty = 2.0 * (q3 * x - q1 * z)
    tz = 2.0 * (q1 * y - q2 * x)
    return (
        x + q0 * tx + q2 * tz - q3 * ty,
        y + q0 * ty + q3 * tx - q1 * tz,
        z + q0 * tz + q1 * ty - q2 * tx,
    )


@compiled_inline
def multiply(
    a0: float, a1: float, a2: float, a3: float, b0: float, b1: float, b2: float, b3: float
) -> tuple[float, float, float, float]:
    """The Hamilton product a ⊗ b."""
    return (
        a0 * b0 - a1 * b1 - a2 * b2 - a3 * b3,
        a0 * b1 + a1 * b0 + a2 * b3 - a3 * b2,
        a0 * b2 - a1 * b3 + a2 * b0 + a3 * b1,
        a0 * b3 + a1 * b2 - a2 * b1 + a3 * b0,
    )


@compiled_inline
def _rate_derivative(
    model: Record,
    tx: float,
    ty: float,
    tz: float,
    hx: float,
    hy: float,
    hz: float,
    wx: float,
    wy: float,
    wz: float,
) -> tuple[float, float, float]:
    """dω/dt under a torque (wheel reaction included) with the wheels' momentum h, all in the body frame."""
    inertia = model.inertia_kg_m2
    inverse = model.inertia_inverse
    lx = inertia[0, 0] * wx + inertia[0, 1] * wy + inertia[0, 2] * wz + hx
    ly = inertia[1, 0] * wx + inertia[1, 1] * wy + inertia[1, 2] * wz + hy
    lz = inertia[2, 0] * wx + inertia[2, 1] * wy + inertia[2, 2] * wz + hz
    tx -= wy * lz - wz * ly
    ty -= wz * lx - wx * lz
    tz -= wx * ly - wy * lx
    return (
        inverse[0, 0] * tx + inverse[0, 1] * ty + inverse[0, 2] * tz,
        inverse[1, 0] * tx + inverse[1, 1] * ty + inverse[1, 2] * tz,
        inverse[2, 0] * tx + inverse[2, 1] * ty + inverse[2, 2] * tz,
    )


@compiled_inline
def _quaternion_derivative(
    q0: float, q1: float, q2: float, q3: float, wx: float, wy: float, wz: float
) -> tuple[float, float, float, float]:
    """−½ (0, ω) ⊗ q."""
    return (
        0.5 * (wx * q1 + wy * q2 + wz * q3),
        -0.5 * (wx * q0 + wy * q3 - wz * q2),
        -0.5 * (wy * q0 + wz * q1 - wx * q3),
        -0.5 * (wz * q0 + wx * q2 - wy * q1),
    )


@compiled
def integrate(
    state: Record,
    model: Record,
    dt_s: float,
    wheel_torque: NDArray[np.float64],
    tx: float,
    ty: float,
    tz: float,
) -> None:
    """Advance attitude, rate and wheel momenta by a step.

    wheel_torque: on each wheel about its axis, N m; tx, ty, tz: external torque in the body frame, N m.
    Leaves the mean rate of the step in `rate_mean_body_rad_s`, as rate-integrating gyros measure it.
    """
    q = state.quaternion_body_from_gcrf
    w = state.rate_body_rad_s
    h = state.wheel_momentum_n_m_s
    axis = model.wheel_axis
    q0, q1, q2, q3 = q[0], q[1], q[2], q[3]
    wx, wy, wz = w[0], w[1], w[2]
    # Momentum of the wheels in the body frame, and its constant rate of change.
    hx = hy = hz = dx = dy = dz = 0.0
    for i in range(4):
        hx += axis[i, 0] * h[i]
        hy += axis[i, 1] * h[i]
        hz += axis[i, 2] * h[i]
        dx += axis[i, 0] * wheel_torque[i]
        dy += axis[i, 1] * wheel_torque[i]
        dz += axis[i, 2] * wheel_torque[i]
        h[i] += wheel_torque[i] * dt_s
    tx -= dx
    ty -= dy
    tz -= dz
    turn = math.sqrt(wx * wx + wy * wy + wz * wz) * dt_s
    parts = min(PARTS_MAX, 1 + int(turn * (1.0 / TURN_MAX_RAD)))
    s = dt_s / parts
    half = 0.5 * s
    mean_x = mean_y = mean_z = 0.0
    for _ in range(parts):
        a1x, a1y, a1z = _rate_derivative(model, tx, ty, tz, hx, hy, hz, wx, wy, wz)
        b10, b11, b12, b13 = _quaternion_derivative(q0, q1, q2, q3, wx, wy, wz)
        hx += half * dx
        hy += half * dy
        hz += half * dz
        w2x, w2y, w2z = wx + half * a1x, wy + half * a1y, wz + half * a1z
        a2x, a2y, a2z = _rate_derivative(model, tx, ty, tz, hx, hy, hz, w2x, w2y, w2z)
        b20, b21, b22, b23 = _quaternion_derivative(
            q0 + half * b10, q1 + half * b11, q2 + half * b12, q3 + half * b13, w2x, w2y, w2z
        )
        w3x, w3y, w3z = wx + half * a2x, wy + half * a2y, wz + half * a2z
        a3x, a3y, a3z = _rate_derivative(model, tx, ty, tz, hx, hy, hz, w3x, w3y, w3z)
        b30, b31, b32, b33 = _quaternion_derivative(
            q0 + half * b20, q1 + half * b21, q2 + half * b22, q3 + half * b23, w3x, w3y, w3z
        )
        hx += half * dx
        hy += half * dy
        hz += half * dz
        w4x, w4y, w4z = wx + s * a3x, wy + s * a3y, wz + s * a3z
        a4x, a4y, a4z = _rate_derivative(model, tx, ty, tz, hx, hy, hz, w4x, w4y, w4z)
        b40, b41, b42, b43 = _quaternion_derivative(
            q0 + s * b30, q1 + s * b31, q2 + s * b32, q3 + s * b33, w4x, w4y, w4z
        )
        sixth = s / 6.0
        mean_x += wx + 2.0 * (w2x + w3x) + w4x
        mean_y += wy + 2.0 * (w2y + w3y) + w4y
        mean_z += wz + 2.0 * (w2z + w3z) + w4z
        wx += sixth * (a1x + 2.0 * (a2x + a3x) + a4x)
        wy += sixth * (a1y + 2.0 * (a2y + a3y) + a4y)
        wz += sixth * (a1z + 2.0 * (a2z + a3z) + a4z)
        q0 += sixth * (b10 + 2.0 * (b20 + b30) + b40)
        q1 += sixth * (b11 + 2.0 * (b21 + b31) + b41)
        q2 += sixth * (b12 + 2.0 * (b22 + b32) + b42)
        q3 += sixth * (b13 + 2.0 * (b23 + b33) + b43)
    scale = 1.0 / math.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
    q[0] = q0 * scale
    q[1] = q1 * scale
    q[2] = q2 * scale
    q[3] = q3 * scale
    w[0] = wx
    w[1] = wy
    w[2] = wz
    mean = state.rate_mean_body_rad_s
    weight = 1.0 / (6.0 * parts)
    mean[0] = mean_x * weight
    mean[1] = mean_y * weight
    mean[2] = mean_z * weight
