// Rotations: the convention by a turn that can be checked by hand, and round trips to rounding (1e-14).
#include <doctest/doctest.h>

#include <cmath>

#include "safehold/math/quaternion.hpp"

using namespace safehold;

namespace {

double distance(Vector a, Vector b) {
    return norm(a - b);
}

Vector some_vector(int k) {
    return {std::sin(1.3 * k), std::cos(0.7 * k + 1.0), std::sin(0.4 * k + 2.0)};
}

}  // namespace

TEST_CASE("a quarter turn about z takes x to y") {
    const Quaternion q = quaternion_from_rotation_vector({0.0, 0.0, pi / 2});
    CHECK(distance(rotate(q, {1.0, 0.0, 0.0}), {0.0, 1.0, 0.0}) < 1e-15);
    CHECK(distance(rotation_matrix(q) * Vector{0.0, 1.0, 0.0}, {-1.0, 0.0, 0.0}) < 1e-15);
    // i j = k: the product applies the right factor first.
    const Quaternion ij = Quaternion{0, 1, 0, 0} * Quaternion{0, 0, 1, 0};
    CHECK(ij.z == 1.0);
}

TEST_CASE("a body that turns sees fixed directions turn backwards") {
    const Vector rate = {0.0, 0.0, 0.1};
    const Quaternion body_from_gcrf = frame_turn(rate, 1.0) * no_rotation;
    const Vector seen = rotate(body_from_gcrf, {1.0, 0.0, 0.0});
    CHECK(distance(seen, {std::cos(0.1), -std::sin(0.1), 0.0}) < 1e-15);
}

TEST_CASE("rotation vectors, quaternions and matrices are one") {
    for (int k = 1; k < 200; ++k) {
        const double size = std::pow(10.0, -8.0 + 8.49 * k / 200.0);  // to just below pi
        const Vector turn = size * unit(some_vector(k));
        const Quaternion q = quaternion_from_rotation_vector(turn);
        CHECK(std::fabs(dot(q, q) - 1.0) < 1e-15 * 4);
        CHECK(distance(rotation_vector(q), turn) < 1e-14 * (1.0 + size));
        const Quaternion back = quaternion_from_matrix(rotation_matrix(q));
        CHECK(std::fabs(std::fabs(dot(back, q)) - 1.0) < 1e-14);
        const Vector v = some_vector(3 * k);
        CHECK(distance(rotate(q, v), rotation_matrix(q) * v) < 1e-14);
        CHECK(distance(rotate(conjugate(q), rotate(q, v)), v) < 1e-14);
        const Quaternion p = quaternion_from_rotation_vector(some_vector(k + 7));
        CHECK(distance(rotate(p * q, v), rotate(p, rotate(q, v))) < 1e-14);
    }
}

TEST_CASE("quaternions of half turns come back from their matrices") {
    for (const Vector axis : {Vector{1, 0, 0}, Vector{0, 1, 0}, Vector{0, 0, 1}, Vector{0.6, 0.8, 0.0}}) {
        const Quaternion q = quaternion_from_rotation_vector(pi * axis);
        CHECK(std::fabs(std::fabs(dot(quaternion_from_matrix(rotation_matrix(q)), q)) - 1.0) < 1e-14);
    }
}

TEST_CASE("a quaternion that means nothing becomes no rotation") {
    CHECK(normalised({0, 0, 0, 0}).w == 1.0);
    CHECK(normalised({std::nan(""), 0, 0, 1}).w == 1.0);
}

TEST_CASE("inverse undoes, and a singular matrix gives zero") {
    const Matrix a = {{4, 1, 0.5, 1, 3, -0.2, 0.5, -0.2, 2}};
    const Matrix product = a * inverse(a, 1e-30);
    for (std::size_t i = 0; i < 9; ++i)
        CHECK(std::fabs(product.m[i] - identity.m[i]) < 1e-15);
    const Matrix none = inverse(Matrix{{1, 2, 3, 2, 4, 6, 1, 0, 1}}, 1e-12);
    for (const double m : none.m)
        CHECK(m == 0.0);
}
