// Hostile sensors: every sample is checked before use, units are voted, and nothing that is not a number gets
// into the state.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "test_plant.hpp"

using namespace safehold;
using tests::Loop;

namespace {

constexpr float nan_f = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity_f = std::numeric_limits<float>::infinity();

SensorFrame quiet_frame(std::uint32_t sequence) {
    SensorFrame f{};
    f.sequence = sequence;
    f.clock_ns = std::int64_t{sequence} * 100'000'000;
    f.valid = 0xFFFF;
    // Low bits that change keep the samples from counting as stuck.
    const float wiggle = 1e-6F * static_cast<float>(sequence % 7);
    for (auto& unit : f.gyro_rate_body_rad_s)
        unit = {0.001F + wiggle, -0.002F, 0.003F};
    for (auto& unit : f.magnetometer_body_t)
        unit = {2e-5F + 1e-3F * wiggle, 1e-5F, -3e-5F};
    for (auto& unit : f.tracker_quaternion_tracker_from_gcrf)
        unit = {1.0F, 0.0F, 0.0F, 0.0F};
    return f;
}

Measurements step(SensorVoting& state, const SensorFrame& frame, EventList& events) {
    Measurements m{};
    sensors_step(state, parameters_default, frame, {}, m, events);
    return m;
}

bool frame_is_sound(const ActuatorFrame& a) {
    bool sound = true;
    for (const float t : a.wheel_torque_n_m)
        sound = sound && std::fabs(t) <= 0.0201F;
    for (const float d : a.torquer_dipole_body_a_m2)
        sound = sound && std::fabs(d) <= 10.01F;
    for (const float t : a.thruster_on_s)
        sound = sound && t == 0.0F;
    for (const float q : a.attitude_command_body_from_gcrf)
        sound = sound && std::fabs(q) <= 1.001F;
    return sound && std::fabs(a.array_rate_rad_s) <= 0.0175F && a.mode < mode_count;
}

// Every double of the state but those of pure bit fields: a NaN anywhere would sooner or later come out.
bool state_is_finite(const AutonomyState& s) {
    const Belief belief = autonomy_belief(s, parameters_default);
    bool sound = true;
    for (const double b : belief)
        sound = sound && is_finite(b);
    for (const double c : s.orbit.covariance)
        sound = sound && is_finite(c);
    for (const double v : s.wheels.expected_rad_s)
        sound = sound && is_finite(v);
    for (const double v : s.wheels.speed_rad_s)
        sound = sound && is_finite(v);
    for (const double v : s.attitude.cross_covariance.m)
        sound = sound && is_finite(v);
    for (const double v : s.attitude.bias_covariance.m)
        sound = sound && is_finite(v);
    return sound && is_finite(s.sensors.rate_body_rad_s) && is_finite(s.sensors.field_body_t) &&
           is_finite(s.sun.direction_body) && is_finite(s.orbit.position_gcrf_m) &&
           is_finite(s.orbit.velocity_gcrf_m_s) && is_finite(s.guidance.reference_body_from_gcrf) &&
           is_finite(s.guidance.rate_body_rad_s) && is_finite(s.magnetics.field_rate_t_s) &&
           is_finite(s.magnetics.dipole_a_m2) && is_finite(s.array_drive.angle_rad) &&
           is_finite(s.power.charge);
}

}  // namespace

TEST_CASE("the vote takes the middle and names the unit that lies [L1.3]") {
    SensorVoting state{};
    sensors_init(state);
    EventList events{};
    for (std::uint32_t k = 0; k < 30; ++k) {
        SensorFrame f = quiet_frame(k);
        f.gyro_rate_body_rad_s[2][1] = 0.3F;
        const Measurements m = step(state, f, events);
        CHECK(m.rate_valid);
        CHECK(std::fabs(m.rate_body_rad_s.y + 0.002) < 1e-6);
        CHECK(m.gyros_used == 3);
    }
    CHECK(state.gyro[2].excluded == 1);
    int told = 0;
    for (std::uint32_t i = 0; i < events.count; ++i) {
        if (events.items[i].id != static_cast<std::uint16_t>(EventId::gyro_excluded)) continue;
        ++told;
        CHECK(events.items[i].arguments[0] == 2.0);
        CHECK(events.items[i].arguments[1] == static_cast<double>(Exclusion::disagrees));
    }
    CHECK(told == 1);
}

