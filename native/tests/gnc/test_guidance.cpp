// Guidance and the sharing of torque, each against what it promises.
#include <doctest/doctest.h>

#include <cmath>

#include "safehold/gnc/array_drive.hpp"
#include "safehold/gnc/guidance.hpp"
#include "safehold/gnc/spacecraft.hpp"
#include "safehold/gnc/wheels.hpp"

using namespace safehold;

namespace {

constexpr double degree = pi / 180.0;

OrbitEstimate circular(double angle_rad) {
    const double radius = 6.928e6;
    const double speed = std::sqrt(3.986004418e14 / radius);
    const double c = std::cos(angle_rad);
    const double s = std::sin(angle_rad);
    return {{radius * c, 0.0, radius * s}, {-speed * s, 0.0, speed * c}, true};
}

}  // namespace

TEST_CASE("nadir pointing: z down, x ahead, y against the orbit normal, turning once an orbit [L1.1]") {
    Guidance guidance{};
    guidance_init(guidance);
    const OrbitEstimate orbit = circular(0.7);
    const AttitudeTarget target = nadir_target(guidance, parameters_default, orbit, {1.0, 0.0, 0.0});
    CHECK(guidance.yaw_steering == 0);
    const Vector down = rotate(target.body_from_gcrf, -unit(orbit.position_gcrf_m));
    const Vector ahead = rotate(target.body_from_gcrf, unit(orbit.velocity_gcrf_m_s));
    CHECK(norm(down - Vector{0, 0, 1}) < 1e-12);
    CHECK(norm(ahead - Vector{1, 0, 0}) < 1e-12);
    // The rate is the one that takes this attitude to the next.
    const double dt = 1.0;
    const double n = -target.rate_body_rad_s.y;
    const AttitudeTarget next =
        nadir_target(guidance, parameters_default, circular(0.7 + n * dt), {1.0, 0.0, 0.0});
    const Quaternion turned = frame_turn(target.rate_body_rad_s, dt) * target.body_from_gcrf;
    CHECK(norm(rotation_vector(next.body_from_gcrf * conjugate(turned))) < 1e-9);
}

TEST_CASE("far from the orbit's plane yaw steering lets the wings face the Sun without turning over [L1.1]") {
    for (const double beta_deg : {50.0, 60.0, 75.0, 85.0, -50.0, -70.0}) {
        CAPTURE(beta_deg);
        Guidance guidance{};
        guidance_init(guidance);
        ArrayDrive drive{};
        // The orbit normal is -y.
        const Vector sun = {std::cos(beta_deg * degree), -std::sin(beta_deg * degree), 0.0};
        double previous_angle = 0.0;
        for (int k = 0; k <= 5740; ++k) {
            const double n = 2.0 * pi / 5740.0;
            const AttitudeTarget target = nadir_target(guidance, parameters_default, circular(n * k), sun);
            const Vector seen = rotate(target.body_from_gcrf, sun);
            REQUIRE(guidance.yaw_steering == 1);
            REQUIRE(std::fabs(seen.y) < 1e-9);
            REQUIRE(norm(target.rate_body_rad_s) < 0.12 * degree);
            const double angle = array_angle_towards(drive, seen);
            REQUIRE(dot(array_normal_body(angle), seen) > 1.0 - 1e-9);
            if (k > 0) REQUIRE(std::fabs(wrap_angle(angle - previous_angle)) < 0.5 * degree);
            previous_angle = angle;
        }
    }
}

TEST_CASE("a slew keeps its limits, arrives without overshoot and then follows [L1.1]") {
    Parameters p = parameters_default;
    for (const double size_deg : {0.3, 3.0, 40.0, 120.0, 179.9}) {
        CAPTURE(size_deg);
        Guidance guidance{};
        guidance_init(guidance);
        const Vector axis = unit({0.3, -0.8, 0.5});
        Quaternion target = quaternion_from_rotation_vector(size_deg * degree * axis);
        const Vector rate = {0.0, -1.1e-3, 0.0};
        double arrived_s = -1.0;
        guidance_step(guidance, p, {target, rate}, no_rotation, {0.0, 0.0, 0.0});
        Vector last_rate = guidance.rate_body_rad_s;
        for (int k = 1; k < 12000; ++k) {
            target = frame_turn(rate, 0.1) * target;
            guidance_step(guidance, p, {target, rate}, no_rotation, {0.0, 0.0, 0.0});
            REQUIRE(norm(guidance.rate_body_rad_s) < p.slew_rate_rad_s + norm(rate) + 1e-9);
            REQUIRE(norm(guidance.rate_body_rad_s - last_rate) <
                    1.5 * p.slew_acceleration_rad_s2 * 0.1 + 1e-12);
            last_rate = guidance.rate_body_rad_s;
            const double left = norm(rotation_vector(target * conjugate(guidance.reference_body_from_gcrf)));
            if (arrived_s < 0.0 && left < 0.1 * degree) arrived_s = 0.1 * k;
            if (arrived_s >= 0.0) REQUIRE(left < 0.11 * degree);
        }
        CHECK(arrived_s > 0.0);
        // Rest to rest at these limits takes size/rate + rate/acceleration; the tail of the braking adds half
        // a minute.
        const double ideal_s =
            size_deg * degree / p.slew_rate_rad_s + p.slew_rate_rad_s / p.slew_acceleration_rad_s2;
        CHECK(arrived_s < ideal_s * 1.25 + 60.0);
        CHECK(guidance.slewing == 0);
        CHECK(norm(guidance.rate_body_rad_s - rate) < 1e-6);
    }
}

TEST_CASE("any three wheels give the torque that is asked, and no more than each can [L1.1]") {
    Parameters p = parameters_default;
    p.wheel_bias_gain_1_s = 0.0;
    for (int lost = -1; lost < 4; ++lost) {
        CAPTURE(lost);
        WheelSet wheels{};
        wheels_init(wheels);
        if (lost >= 0) wheels.excluded[static_cast<std::size_t>(lost)] = 1;
        const auto given = [&] {
            Vector sum = {0, 0, 0};
            for (std::size_t i = 0; i < 4; ++i)
                sum = sum - wheels.torque_n_m[i] * spacecraft::wheel_axes[i];
            return sum;
        };
        const Vector small = {0.002, -0.003, 0.001};
        wheels_command(wheels, p, small);
        CHECK(norm(given() - small) < 1e-12);
        if (lost >= 0) CHECK(wheels.torque_n_m[static_cast<std::size_t>(lost)] == 0.0);
        const Vector large = {0.3, 0.2, -0.4};
        wheels_command(wheels, p, large);
        CHECK(norm(cross(unit(given()), unit(large))) < 1e-9);
        for (const double torque : wheels.torque_n_m)
            CHECK(std::fabs(torque) <= spacecraft::wheel_torque_max_n_m + 1e-15);
    }
}

TEST_CASE("the bias speed turns no torque on the body [L1.1]") {
    WheelSet wheels{};
    wheels_init(wheels);
    wheels_command(wheels, parameters_default, {0, 0, 0});
    Vector sum = {0, 0, 0};
    double drive = 0.0;
    for (std::size_t i = 0; i < 4; ++i) {
        sum = sum + wheels.torque_n_m[i] * spacecraft::wheel_axes[i];
        drive += std::fabs(wheels.torque_n_m[i]);
    }
    CHECK(drive > 1e-3);
    CHECK(norm(sum) < 1e-15);
}
