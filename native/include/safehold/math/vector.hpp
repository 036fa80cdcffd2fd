// Vectors of three and matrices of nine doubles, row-major, and no more of linear algebra than the flight
// core needs.
#pragma once

#include <array>

#include "safehold/math/elementary.hpp"

namespace safehold {

struct Vector {
    double x;
    double y;
    double z;
};

[[nodiscard]] constexpr Vector operator+(Vector a, Vector b) {
    return {a.x + b.x, a.y + b.y, a.z + b.z};
}
[[nodiscard]] constexpr Vector operator-(Vector a, Vector b) {
    return {a.x - b.x, a.y - b.y, a.z - b.z};
}
[[nodiscard]] constexpr Vector operator-(Vector a) {
    return {-a.x, -a.y, -a.z};
}
[[nodiscard]] constexpr Vector operator*(double s, Vector a) {
    return {s * a.x, s * a.y, s * a.z};
}
[[nodiscard]] constexpr double dot(Vector a, Vector b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
[[nodiscard]] constexpr Vector cross(Vector a, Vector b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
[[nodiscard]] inline double norm(Vector a) {
    return square_root(dot(a, a));
}

// The unit vector along a; zero if a is zero.
[[nodiscard]] inline Vector unit(Vector a) {
    const double length = norm(a);
    return length > 0.0 ? (1.0 / length) * a : Vector{0.0, 0.0, 0.0};
}
// The same for a vector that has been unit a moment ago.
[[nodiscard]] inline Vector reunit(Vector a) {
    const double square = dot(a, a);
    return absolute(square - 1.0) < 1.0e-6 ? (1.5 - 0.5 * square) * a : unit(a);
}
// a shortened to a length.
[[nodiscard]] inline Vector limited(Vector a, double length_max) {
    const double square = dot(a, a);
    return square > length_max * length_max ? (length_max / square_root(square)) * a : a;
}
[[nodiscard]] constexpr bool is_finite(Vector a) {
    return is_finite(a.x) && is_finite(a.y) && is_finite(a.z);
}
[[nodiscard]] inline double angle_between(Vector a, Vector b) {
    return arc_tangent(norm(cross(a, b)), dot(a, b));
}

struct Matrix {
    std::array<double, 9> m;

    [[nodiscard]] constexpr double operator()(std::size_t row, std::size_t column) const {
        return m[3 * row + column];
    }
    [[nodiscard]] constexpr double& operator()(std::size_t row, std::size_t column) {
        return m[3 * row + column];
    }
};

inline constexpr Matrix identity = {{1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0}};

[[nodiscard]] constexpr Matrix diagonal(double x, double y, double z) {
    return {{x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, z}};
}
[[nodiscard]] constexpr Matrix rows(Vector a, Vector b, Vector c) {
    return {{a.x, a.y, a.z, b.x, b.y, b.z, c.x, c.y, c.z}};
}
[[nodiscard]] constexpr Vector operator*(const Matrix& a, Vector v) {
    return {a.m[0] * v.x + a.m[1] * v.y + a.m[2] * v.z, a.m[3] * v.x + a.m[4] * v.y + a.m[5] * v.z,
            a.m[6] * v.x + a.m[7] * v.y + a.m[8] * v.z};
}
[[nodiscard]] constexpr Vector transposed_times(const Matrix& a, Vector v) {
    return {a.m[0] * v.x + a.m[3] * v.y + a.m[6] * v.z, a.m[1] * v.x + a.m[4] * v.y + a.m[7] * v.z,
            a.m[2] * v.x + a.m[5] * v.y + a.m[8] * v.z};
}
[[nodiscard]] constexpr Matrix operator*(const Matrix& a, const Matrix& b) {
    Matrix c{};
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            c(i, j) = a(i, 0) * b(0, j) + a(i, 1) * b(1, j) + a(i, 2) * b(2, j);
        }
    }
    return c;
}
[[nodiscard]] constexpr Matrix operator+(const Matrix& a, const Matrix& b) {
    Matrix c{};
    for (std::size_t i = 0; i < 9; ++i)
        c.m[i] = a.m[i] + b.m[i];
    return c;
}
[[nodiscard]] constexpr Matrix operator-(const Matrix& a, const Matrix& b) {
    Matrix c{};
    for (std::size_t i = 0; i < 9; ++i)
        c.m[i] = a.m[i] - b.m[i];
    return c;
}
[[nodiscard]] constexpr Matrix operator*(double s, const Matrix& a) {
    Matrix c{};
    for (std::size_t i = 0; i < 9; ++i)
        c.m[i] = s * a.m[i];
    return c;
}
[[nodiscard]] constexpr Matrix transposed(const Matrix& a) {
    return {{a.m[0], a.m[3], a.m[6], a.m[1], a.m[4], a.m[7], a.m[2], a.m[5], a.m[8]}};
}
// The matrix of the cross product: skew(a) b = a x b.
[[nodiscard]] constexpr Matrix skew(Vector a) {
    return {{0.0, -a.z, a.y, a.z, 0.0, -a.x, -a.y, a.x, 0.0}};
}

[[nodiscard]] constexpr Matrix symmetric_part(const Matrix& a) {
    Matrix c = a;
    c(0, 1) = c(1, 0) = 0.5 * (a(0, 1) + a(1, 0));
    c(0, 2) = c(2, 0) = 0.5 * (a(0, 2) + a(2, 0));
    c(1, 2) = c(2, 1) = 0.5 * (a(1, 2) + a(2, 1));
    return c;
}
[[nodiscard]] constexpr double determinant(const Matrix& a) {
    return a.m[0] * (a.m[4] * a.m[8] - a.m[5] * a.m[7]) - a.m[1] * (a.m[3] * a.m[8] - a.m[5] * a.m[6]) +
           a.m[2] * (a.m[3] * a.m[7] - a.m[4] * a.m[6]);
}
// The inverse; zero if the determinant's magnitude is below `determinant_min`.
[[nodiscard]] constexpr Matrix inverse(const Matrix& a, double determinant_min) {
    const double d = determinant(a);
    if (!(absolute(d) > determinant_min)) return Matrix{};
    const double s = 1.0 / d;
    return {{s * (a.m[4] * a.m[8] - a.m[5] * a.m[7]), s * (a.m[2] * a.m[7] - a.m[1] * a.m[8]),
             s * (a.m[1] * a.m[5] - a.m[2] * a.m[4]), s * (a.m[5] * a.m[6] - a.m[3] * a.m[8]),
             s * (a.m[0] * a.m[8] - a.m[2] * a.m[6]), s * (a.m[2] * a.m[3] - a.m[0] * a.m[5]),
             s * (a.m[3] * a.m[7] - a.m[4] * a.m[6]), s * (a.m[1] * a.m[6] - a.m[0] * a.m[7]),
             s * (a.m[0] * a.m[4] - a.m[1] * a.m[3])}};
}

static_assert(sizeof(Vector) == 24 && sizeof(Matrix) == 72);

}  // namespace safehold