TEST_CASE("a sample that is not a number, out of range, stale or not claimed is not used") {
    const auto spoil = [](SensorFrame& f, int how) {
        switch (how) {
            case 0:
                f.gyro_rate_body_rad_s[0][0] = nan_f;
                break;
            case 1:
                f.gyro_rate_body_rad_s[0][0] = -infinity_f;
                break;
            case 2:
                f.gyro_rate_body_rad_s[0][0] = 0.5F;
                break;
            case 3:
                f.sample_age_ms[0] = 1500;
                break;
            default:
                f.valid = static_cast<std::uint16_t>(f.valid & ~1U);
                break;
        }
    };
    for (int how = 0; how < 5; ++how) {
        CAPTURE(how);
        SensorVoting state{};
        sensors_init(state);
        EventList events{};
        for (std::uint32_t k = 0; k < 12; ++k) {
            SensorFrame f = quiet_frame(k);
            spoil(f, how);
            const Measurements m = step(state, f, events);
            CHECK(m.gyros_used == 3);
            CHECK(m.rejected >= 1);
            CHECK(std::fabs(m.rate_body_rad_s.x - 0.001) < 1e-5);
        }
        CHECK(state.gyro[0].excluded == 1);
    }
}

TEST_CASE("with all gyros gone the rate is bridged for a second and then not claimed") {
    SensorVoting state{};
    sensors_init(state);
    EventList events{};
    step(state, quiet_frame(0), events);
    for (std::uint32_t k = 1; k < 30; ++k) {
        SensorFrame f = quiet_frame(k);
        f.valid = 0;
        const Measurements m = step(state, f, events);
        CHECK(m.rate_valid == (k <= 10));
        CHECK(std::fabs(m.rate_body_rad_s.z - 0.003) < 1e-6);
    }
}

TEST_CASE("magnetometers are believed only after the torquers have been quiet") {
    SensorVoting state{};
    sensors_init(state);
    EventList events{};
    for (std::uint32_t k = 0; k < 10; ++k) {
        state.quiet_ticks = k < 5 ? 1 : 2;
        const Measurements m = step(state, quiet_frame(k), events);
        CHECK(m.field_new == (k == 5));
    }
}

TEST_CASE("of two Sun sensors on a face the darker is believed when they differ") {
    SensorVoting state{};
    sensors_init(state);
    EventList events{};
    SensorFrame f = quiet_frame(1);
    f.sun_sensor = {};
    f.sun_sensor[0] = 0.70F;
    f.sun_sensor[6] = 0.72F;
    f.sun_sensor[2] = 1.9F;  // stuck high
    f.sun_sensor[8] = 0.1F;
    f.sun_sensor[5] = nan_f;
    f.sun_sensor[11] = 0.6F;
    const Measurements m = step(state, f, events);
    CHECK(m.sun_body.x == doctest::Approx(0.71));
    CHECK(m.sun_body.y == doctest::Approx(0.1));
    CHECK(m.sun_body.z == doctest::Approx(-0.6));
}

// The whole core is fed bit patterns drawn at random, whole frames and single fields, then flies on with
// sound sensors.
TEST_CASE("random bits in sensor frames never leave the actuators' limits nor stay in the state") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        auto loop = std::make_unique<Loop>(Vector{0.003, -0.002, 0.001}, seed);
        REQUIRE(loop->until(Mode::standby, 11000.0));
        tests::Noise noise(seed + 100);
        const std::size_t octets = sizeof(SensorFrame);
        for (int k = 0; k < 4000; ++k) {
            SensorFrame frame = loop->plant.sense();
            std::array<unsigned char, sizeof(SensorFrame)> bits{};
            std::memcpy(bits.data(), &frame, octets);
            const bool whole = seed % 2 == 0;
            for (std::size_t i = 0; i < octets; ++i) {
                if (whole || noise.uniform() < 0.05)
                    bits[i] = static_cast<unsigned char>(256.0 * noise.uniform());
            }
            std::memcpy(&frame, bits.data(), octets);
            loop->events = {};
            autonomy_step(loop->state, loop->parameters, frame, {}, true, loop->actuators, loop->telemetry,
                          loop->events);
            REQUIRE(frame_is_sound(loop->actuators));
            REQUIRE(state_is_finite(loop->state));
            loop->plant.advance(loop->actuators);
        }
        // With sound sensors everything that was excluded comes back, and the satellite with it. Random gauge
        // readings look like an empty battery, after which more charge is asked for.
        loop->plant.charge = 0.95;
        REQUIRE(loop->until(Mode::standby, 12000.0));
        loop->run(2000.0);
        CHECK(loop->telemetry.gyro_health == 15);
        CHECK(loop->telemetry.wheel_health == 15);
        CHECK(loop->telemetry.magnetometer_health == 7);
        CHECK(loop->telemetry.tracker_health == 3);
        CHECK(loop->mode() == Mode::standby);
        CHECK(loop->pointing_error_deg() < 0.5);
        CHECK(loop->nadir_error_deg() < 0.5);
    }
}

