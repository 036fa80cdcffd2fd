// Unit quaternions: scalar first, Hamilton product, named target_from_source, v_target = q v_source q*.
//
// A quaternion is renormalised where it is made from data; products of unit quaternions stay unit to
// rounding.
#pragma once

#include "safehold/math/vector.hpp"

namespace safehold {

struct Quaternion {
    double w;
    double x;
    double y;
    double z;
};
static_assert(sizeof(Quaternion) == 32);

inline constexpr Quaternion no_rotation = {1.0, 0.0, 0.0, 0.0};

[[nodiscard]] constexpr Quaternion operator*(Quaternion a, Quaternion b) {
    return {a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z, a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x, a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w};
}
[[nodiscard]] constexpr Quaternion conjugate(Quaternion q) {
    return {q.w, -q.x, -q.y, -q.z};
}
[[nodiscard]] constexpr double dot(Quaternion a, Quaternion b) {
    return a.w * b.w + a.x * b.x + a.y * b.y + a.z * b.z;
}
[[nodiscard]] constexpr bool is_finite(Quaternion q) {
    return is_finite(q.w) && is_finite(q.x) && is_finite(q.y) && is_finite(q.z);
}
// The unit quaternion along q; no rotation if q is shorter than 1e-9.
[[nodiscard]] inline Quaternion normalised(Quaternion q) {
    const double length = square_root(dot(q, q));
    if (!(length > 1.0e-9) || !is_finite(length)) return no_rotation;
    const double s = 1.0 / length;
    return {s * q.w, s * q.x, s * q.y, s * q.z};
}
// The same for a quaternion that has been unit a moment ago: one step of Newton's method, exact to rounding
// near one.
[[nodiscard]] inline Quaternion renormalised(Quaternion q) {
    const double square = dot(q, q);
    if (!(absolute(square - 1.0) < 1.0e-6)) return normalised(q);
    const double s = 1.5 - 0.5 * square;
    return {s * q.w, s * q.x, s * q.y, s * q.z};
}
[[nodiscard]] constexpr Vector rotate(Quaternion q, Vector v) {
    const Vector u = {q.x, q.y, q.z};
    const Vector t = 2.0 * cross(u, v);
    return v + q.w * t + cross(u, t);
}
// R with R v = q v q*.
[[nodiscard]] constexpr Matrix rotation_matrix(Quaternion q) {
    return {
        {1.0 - 2.0 * (q.y * q.y + q.z * q.z), 2.0 * (q.x * q.y - q.w * q.z), 2.0 * (q.x * q.z + q.w * q.y),
         2.0 * (q.x * q.y + q.w * q.z), 1.0 - 2.0 * (q.x * q.x + q.z * q.z), 2.0 * (q.y * q.z - q.w * q.x),
         2.0 * (q.x * q.z - q.w * q.y), 2.0 * (q.y * q.z + q.w * q.x), 1.0 - 2.0 * (q.x * q.x + q.y * q.y)}};
}
[[nodiscard]] Quaternion quaternion_from_matrix(const Matrix& rotation);
// exp of half a rotation vector: the quaternion with R(q) v = v turned by the vector.
[[nodiscard]] Quaternion quaternion_from_rotation_vector(Vector rotation_rad);
// The rotation vector, of at most pi.
[[nodiscard]] Vector rotation_vector(Quaternion q);

// How coordinates change when the body turns at a body rate for a time: q(t + dt) = turn * q(t), q
// body_from_x.
[[nodiscard]] inline Quaternion frame_turn(Vector rate_body_rad_s, double duration_s) {
    return quaternion_from_rotation_vector(-duration_s * rate_body_rad_s);
}

}  // namespace safehold
