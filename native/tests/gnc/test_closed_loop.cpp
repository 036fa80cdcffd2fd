// The flight core flies the small test plant. Limits are the mission's own: below 0.5 deg/s within an orbit,
// below 0.1 deg/s held for a minute within two, pointing within 0.5 deg; all judged on the plant's truth.
#include <doctest/doctest.h>

#include <memory>

#include "test_plant.hpp"

using namespace safehold;
using tests::Loop;

namespace {

constexpr double degree = pi / 180.0;
constexpr double orbit_s = 5740.0;

std::unique_ptr<Loop> in_standby(std::uint64_t seed = 1, double start_angle_rad = 0.0) {
    auto loop =
        std::make_unique<Loop>(Vector{0.2 * degree, -0.3 * degree, 0.25 * degree}, seed, start_angle_rad);
    REQUIRE(loop->until(Mode::standby, 2.0 * orbit_s));
    loop->run(600.0);
    REQUIRE(loop->mode() == Mode::standby);
    return loop;
}

}  // namespace

TEST_CASE("from a tumbling release to steady nadir pointing [L1.1]") {
    auto loop = std::make_unique<Loop>(Vector{3.0 * degree, -2.0 * degree, 4.0 * degree});
    double below_half = -1.0;
    double calm_since = -1.0;
    double calm_at = -1.0;
    int standby_ticks = 0;
    int good_ticks = 0;
    for (int k = 0; k < 120000; ++k) {
        loop->step();
        const double t = 0.1 * k;
        const double rate = loop->rate_deg_s();
        if (below_half < 0.0 && rate < 0.5) {
            below_half = t;
            CHECK(loop->mode() == Mode::detumble);
        }
        if (rate >= 0.1 || loop->actuators.slewing != 0) calm_since = t;
        if (calm_at < 0.0 && t - calm_since >= 60.0) calm_at = t;
        if (loop->mode() == Mode::standby) {
            ++standby_ticks;
            if (loop->pointing_error_deg() < 0.5) ++good_ticks;
        }
    }
    MESSAGE("below 0.5 deg/s at ", below_half, " s; calm for 60 s at ", calm_at, " s");
    CHECK(below_half > 0.0);
    CHECK(below_half < orbit_s);
    CHECK(calm_at > 0.0);
    CHECK(calm_at < 2.0 * orbit_s);
    CHECK(loop->mode() == Mode::standby);
    REQUIRE(standby_ticks > 10000);
    CHECK(good_ticks >= 0.99 * standby_ticks);
    CHECK(loop->nadir_error_deg() < 0.5);
    CHECK(loop->knowledge_error_deg() < 0.02);
    CHECK(loop->seen(EventId::deployment_verified) == 2);
    CHECK(loop->telemetry.deployed == 3);
    // The wheels keep off zero, and what they store is small.
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(std::fabs(loop->plant.wheel_speed(i)) > 40.0);
    CHECK(norm(wheel_momentum_body(loop->state.wheels)) < 0.1);
}

TEST_CASE("the drive keeps the wings on the Sun while the body turns with the Earth [L1.1]") {
    auto loop = in_standby();
    double worst = 0.0;
    for (int k = 0; k < 30000; ++k) {
        loop->step();
        if (loop->actuators.slewing != 0) continue;
        worst = std::fmax(worst, angle_between(loop->plant.array_normal(), loop->plant.sun_body()));
    }
    CHECK(worst < 8.0 * degree);  // the Sun is 3 deg off the orbit's plane
}

TEST_CASE("SAFE finds the Sun and keeps it through eclipse with neither time nor orbit [L3.5]") {
    auto loop = std::make_unique<Loop>(Vector{0.2 * degree, -0.3 * degree, 0.25 * degree}, 3, 2.2);
    loop->plant.faults.clock_offset_ns = -7'000'000'000'000'000;
    loop->plant.faults.gps_off = true;
    loop->plant.faults.tracker_blind = {true, true};
    REQUIRE(loop->until(Mode::safe, 1500.0));
    bool was_dark = false;
    int lit = 0;
    int pointed = 0;
    for (int k = 0; k < 80000; ++k) {
        loop->step();
        CHECK(loop->mode() == Mode::safe);
        if (k < 12000) continue;
        was_dark = was_dark || loop->plant.dark();
        CHECK(loop->rate_deg_s() < 0.6);
        if (loop->plant.dark()) continue;
        ++lit;
        if (loop->sun_error_deg() < 10.0) ++pointed;
    }
    CHECK(was_dark);
    CHECK(pointed >= 0.99 * lit);
    CHECK(loop->state.orbit.known == 0);
}

