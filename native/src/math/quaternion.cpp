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

Quaternion quaternion_from_large_rotation(Vector rotation_rad) {
    const double angle = norm(rotation_rad);
    const SineCosine half = sine_cosine(0.5 * angle);
    const double s = half.sine / angle;
    return {half.cosine, s * rotation_rad.x, s * rotation_rad.y, s * rotation_rad.z};
}

Vector large_rotation(Quaternion q) {
    const double sign = q.w < 0.0 ? -1.0 : 1.0;
    const Vector v = {sign * q.x, sign * q.y, sign * q.z};
    const double length = norm(v);
    return (2.0 * arc_tangent(length, sign * q.w) / length) * v;
}

}  // namespace safehold