TEST_CASE("no bit of the state can make a step undefined [L3.1]") {
    auto base = std::make_unique<Loop>(Vector{0.003, -0.002, 0.001}, 2);
    REQUIRE(base->until(Mode::standby, 11000.0));
    base->run(30.0);
    const SensorFrame frame = base->plant.sense();
    constexpr std::size_t bits = sizeof(AutonomyState) * 8;
    for (std::size_t bit = 0; bit < bits; bit += 3) {
        AutonomyState state = base->state;
        std::array<unsigned char, sizeof(AutonomyState)> raw{};
        std::memcpy(raw.data(), &state, sizeof state);
        raw[bit / 8] = static_cast<unsigned char>(raw[bit / 8] ^ (1U << (bit % 8)));
        std::memcpy(&state, raw.data(), sizeof state);
        Telemetry telemetry{};
        ActuatorFrame actuators{};
        for (std::uint32_t k = 0; k < 6; ++k) {
            SensorFrame later = frame;
            later.sequence += k;
            later.clock_ns += 100'000'000LL * k;
            EventList events{};
            autonomy_step(state, base->parameters, later, {}, true, actuators, telemetry, events);
        }
        // The gate of the computer bounds what leaves it; here it is enough that the mode is one and torques
        // have limits.
        CHECK(actuators.mode < mode_count);
        for (const float torque : actuators.wheel_torque_n_m)
            CHECK(std::fabs(torque) <= 0.0201F);
    }
}

TEST_CASE("no bit of the settings can make a step undefined [L3.1]") {
    auto base = std::make_unique<Loop>(Vector{0.003, -0.002, 0.001}, 2);
    REQUIRE(base->until(Mode::standby, 11000.0));
    base->run(30.0);
    const SensorFrame frame = base->plant.sense();
    for (std::size_t bit = 0; bit < sizeof(Parameters) * 8; bit += 5) {
        AutonomyState state = base->state;
        std::array<unsigned char, sizeof(Parameters)> raw{};
        std::memcpy(raw.data(), &base->parameters, sizeof(Parameters));
        raw[bit / 8] = static_cast<unsigned char>(raw[bit / 8] ^ (1U << (bit % 8)));
        Parameters flipped{};
        std::memcpy(static_cast<void*>(&flipped), raw.data(), sizeof(Parameters));
        Telemetry telemetry{};
        ActuatorFrame actuators{};
        for (std::uint32_t k = 0; k < 6; ++k) {
            SensorFrame later = frame;
            later.sequence += k;
            later.clock_ns += 100'000'000LL * k;
            EventList events{};
            autonomy_step(state, flipped, later, {}, true, actuators, telemetry, events);
        }
        CHECK(actuators.mode < mode_count);
        for (const float torque : actuators.wheel_torque_n_m)
            CHECK(std::fabs(torque) <= 0.0201F);
    }
}

TEST_CASE("the same inputs give the same bytes, whatever the memory held before") {
    const auto fly = [](int fill, AutonomyState& state) {
        std::memset(static_cast<void*>(&state), fill, sizeof state);
        tests::TestPlant plant(parameters_default, {0.003, -0.002, 0.001}, 9);
        autonomy_init(state, parameters_default);
        Telemetry telemetry{};
        ActuatorFrame actuators{};
        for (int k = 0; k < 20000; ++k) {
            const SensorFrame frame = plant.sense();
            EventList events{};
            autonomy_step(state, parameters_default, frame, {}, true, actuators, telemetry, events);
            plant.advance(actuators);
        }
    };
    auto first = std::make_unique<AutonomyState>();
    auto second = std::make_unique<AutonomyState>();
    fly(0x00, *first);
    fly(0xFF, *second);
    CHECK(std::memcmp(first.get(), second.get(), sizeof(AutonomyState)) == 0);
    CHECK(first->modes.mode == static_cast<std::uint32_t>(Mode::standby));
}
