// Which way the satellite points: TRIAD start and a multiplicative extended Kalman filter with gyro bias.
//
// Purpose: q_body_from_gcrf, the bias of the voted rate, and their covariance. The error is a small rotation
// dphi in body axes (true = exp(dphi) estimate) and a bias error db; d(dphi)/dt = -w x dphi + db + noise.
// Trackers update it at once; without them the magnetic field (every 10 s) and the Sun (every 30 s) hold it
// to about a degree. Rate: quaternion every tick, covariance every half second and at updates. Meets L1.1,
// L1.3.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct AttitudeFilter {
    Quaternion body_from_gcrf;
    Vector bias_rad_s;
    Matrix attitude_covariance;  // rad^2
    Matrix cross_covariance;     // dphi by db
    Matrix bias_covariance;
    Vector turn_rad;  // rotation since the covariance was propagated
    double turn_s;
    std::array<double, 2> tracker_age_s;  // since each tracker was used last
    double field_age_s;                   // since the field was used last
    double sun_age_s;                     // since the Sun was used last
    double coarse_age_s;                  // since the field was last ready for a coarse start
    std::uint32_t running;
    std::uint32_t source;                             // 1 started by a tracker, 2 by TRIAD
    std::array<std::uint32_t, 2> tracker_rejections;  // on end
    std::uint32_t vector_rejections;                  // on end
    std::uint32_t coarse;                             // 1 once the loss of trackers was reported
};
static_assert(sizeof(AttitudeFilter) == 32 + 24 + 3 * 72 + 24 + 6 * 8 + 6 * 4);
static_assert(std::is_trivially_copyable_v<AttitudeFilter>);

// What the filter can compare against, when time and orbit are known.
struct AttitudeReference {
    Vector sun_gcrf;  // unit
    Vector field_gcrf_t;
    bool sun_valid;     // the Sun is known, seen and not shadowed
    bool field_valid;   // the model's field for a measured field of this very tick
    bool coarse_start;  // TRIAD is allowed now
};

void attitude_init(AttitudeFilter& state);
// Propagates; `voting` lets a tracker be excluded that contradicts the filter while the other agrees. Returns
// how many measurements were rejected.
std::uint32_t attitude_step(AttitudeFilter& state, const Parameters& parameters, const Measurements& measured,
                            const AttitudeReference& reference, SensorVoting& voting, UnitCustody custody,
                            EventList& events);

// Covariance of the attitude error with what the filter cannot see: the trackers' mounting.
[[nodiscard]] Matrix attitude_covariance(const AttitudeFilter& state, const Parameters& parameters);
[[nodiscard]] double attitude_sigma_rad(const AttitudeFilter& state, const Parameters& parameters);

// Attitude from two directions, the first exact, the second for the turn about it. Not valid if they nearly
// coincide.
struct Triad {
    Quaternion body_from_gcrf;
    bool valid;
};
[[nodiscard]] Triad triad(Vector first_body, Vector second_body, Vector first_gcrf, Vector second_gcrf);

}  // namespace safehold
