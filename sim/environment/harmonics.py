"""The gradient of a potential in spherical harmonics, without singular poles and without work space.

The potential is Phi = (1/r) sum (R/r)^n P_nm(sin latitude) (C_nm cos m longitude + S_nm sin m longitude),
so that gravity is GM times its gradient and a magnetic field -R^2 times it. With (xi, eta, w) = R (x, y, z)
/ r^2 and p = R^2 / r^2 every term is (1/r) f_nm(w, p) Re[(C - iS)(xi + i eta)^m], where f_nm is a
homogeneous polynomial. Its normalisation is moved into the coefficients until f_mm = 1 and f_nm = w
f_{n-1,m} - beta_nm p f_{n-2,m}; f and g = df/dw then run up each order in two registers apiece. Recursions:
Holmes and Featherstone, J. Geodesy 76 (2002), 279-299, made monic.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim.compiled import compiled
from sim.environment.layout import Array, Vector


def coefficient_table(
    cosine: NDArray[np.float64], sine: NDArray[np.float64], degree: int, order: int
) -> NDArray[np.float64]:
    """Arrange fully normalised coefficients for `harmonic_gradient`.

    cosine, sine: [n, m] arrays, at least degree + 1 square.
    Returns a flat array of (beta, C, S) triples, order by order, from n = m to `degree` in each.
    """
    triples = []
    sectoral = 1.0
    for m in range(order + 1):
        if m > 0:
            sectoral *= math.sqrt((2.0 * m + 1.0) / (2.0 * m)) if m > 1 else math.sqrt(3.0)
        scale = sectoral
        alpha_before = 1.0
        for n in range(m, degree + 1):
            beta = 0.0
            if n > m:
                alpha = math.sqrt((2.0 * n - 1.0) * (2.0 * n + 1.0) / ((n - m) * (n + m)))
                scale *= alpha
                if n > m + 1:
                    factor = math.sqrt(
                        (2.0 * n + 1.0)
                        * (n + m - 1.0)
                        * (n - m - 1.0)
                        / ((n - m) * (n + m) * (2.0 * n - 3.0))
                    )
                    beta = factor / (alpha * alpha_before)
                alpha_before = alpha
            triples.append((beta, cosine[n, m] * scale, sine[n, m] * scale))
    return np.array(triples, dtype=np.float64).ravel()


@compiled
def harmonic_gradient(
    tables: Array, offset: int, degree: int, order: int, radius: float, x: float, y: float, z: float
) -> Vector:
    """Gradient of the potential above, per m^2 for coefficients without unit.

    tables, offset: the packed array and where `coefficient_table`'s triples begin; degree, order: those it
    was made for; radius: R; x, y, z: position in the frame of the coefficients, m. Returns its three
    components.
    """
    inverse_square = 1.0 / (x * x + y * y + z * z)
    scale = radius * inverse_square
    xi = scale * x
    eta = scale * y
    w = scale * z
    p = radius * scale
    along_x = 0.0
    along_y = 0.0
    along_z = 0.0
    along_r = 0.0
    # (xi + i eta)^m and the power before it.
    power_re = 1.0
    power_im = 0.0
    before_re = 0.0
    before_im = 0.0
    at = offset
    for m in range(order + 1):
        # n = m: f = 1, g = 0.
        cosine = tables[at + 1]
        sine = tables[at + 2]
        at += 3
        weight = 2.0 * m + 1.0
        value_c = cosine
        value_s = sine
        radial_c = weight * cosine
        radial_s = weight * sine
        slope_c = 0.0
        slope_s = 0.0
        f_before = 0.0
        f = 1.0
        g_before = 0.0
        g = 0.0
        for _ in range(m + 1, degree + 1):
            bp = tables[at] * p
            cosine = tables[at + 1]
            sine = tables[at + 2]
            at += 3
            weight += 1.0
            g_next = w * g + (f - bp * g_before)
            f_next = w * f - bp * f_before
            f_before = f
            f = f_next
            g_before = g
            g = g_next
            weighted = weight * f
            value_c += cosine * f
            value_s += sine * f
            radial_c += cosine * weighted
            radial_s += sine * weighted
            slope_c += cosine * g
            slope_s += sine * g
        along_x += m * (value_c * before_re + value_s * before_im)
        along_y += m * (value_s * before_re - value_c * before_im)
        along_z += slope_c * power_re + slope_s * power_im
        along_r += radial_c * power_re + radial_s * power_im
        before_re = power_re
        before_im = power_im
        power_re = before_re * xi - before_im * eta
        power_im = before_re * eta + before_im * xi
    inverse_radius = math.sqrt(inverse_square)
    lateral = scale * inverse_radius
    radial = inverse_square * inverse_radius * (along_r + w * along_z)
    return lateral * along_x - radial * x, lateral * along_y - radial * y, lateral * along_z - radial * z
