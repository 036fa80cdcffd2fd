// A small satellite for closed-loop tests in C++: enough physics that a wrong sign tumbles it, no more.
//
// Orbit with J2, rigid body with four wheels, torquers that blind the magnetometers, a cylinder shadow,
// sensors with noise and bias, switches, wings and drive. The field and the Earth's turn are the flight
// core's own models: what is under test here is the loop, not them (they have their own tests, and the whole
// is flown against sim/).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "safehold/gnc/almanac.hpp"
#include "safehold/gnc/autonomy.hpp"
#include "safehold/gnc/magnetic_model.hpp"
#include "safehold/gnc/spacecraft.hpp"

namespace safehold::tests {

class Noise {
  public:
    explicit Noise(std::uint64_t seed) : state_(seed * 2 + 1) {}
    double uniform() {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<double>(state_ >> 11U) * 0x1.0p-53;
    }
    double normal() {
        double sum = -6.0;
        for (int i = 0; i < 12; ++i)
            sum += uniform();
        return sum;
    }
    Vector vector(double sigma) { return {sigma * normal(), sigma * normal(), sigma * normal()}; }

  private:
    std::uint64_t state_;
};

struct TestFaults {
    std::array<bool, 4> wheel_seized{};
    std::array<bool, 2> tracker_blind{};
    std::array<double, 4> gyro_bias_rad_s{};
    std::array<bool, 4> gyro_stuck{};
    bool gps_off = false;
    bool drive_stuck = false;
    std::int64_t clock_offset_ns = 0;
    std::uint8_t separation_switches = 7;
};

class TestPlant {
  public:
    TestFaults faults;
    double charge = 0.8;
    bool receiver_lock = false;

    TestPlant(const Parameters& parameters, Vector rate_body_rad_s, std::uint64_t seed,
              double start_angle_rad = 0.0)
        : parameters_(parameters), rate_(rate_body_rad_s), noise_(seed) {
        almanac_init(almanac_);
        almanac_step(almanac_, parameters_, 0);
        almanac_step(almanac_, parameters_, 0);
        const double radius = 6.928e6;
        const double speed = std::sqrt(3.986004418e14 / radius);
        // 97.6 degrees of inclination, node towards the Sun of the default epoch: noon and midnight on each
        // orbit.
        const double inclination = 97.6 * pi / 180.0;
        const Vector node = {0.0, 1.0, 0.0};
        const Vector up = {-std::cos(inclination), 0.0, std::sin(inclination)};
        const double c = std::cos(start_angle_rad);
        const double s = std::sin(start_angle_rad);
        position_ = radius * (c * node + s * up);
        velocity_ = speed * (c * up - s * node);
        attitude_ = normalised({noise_.normal(), noise_.normal(), noise_.normal(), noise_.normal()});
        for (Vector& bias : gyro_bias_)
            bias = noise_.vector(1.45e-5);
    }

    [[nodiscard]] Quaternion attitude() const { return attitude_; }
    [[nodiscard]] Vector rate() const { return rate_; }
    [[nodiscard]] double wheel_speed(std::size_t i) const { return wheel_speed_[i]; }
    [[nodiscard]] Vector position() const { return position_; }
    [[nodiscard]] Vector velocity() const { return velocity_; }
    [[nodiscard]] Vector sun_gcrf() const { return almanac_.sun_direction_gcrf; }
    [[nodiscard]] Vector sun_body() const { return rotate(attitude_, sun_gcrf()); }
    [[nodiscard]] bool dark() const { return in_shadow(position_, sun_gcrf()); }
    [[nodiscard]] Vector array_normal() const { return array_normal_body(array_angle_); }
    [[nodiscard]] std::uint64_t tick() const { return tick_; }
    [[nodiscard]] std::int64_t time_ns() const { return static_cast<std::int64_t>(tick_) * 100'000'000; }
    // Magnitude of the reading that a torquer in action adds to a magnetometer.
    static constexpr double blinding_t_per_a_m2 = 3.0e-6;

