#include "safehold/math/quaternion.hpp"

namespace safehold {

// Shepperd's method: the largest of the four components is taken first, so that no small one is divided by.
Quaternion quaternion_from_matrix(const Matrix& r) {
    const double trace = r(0, 0) + r(1, 1) + r(2, 2);
    Quaternion q{};
    if (trace > r(0, 0) && trace > r(1, 1) && trace > r(2, 2)) {
        q = {1.0 + trace, r(2, 1) - r(1, 2), r(0, 2) - r(2, 0), r(1, 0) - r(0, 1)};
    } else if (r(0, 0) >= r(1, 1) && r(0, 0) >= r(2, 2)) {
        q = {r(2, 1) - r(1, 2), 1.0 + 2.0 * r(0, 0) - trace, r(0, 1) + r(1, 0), r(0, 2) + r(2, 0)};
    } else if (r(1, 1) >= r(2, 2)) {
        q = {r(0, 2) - r(2, 0), r(0, 1) + r(1, 0), 1.0 + 2.0 * r(1, 1) - trace, r(1, 2) + r(2, 1)};
    } else {
        q = {r(1, 0) - r(0, 1), r(0, 2) + r(2, 0), r(1, 2) + r(2, 1), 1.0 + 2.0 * r(2, 2) - trace};
    }
    return normalised(q);
}

Quaternion quaternion_from_rotation_vector(Vector rotation_rad) {
    const double square = dot(rotation_rad, rotation_rad);
    if (square < 1.0e-4) {
        // Series to the sixth order in the angle: 1e-17 at 0.01 rad.
        const double q = 0.25 * square;
        const double s = 0.5 * (1.0 - q / 6.0 * (1.0 - q / 20.0 * (1.0 - q / 42.0)));
        const double c = 1.0 - 0.5 * q * (1.0 - q / 12.0 * (1.0 - q / 30.0));
        return {c, s * rotation_rad.x, s * rotation_rad.y, s * rotation_rad.z};
    }
    const double angle = square_root(square);
    const SineCosine half = sine_cosine(0.5 * angle);
    const double s = half.sine / angle;
    return {half.cosine, s * rotation_rad.x, s * rotation_rad.y, s * rotation_rad.z};
}

Vector rotation_vector(Quaternion q) {
    const double sign = q.w < 0.0 ? -1.0 : 1.0;
    const Vector v = {sign * q.x, sign * q.y, sign * q.z};
    const double square = dot(v, v);
    if (square < 1.0e-4) {
        // Twice the arc sine by its series: 1e-17 at the limit.
        return (2.0 * (1.0 + square * (1.0 / 6.0 + square * (3.0 / 40.0 + square * (15.0 / 336.0))))) * v;
    }
    const double length = square_root(square);
    return (2.0 * arc_tangent(length, sign * q.w) / length) * v;
}

}  // namespace safehold
