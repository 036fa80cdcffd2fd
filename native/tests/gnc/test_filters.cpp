// TRIAD by construction, and the attitude filter by statistics: with errors drawn as the filter believes, its
// normalised squared error is 3 on average, and a filter that were over-confident by a third would fail.
#include <doctest/doctest.h>

#include <cmath>

#include "safehold/gnc/attitude_filter.hpp"
#include "safehold/gnc/spacecraft.hpp"
#include "test_plant.hpp"

using namespace safehold;

namespace {

double squared_in(const Matrix& covariance, Vector e) {
    return dot(e, inverse(covariance, 1e-80) * e);
}

}  // namespace

TEST_CASE("TRIAD gives back a known attitude, and refuses directions that nearly coincide") {
    const Quaternion truth = normalised({0.3, -0.5, 0.2, 0.78});
    const Vector a = unit({1.0, 2.0, -0.5});
    const Vector b = unit({-0.3, 0.4, 1.0});
    const Triad found = triad(2.5e-5 * rotate(truth, a), rotate(truth, b), 3.0e-5 * a, b);
    REQUIRE(found.valid);
    CHECK(norm(rotation_vector(found.body_from_gcrf * conjugate(truth))) < 1e-14);
    CHECK_FALSE(triad(a, unit(a + 0.1 * b), a, unit(a + 0.1 * b)).valid);
    CHECK_FALSE(triad(a, -a, a, -a).valid);
    CHECK_FALSE(triad({0, 0, 0}, b, a, b).valid);
}

TEST_CASE("the attitude filter is consistent and finds the gyro bias") {
    Parameters p = parameters_default;
    p.tracker_alignment_rad =
        0.0;  // white errors only: the constant ones have their own share, tested on the plant
    double sum = 0.0;
    int count = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        tests::Noise noise(seed);
        AttitudeFilter filter{};
        attitude_init(filter);
        SensorVoting voting{};
        sensors_init(voting);
        EventList events{};
        Quaternion truth = normalised({noise.normal(), noise.normal(), noise.normal(), noise.normal()});
        Vector bias = noise.vector(p.gyro_bias_sigma_rad_s);
        const Vector first_bias = bias;
        const Vector rate = {2e-4, -1.1e-3, 3e-4};
        const double gyro_sigma = p.gyro_noise_rad_rts / std::sqrt(0.1) / 2.0;
        for (int k = 0; k < 6000; ++k) {
            truth = frame_turn(rate, 0.1) * truth;
            bias = bias + noise.vector(p.gyro_bias_walk_rad_s_rts * std::sqrt(0.1) / 2.0);
            Measurements m{};
            m.rate_valid = true;
            m.gyros_used = 4;
            m.rate_body_rad_s = rate + bias + noise.vector(gyro_sigma);
            for (std::size_t i = 0; i < 2 && k % 5 == 1; ++i) {
                const Vector b = spacecraft::tracker_boresights[i];
                const Vector cross_error = noise.vector(p.tracker_noise_cross_rad);
                const Vector error =
                    cross_error - dot(cross_error, b) * b + (p.tracker_noise_roll_rad * noise.normal()) * b;
                m.attitude_new[i] = true;
                m.attitude_body_from_gcrf[i] = quaternion_from_rotation_vector(error) * truth;
            }
            attitude_step(filter, p, m, {}, voting, {}, events);
            if (k < 600) continue;
            const Vector e = rotation_vector(truth * conjugate(filter.body_from_gcrf));
            // The covariance is brought up to date twice a second; in between it is older than the estimate.
            if (k % 5 != 1) continue;
            sum += squared_in(attitude_covariance(filter, p), e);
            ++count;
        }
        CHECK(norm(filter.bias_rad_s - bias) < 4.0 * std::sqrt(filter.bias_covariance(0, 0) * 3.0));
        CHECK(norm(filter.bias_rad_s - first_bias) < 0.6 * norm(first_bias) + 1e-5);
    }
    MESSAGE("mean normalised squared error ", sum / count);
    CHECK(sum / count > 2.3);
    CHECK(sum / count < 3.7);
}

TEST_CASE("a tracker that contradicts the other is excluded; both against the filter restart it") {
    Parameters p = parameters_default;
    AttitudeFilter filter{};
    attitude_init(filter);
    SensorVoting voting{};
    sensors_init(voting);
    EventList events{};
    const Quaternion truth = normalised({0.5, 0.5, -0.3, 0.6});
    const Quaternion wrong = quaternion_from_rotation_vector({0.02, 0.0, 0.01}) * truth;
    const auto run = [&](Quaternion first, Quaternion second, int updates) {
        for (int k = 0; k < 5 * updates; ++k) {
            Measurements m{};
            m.rate_valid = true;
            m.gyros_used = 4;
            m.attitude_new = {k % 5 == 1 && voting.tracker[0].excluded == 0,
                              k % 5 == 1 && voting.tracker[1].excluded == 0};
            m.attitude_body_from_gcrf = {first, second};
            attitude_step(filter, p, m, {}, voting, {}, events);
        }
    };
    run(truth, truth, 50);
    CHECK(norm(rotation_vector(filter.body_from_gcrf * conjugate(truth))) < 1e-4);
    run(truth, wrong, 30);
    CHECK(voting.tracker[1].excluded == 1);
    CHECK(voting.tracker[0].excluded == 0);
    CHECK(norm(rotation_vector(filter.body_from_gcrf * conjugate(truth))) < 1e-4);
    sensors_init(voting);
    run(wrong, wrong, 40);
    CHECK(norm(rotation_vector(filter.body_from_gcrf * conjugate(wrong))) < 1e-3);
    bool restarted = false;
    for (std::uint32_t i = 0; i < events.count; ++i) {
        restarted =
            restarted || events.items[i].id == static_cast<std::uint16_t>(EventId::attitude_restarted);
    }
    CHECK(restarted);
}
