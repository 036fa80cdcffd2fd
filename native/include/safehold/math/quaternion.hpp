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

// The two below for angles that are not small, where series no longer do.
[[nodiscard]] Quaternion quaternion_from_large_rotation(Vector rotation_rad);
[[nodiscard]] Vector large_rotation(Quaternion q);

// exp of half a rotation vector: the quaternion with R(q) v = v turned by the vector.
[[nodiscard]] inline Quaternion quaternion_from_rotation_vector(Vector rotation_rad) {
    const double square = dot(rotation_rad, rotation_rad);
    if (!(square < 1.0e-4)) return quaternion_from_large_rotation(rotation_rad);
    // Series to the sixth order in the angle: 1e-17 at 0.01 rad.
    const double q = 0.25 * square;
    const double s = 0.5 * (1.0 - q / 6.0 * (1.0 - q / 20.0 * (1.0 - q / 42.0)));
    const double c = 1.0 - 0.5 * q * (1.0 - q / 12.0 * (1.0 - q / 30.0));
    return {c, s * rotation_rad.x, s * rotation_rad.y, s * rotation_rad.z};
}
// The rotation vector, of at most pi.
[[nodiscard]] inline Vector rotation_vector(Quaternion q) {
    const double sign = q.w < 0.0 ? -1.0 : 1.0;
    const Vector v = {sign * q.x, sign * q.y, sign * q.z};
    const double square = dot(v, v);
    if (!(square < 1.0e-4)) return large_rotation(q);
    // Twice the arc sine by its series: 1e-17 at the limit.
    return (2.0 * (1.0 + square * (1.0 / 6.0 + square * (3.0 / 40.0 + square * (15.0 / 336.0))))) * v;
}

// How coordinates change when the body turns at a body rate for a time: q(t + dt) = turn * q(t), q
// body_from_x.
[[nodiscard]] inline Quaternion frame_turn(Vector rate_body_rad_s, double duration_s) {
    return quaternion_from_rotation_vector(-duration_s * rate_body_rad_s);
}

}  // namespace safehold