TEST_CASE("SAFE that begins in the dark holds still until it sees the Sun [L3.5]") {
    auto loop = std::make_unique<Loop>(Vector{0.1 * degree, 0.2 * degree, -0.2 * degree}, 5, 4.2);
    loop->plant.charge = 0.40;  // not enough to leave SAFE
    REQUIRE(loop->plant.dark());
    REQUIRE(loop->until(Mode::safe, 600.0));
    while (loop->plant.dark()) {
        loop->step();
        if (loop->state.modes.in_mode_s > 60.0) CHECK(loop->rate_deg_s() < 0.05);
    }
    loop->run(600.0);
    CHECK(loop->sun_error_deg() < 5.0);
}

TEST_CASE("a wheel seizes in STANDBY and three carry on [L1.3]") {
    for (std::size_t wheel = 0; wheel < 4; ++wheel) {
        CAPTURE(wheel);
        auto loop = in_standby();
        loop->plant.faults.wheel_seized[wheel] = true;
        loop->run(5.0);
        CHECK(loop->seen(EventId::wheel_excluded) == 1);
        CHECK(loop->telemetry.wheel_health == (15U & ~(1U << wheel)));
        loop->run(115.0);
        for (int k = 0; k < 6000; ++k) {
            loop->step();
            REQUIRE(loop->pointing_error_deg() < 0.5);
        }
        CHECK(loop->mode() == Mode::standby);
    }
}

TEST_CASE("a wheel that turns again is tried and used again; one that does not stays out") {
    auto loop = in_standby();
    loop->plant.faults.wheel_seized[2] = true;
    loop->run(2000.0);
    CHECK(loop->telemetry.wheel_health == 0b1011);
    CHECK(loop->pointing_error_deg() < 0.5);
    loop->plant.faults.wheel_seized[2] = false;
    loop->run(1000.0);
    CHECK(loop->telemetry.wheel_health == 0b1111);
    CHECK(loop->seen(EventId::wheel_readmitted) == 1);
    CHECK(loop->pointing_error_deg() < 0.5);
}

TEST_CASE("two wheels are not enough for STANDBY [L3.7]") {
    auto loop = in_standby();
    loop->plant.faults.wheel_seized = {true, false, true, false};
    CHECK(loop->until(Mode::safe, 60.0));
    CHECK(loop->state.modes.safe_reason == static_cast<std::uint32_t>(ModeReason::wheels_lost));
}

TEST_CASE("a gyro that drifts or repeats itself is voted out, and comes back when it is well [L1.3]") {
    auto loop = in_standby();
    loop->plant.faults.gyro_bias_rad_s[1] = 0.5 * degree;
    loop->plant.faults.gyro_stuck[3] = true;
    for (int k = 0; k < 3000; ++k) {
        loop->step();
        REQUIRE(loop->pointing_error_deg() < 0.5);
    }
    CHECK(loop->telemetry.gyro_health == 0b0101);
    CHECK(loop->seen(EventId::gyro_excluded) == 2);
    loop->plant.faults = {};
    loop->run(120.0);
    CHECK(loop->telemetry.gyro_health == 0b1111);
    CHECK(loop->mode() == Mode::standby);
}

TEST_CASE("a bias too small for the vote is found by its mean [L1.3]") {
    auto loop = in_standby();
    loop->plant.faults.gyro_bias_rad_s[0] = 0.03 * degree;
    for (int k = 0; k < 3000; ++k) {
        loop->step();
        REQUIRE(loop->pointing_error_deg() < 0.5);
        if (k > 1200) REQUIRE(loop->knowledge_error_deg() < 0.02);
    }
    CHECK(loop->telemetry.gyro_health == 0b1110);
    CHECK(loop->seen(EventId::attitude_restarted) == 0);
}