    [[nodiscard]] SensorFrame sense() {
        SensorFrame f{};
        f.sequence = static_cast<std::uint32_t>(tick_);
        f.clock_ns = time_ns() + faults.clock_offset_ns;
        f.switch_status = switches_;
        f.separation_switches = faults.separation_switches;
        f.deployment_switches = deployed_;
        f.receiver_lock = receiver_lock ? 1 : 0;
        f.battery_charge_fraction = static_cast<float>(charge);
        f.bus_voltage_v = 27.5F;
        for (float& t : f.temperature_k)
            t = 290.0F;
        f.array_angle_rad = static_cast<float>(array_angle_);
        sense_rates(f);
        sense_field(f);
        sense_attitude(f);
        sense_orbit(f);
        sense_sun(f);
        for (std::size_t i = 0; i < 4; ++i) {
            f.wheel_speed_rad_s[i] = static_cast<float>(wheel_speed_[i] + 0.05 * noise_.normal());
        }
        return f;
    }

    void advance(const ActuatorFrame& a) {
        constexpr int substeps = 4;
        const double dt = 0.1 / substeps;
        for (int k = 0; k < substeps; ++k)
            turn(a, dt);
        fly(0.1);
        torquing_ = a.torquer_dipole_body_a_m2[0] != 0 || a.torquer_dipole_body_a_m2[1] != 0 ||
                    a.torquer_dipole_body_a_m2[2] != 0;
        if (!faults.drive_stuck && (switches_ & power_switch::array_drive) != 0) {
            array_angle_ += 0.1 * static_cast<double>(a.array_rate_rad_s);
        }
        switches_ = a.switch_command;
        release(a.deployment_fire);
        ++tick_;
        if (tick_ % 100 == 0) almanac_step(almanac_, parameters_, time_ns());
    }

