// Sensor validity and voting: what the rest of the flight core is allowed to see of a sensor frame.
//
// Purpose: each sample is checked (claimed valid, finite, in range, fresh, not stuck), units of one kind are
// voted by mid-value, those that agree are averaged, and a unit that stays bad is excluded until it has been
// good for long. Rate: every control tick. Inputs: SensorFrame, settings. Outputs: Measurements, SI, body
// axes. Meets L1.1, L1.3.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/interface.hpp"
#include "safehold/gnc/mode.hpp"
#include "safehold/gnc/units.hpp"
#include "safehold/math/quaternion.hpp"

namespace safehold {

struct UnitHealth {
    std::uint32_t bad;       // bad samples on end
    std::uint32_t good;      // good samples on end
    std::uint32_t same;      // unchanged samples on end
    std::uint32_t excluded;  // 1 while the unit is not used
};

struct SensorVoting {
    Vector rate_body_rad_s;                  // last voted rate
    Vector field_body_t;                     // last voted field
    std::array<Vector, 4> gyro_drift_rad_s;  // mean difference of each gyro from the vote
    double gyro_noise_rad2_s2;               // mean square of the differences, per axis
    double rate_age_s;
    double field_age_s;
    std::array<std::int64_t, 2> gps_time_ns;
    std::array<UnitHealth, 4> gyro;
    std::array<UnitHealth, 3> magnetometer;
    std::array<UnitHealth, 2> tracker;
    std::array<UnitHealth, 2> gps;
    std::array<UnitHealth, 12> sun_sensor;
    std::array<std::array<float, 3>, 4> gyro_last;
    std::array<std::array<float, 4>, 2> tracker_last;
    std::array<std::array<float, 3>, 3> magnetometer_last;
    std::uint32_t quiet_ticks;  // ticks on end without a torquer command, up to this sample
    std::uint32_t gyros_lost;
    std::uint32_t spare;
};
static_assert(sizeof(SensorVoting) == 48 + 96 + 8 + 16 + 16 + 23 * 16 + 48 + 32 + 36 + 12);
static_assert(std::is_trivially_copyable_v<SensorVoting>);

// What one tick brought. Not state: made anew each tick.
struct Measurements {
    Vector rate_body_rad_s;     // voted, not corrected for bias; the last one while no gyro is usable
    Vector field_body_t;        // voted; the last one between samples
    double gyro_noise_rad2_s2;  // variance of one gyro's sample, as seen in the vote
    Vector sun_body;            // sum of the faces, not normalised
    std::array<Quaternion, 2> attitude_body_from_gcrf;  // from the trackers, at their sample times
    std::array<double, 2> attitude_age_s;
    std::array<Vector, 2> gps_position_itrs_m;
    std::array<Vector, 2> gps_velocity_itrs_m_s;
    std::array<std::int64_t, 2> gps_time_ns;
    std::array<double, 4> wheel_speed_rad_s;
    double charge;
    double bus_voltage_v;
    double array_angle_rad;
    std::uint32_t gyros_used;  // number of units in the vote
    std::uint32_t rejected;    // samples rejected in this tick
    bool gyro_set_changed;
    bool rate_valid;
    bool field_new;  // a clean sample came in this tick
    bool sun_valid;
    std::array<bool, 2> attitude_new;
    std::array<bool, 2> gps_new;
    std::array<bool, 4> wheel_speed_valid;
    bool charge_valid;
    bool voltage_valid;
    bool array_angle_valid;
};

void sensors_init(SensorVoting& state);
void sensors_step(SensorVoting& state, const Parameters& parameters, const SensorFrame& frame,
                  UnitCustody custody, Measurements& out, EventList& events);

// Excludes a unit at once, for a reason found elsewhere (a tracker that contradicts the attitude filter), if
// the monitors may.
void sensors_exclude_tracker(SensorVoting& state, UnitCustody custody, std::size_t unit, double deviation_rad,
                             EventList& events);

}  // namespace safehold