TEST_CASE("with no gyro left the trackers give the rate and STANDBY goes on [L1.3]") {
    auto loop = in_standby();
    loop->plant.faults.gyro_stuck = {true, true, true, true};
    loop->run(60.0);
    for (int k = 0; k < 12000; ++k) {
        loop->step();
        REQUIRE(loop->mode() == Mode::standby);
        REQUIRE(loop->pointing_error_deg() < 0.5);
    }
    CHECK(loop->seen(EventId::rate_from_trackers) == 1);
    CHECK(loop->telemetry.gyro_health == 0);
    loop->plant.faults.gyro_stuck = {};
    loop->run(120.0);
    CHECK(loop->telemetry.gyro_health == 15);
    CHECK(loop->pointing_error_deg() < 0.1);
}

TEST_CASE("without trackers over an eclipse attitude stays known within a degree, and says so [L1.3]") {
    auto loop = in_standby();
    loop->plant.faults.tracker_blind = {true, true};
    double worst = 0.0;
    int within = 0;
    constexpr int ticks = 24000;
    for (int k = 0; k < ticks; ++k) {
        loop->step();
        const double error = loop->knowledge_error_deg();
        worst = std::fmax(worst, error);
        const double sigma = attitude_sigma_rad(loop->state.attitude, loop->parameters) / degree;
        if (error < 3.0 * 1.7320508 * sigma) ++within;
    }
    CHECK(worst < 1.0);
    CHECK(within > 0.99 * ticks);
    CHECK(loop->mode() == Mode::standby);
    CHECK(loop->seen(EventId::attitude_coarse) >= 1);
    loop->plant.faults.tracker_blind = {false, false};
    loop->run(30.0);
    CHECK(loop->knowledge_error_deg() < 0.02);
}

TEST_CASE("with no tracker from the start Sun and field give the attitude") {
    auto loop = std::make_unique<Loop>(Vector{0.2 * degree, -0.3 * degree, 0.25 * degree}, 4, 5.5);
    loop->plant.faults.tracker_blind = {true, true};
    REQUIRE(loop->until(Mode::standby, 3.0 * orbit_s));
    CHECK(loop->state.attitude.source == 2);
    loop->run(1200.0);
    CHECK(loop->knowledge_error_deg() < 1.5);
    CHECK(loop->nadir_error_deg() < 2.0);
}

TEST_CASE("a clock that jumps is not followed") {
    auto loop = in_standby();
    loop->plant.faults.clock_offset_ns = 3'600'000'000'000;
    for (int k = 0; k < 3000; ++k) {
        loop->step();
        REQUIRE(loop->pointing_error_deg() < 0.5);
    }
    CHECK(loop->seen(EventId::clock_rejected) == 1);
    CHECK(loop->nadir_error_deg() < 0.5);
    CHECK(std::llabs(loop->state.clock.time_ns - loop->plant.time_ns()) < 300'000'000);
    loop->plant.faults.clock_offset_ns = 0;
    loop->run(20.0);
    CHECK(loop->seen(EventId::clock_accepted) == 1);
}

TEST_CASE("without fixes the orbit is propagated and pointing holds [L1.3]") {
    auto loop = in_standby();
    loop->plant.faults.gps_off = true;
    loop->run(3600.0);
    const OrbitEstimate orbit = orbit_at(loop->state.orbit, loop->parameters, loop->state.clock.time_ns);
    CHECK(orbit.valid);
    // Both have J2; what the last fixes left, 0.3 m and 5 mm/s, grows to some 100 m in an hour. The pole is
    // 0.15 deg apart.
    CHECK(norm(orbit.position_gcrf_m - loop->plant.position()) < 1000.0);
    CHECK(loop->pointing_error_deg() < 0.5);
    CHECK(loop->seen(EventId::orbit_blind) == 1);
}

TEST_CASE("a lost array drive makes SAFE point the wings where they are [L1.3]") {
    auto loop = in_standby();
    // Wait until the wings are far from their parking place.
    while (std::fabs(wrap_angle(loop->state.array_drive.angle_rad)) < 1.0)
        loop->step();
    loop->plant.faults.drive_stuck = true;
    loop->run(200.0);
    CHECK(loop->seen(EventId::array_drive_lost) == 1);
    ModeRequest request{};
    request.valid = 1;
    request.mode = static_cast<std::uint8_t>(Mode::safe);
    loop->step(request);
    REQUIRE(loop->mode() == Mode::safe);
    loop->run(900.0);
    REQUIRE(loop->mode() == Mode::safe);  // commanded, so it stays
    CHECK(angle_between(loop->plant.array_normal(), loop->plant.sun_body()) < 10.0 * degree);
}