  private:
    void sense_rates(SensorFrame& f) {
        for (std::size_t i = 0; i < 4; ++i) {
            if (!faults.gyro_stuck[i] || tick_ == 0) {
                const double b = faults.gyro_bias_rad_s[i];
                const Vector w = rate_ + gyro_bias_[i] + noise_.vector(1.38e-4) + Vector{b, b, b};
                gyro_[i] = {static_cast<float>(w.x), static_cast<float>(w.y), static_cast<float>(w.z)};
            }
            f.gyro_rate_body_rad_s[i] = gyro_[i];
            f.valid = static_cast<std::uint16_t>(f.valid | 1U << i);
        }
    }
    void sense_field(SensorFrame& f) {
        const Vector field = rotate(attitude_, field_gcrf());
        for (std::size_t i = 0; i < 3; ++i) {
            Vector b = field + noise_.vector(5e-8);
            if (torquing_) b = b + blinding_t_per_a_m2 * Vector{10.0, -5.0, 8.0};
            f.magnetometer_body_t[i] = {static_cast<float>(b.x), static_cast<float>(b.y),
                                        static_cast<float>(b.z)};
            f.valid = static_cast<std::uint16_t>(f.valid | 1U << (6 + i));
        }
    }
    void sense_attitude(SensorFrame& f) {
        const Quaternion delayed = previous_attitude_;
        for (std::size_t i = 0; i < 2; ++i) {
            const Vector z = spacecraft::tracker_boresights[i];
            const Vector boresight = rotate(conjugate(attitude_), z);
            const bool earth = angle_between(boresight, -unit(position_)) < (67.0 + 25.0) * pi / 180.0;
            const bool sun = angle_between(boresight, sun_gcrf()) < 35.0 * pi / 180.0;
            const bool powered = (switches_ & power_switch::trackers) != 0;
            if (tick_ % 5 != 1 || !powered || earth || sun || faults.tracker_blind[i] || norm(rate_) > 0.026)
                continue;
            const Matrix tracker_from_body = rows({1.0, 0.0, 0.0}, cross(z, {1.0, 0.0, 0.0}), z);
            const Vector error = {2.4e-5 * noise_.normal(), 2.4e-5 * noise_.normal(),
                                  1.45e-4 * noise_.normal()};
            const Quaternion q = quaternion_from_rotation_vector(error) *
                                 (quaternion_from_matrix(tracker_from_body) * delayed);
            f.tracker_quaternion_tracker_from_gcrf[i] = {static_cast<float>(q.w), static_cast<float>(q.x),
                                                         static_cast<float>(q.y), static_cast<float>(q.z)};
            f.valid = static_cast<std::uint16_t>(f.valid | 1U << (4 + i));
            f.sample_age_ms[4 + i] = 100;
        }
    }
    void sense_orbit(SensorFrame& f) {
        if (tick_ % 10 != 2 || faults.gps_off || (switches_ & power_switch::gps) == 0) return;
        const Matrix to_itrs = itrs_from_gcrf(almanac_, parameters_, time_ns());
        const Vector r = to_itrs * position_;
        const Vector v = to_itrs * velocity_ - cross({0.0, 0.0, earth_rate_rad_s}, r);
        for (std::size_t i = 0; i < 2; ++i) {
            const Vector rn = r + noise_.vector(3.0);
            const Vector vn = v + noise_.vector(0.03);
            f.gps_position_itrs_m[i] = {rn.x, rn.y, rn.z};
            f.gps_velocity_itrs_m_s[i] = {static_cast<float>(vn.x), static_cast<float>(vn.y),
                                          static_cast<float>(vn.z)};
            f.gps_time_ns[i] = time_ns();
            f.valid = static_cast<std::uint16_t>(f.valid | 1U << (9 + i));
        }
    }
    void sense_sun(SensorFrame& f) {
        const Vector s = dark() ? Vector{0.0, 0.0, 0.0} : sun_body();
        const std::array<double, 6> faces = {s.x, -s.x, s.y, -s.y, s.z, -s.z};
        for (std::size_t i = 0; i < 12; ++i) {
            f.sun_sensor[i] = static_cast<float>(std::fmax(faces[i % 6], 0.0) + 0.01 * noise_.normal());
        }
        f.valid = static_cast<std::uint16_t>(f.valid | 1U << 12U);
    }
    [[nodiscard]] Vector field_gcrf() const {
        const Matrix to_itrs = itrs_from_gcrf(almanac_, parameters_, time_ns());
        return transposed_times(to_itrs, magnetic_field_itrs_t(to_itrs * position_, 1.5));
    }
    void turn(const ActuatorFrame& a, double dt) {
        Vector on_body = {1e-5, -2e-5, 5e-6};  // a steady disturbance
        const auto& m = a.torquer_dipole_body_a_m2;
        const Vector dipole = {static_cast<double>(m[0]), static_cast<double>(m[1]),
                               static_cast<double>(m[2])};
        on_body = on_body + cross(dipole, rotate(attitude_, field_gcrf()));
        Vector stored = {0.0, 0.0, 0.0};
        for (std::size_t i = 0; i < 4; ++i) {
            double torque =
                (switches_ & power_switch::wheels) != 0 ? static_cast<double>(a.wheel_torque_n_m[i]) : 0.0;
            if (faults.wheel_seized[i]) {
                // The bearing grips: within half a second the wheel's momentum is the body's.
                torque = -spacecraft::wheel_inertia_kg_m2 * wheel_speed_[i] / 0.2;
            }
            wheel_speed_[i] += dt * torque / spacecraft::wheel_inertia_kg_m2;
            on_body = on_body - torque * spacecraft::wheel_axes[i];
            stored = stored + (spacecraft::wheel_inertia_kg_m2 * wheel_speed_[i]) * spacecraft::wheel_axes[i];
        }
        const Matrix inverse_inertia = diagonal(1.0 / 8.0, 1.0 / 7.0, 1.0 / 5.0);
        const auto acceleration = [&](Vector w) {
            return inverse_inertia * (on_body - cross(w, spacecraft::inertia_kg_m2 * w + stored));
        };
        const Vector middle = rate_ + (0.5 * dt) * acceleration(rate_);
        previous_attitude_ = substep_ % 4 == 0 ? attitude_ : previous_attitude_;
        ++substep_;
        attitude_ = normalised(frame_turn(middle, dt) * attitude_);
        rate_ = rate_ + dt * acceleration(middle);
    }
    void fly(double dt) {
        const auto gravity = [](Vector r) {
            const double square = dot(r, r);
            const double k = 1.5 * 1.0826267e-3 * 6378137.0 * 6378137.0 / square;
            const double z = 5.0 * r.z * r.z / square;
            const Vector flattened = {r.x * (1.0 + k * (1.0 - z)), r.y * (1.0 + k * (1.0 - z)),
                                      r.z * (1.0 + k * (3.0 - z))};
            return (-3.986004418e14 / std::pow(square, 1.5)) * flattened;
        };
        const Vector middle = position_ + (0.5 * dt) * velocity_;
        const Vector v = velocity_ + dt * gravity(middle);
        position_ = position_ + (0.5 * dt) * (velocity_ + v);
        velocity_ = v;
    }
    void release(std::uint8_t fire) {
        for (std::size_t i = 0; i < 2; ++i) {
            const bool armed = (fire & 0x80U) != 0 && (fire >> i & 1U) != 0;
            fired_[i] = armed ? fired_[i] + 1 : 0;
            if (fired_[i] >= 10) deployed_ = static_cast<std::uint8_t>(deployed_ | 1U << i);
        }
    }