TEST_CASE("a locked receiver makes STANDBY a DOWNLINK that radiates, within its time-out") {
    auto loop = in_standby();
    CHECK(loop->actuators.transmitter_on == 0);
    loop->plant.receiver_lock = true;
    loop->run(5.0);
    CHECK(loop->mode() == Mode::downlink);
    CHECK(loop->actuators.transmitter_on == 1);
    CHECK(loop->pointing_error_deg() < 0.5);
    loop->run(1300.0);
    CHECK(loop->actuators.transmitter_on == 0);
    CHECK(loop->mode() == Mode::standby);
    loop->plant.receiver_lock = false;
    loop->run(30.0);
    loop->plant.receiver_lock = true;
    loop->run(5.0);
    CHECK(loop->actuators.transmitter_on == 1);
    loop->plant.receiver_lock = false;
    loop->run(10.0);
    CHECK(loop->mode() == Mode::standby);
    CHECK(loop->actuators.transmitter_on == 0);
}

TEST_CASE("MISSION points at a place on the ground while it passes [L1.1]") {
    auto loop = in_standby();
    ModeRequest request{};
    request.valid = 1;
    request.mode = static_cast<std::uint8_t>(Mode::mission);
    request.submode = static_cast<std::uint8_t>(Submode::target);
    // A place some 1,700 km ahead on the ground track: 61 deg off nadir, overhead in under four minutes.
    const Vector ahead = unit(unit(loop->plant.position()) + 0.25 * unit(loop->plant.velocity()));
    const Matrix to_itrs = itrs_from_gcrf(loop->state.almanac, loop->parameters, loop->state.clock.time_ns);
    const Vector place = to_itrs * (6.378e6 * ahead);
    request.target_itrs_m = {place.x, place.y, place.z};
    loop->step(request);
    REQUIRE(loop->mode() == Mode::mission);
    loop->run(160.0);
    double worst = 0.0;
    for (int k = 0; k < 1200; ++k) {
        loop->step();
        const Matrix now = itrs_from_gcrf(loop->state.almanac, loop->parameters, loop->plant.time_ns());
        const Vector line = transposed_times(now, place) - loop->plant.position();
        worst = std::fmax(worst, angle_between(rotate(loop->plant.attitude(), line), {0, 0, 1}));
    }
    CHECK(worst < 1.0 * degree);
    loop->run(loop->parameters.mission_timeout_s);
    CHECK(loop->mode() == Mode::standby);
}

TEST_CASE("an empty battery leads to SURVIVAL and back [L1.3]") {
    auto loop = in_standby();
    loop->plant.charge = 0.25;
    loop->run(40.0);
    CHECK(loop->mode() == Mode::safe);
    loop->plant.charge = 0.12;
    loop->run(40.0);
    CHECK(loop->mode() == Mode::survival);
    CHECK(loop->actuators.switch_command == power_switch::sensors);
    for (const float torque : loop->actuators.wheel_torque_n_m)
        CHECK(torque == 0.0F);
    loop->run(700.0);
    CHECK(loop->rate_deg_s() < 1.0);
    loop->plant.charge = 0.6;
    loop->run(40.0);
    CHECK(loop->mode() == Mode::safe);
    // After a low charge more is asked for than otherwise.
    CHECK_FALSE(loop->until(Mode::standby, 1000.0));
    loop->plant.charge = 0.95;
    CHECK(loop->until(Mode::standby, orbit_s));
}

TEST_CASE("wings are released when separation is never seen, once its time-out is over [L3.7]") {
    auto loop = std::make_unique<Loop>(Vector{0.01, 0.0, 0.0});
    loop->plant.faults.separation_switches = 1;
    loop->parameters.separation_timeout_s = 60.0;
    loop->run(60.0);
    CHECK(loop->mode() == Mode::separation);
    CHECK(loop->telemetry.deployed == 0);
    loop->run(60.0);
    CHECK(loop->mode() == Mode::detumble);
    CHECK(loop->telemetry.deployed == 3);
}

TEST_CASE("a reset in flight releases nothing twice") {
    auto loop = in_standby();
    autonomy_init(loop->state, loop->parameters);
    bool fired = false;
    for (int k = 0; k < 20000; ++k) {
        loop->step();
        fired = fired || loop->actuators.deployment_fire != 0;
    }
    CHECK_FALSE(fired);
    CHECK(loop->mode() == Mode::standby);
}