    Parameters parameters_;
    Almanac almanac_{};
    Vector position_{};
    Vector velocity_{};
    Quaternion attitude_{};
    Quaternion previous_attitude_ = no_rotation;
    Vector rate_;
    std::array<double, 4> wheel_speed_{};
    std::array<Vector, 4> gyro_bias_{};
    std::array<std::array<float, 3>, 4> gyro_{};
    double array_angle_ = 0.0;
    std::array<int, 2> fired_{};
    std::uint64_t tick_ = 0;
    std::uint64_t substep_ = 0;
    std::uint16_t switches_ = 3;
    std::uint8_t deployed_ = 0;
    bool torquing_ = false;
    Noise noise_;
};

// The flight core on the test plant.
class Loop {
  public:
    Parameters parameters = parameters_default;
    TestPlant plant;
    AutonomyState state{};
    Telemetry telemetry{};
    ActuatorFrame actuators{};
    EventList events{};
    bool autonomous = true;

    explicit Loop(Vector rate_body_rad_s, std::uint64_t seed = 1, double start_angle_rad = 0.0)
        : plant(parameters_default, rate_body_rad_s, seed, start_angle_rad) {
        autonomy_init(state, parameters);
    }
    void step(const ModeRequest& request = {}) {
        const SensorFrame frame = plant.sense();
        events = {};
        autonomy_step(state, parameters, frame, request, autonomous, actuators, telemetry, events);
        for (std::uint32_t i = 0; i < events.count; ++i)
            ++seen_[events.items[i].id];
        plant.advance(actuators);
    }
    // Steps until a mode is reached; false after `seconds`.
    bool until(Mode mode, double seconds) {
        for (int k = 0; k < static_cast<int>(seconds * 10); ++k) {
            step();
            if (this->mode() == mode) return true;
        }
        return false;
    }
    void run(double seconds) {
        for (int k = 0; k < static_cast<int>(seconds * 10); ++k)
            step();
    }
    [[nodiscard]] Mode mode() const { return static_cast<Mode>(actuators.mode); }
    [[nodiscard]] int seen(EventId id) const { return seen_[static_cast<std::size_t>(id)]; }
    [[nodiscard]] double rate_deg_s() const { return norm(plant.rate()) * 180.0 / pi; }
    // True angle from the commanded attitude, degrees.
    [[nodiscard]] double pointing_error_deg() const {
        const auto& c = actuators.attitude_command_body_from_gcrf;
        const Quaternion commanded = normalised({static_cast<double>(c[0]), static_cast<double>(c[1]),
                                                 static_cast<double>(c[2]), static_cast<double>(c[3])});
        return norm(rotation_vector(commanded * conjugate(plant.attitude()))) * 180.0 / pi;
    }
    [[nodiscard]] double knowledge_error_deg() const {
        return norm(rotation_vector(state.attitude.body_from_gcrf * conjugate(plant.attitude()))) * 180.0 /
               pi;
    }
    [[nodiscard]] double nadir_error_deg() const {
        return angle_between(rotate(plant.attitude(), -unit(plant.position())), {0, 0, 1}) * 180.0 / pi;
    }
    [[nodiscard]] double sun_error_deg() const {
        return angle_between(plant.sun_body(), {0, 0, -1}) * 180.0 / pi;
    }

  private:
    std::array<int, 65536> seen_{};
};

}  // namespace safehold::tests
