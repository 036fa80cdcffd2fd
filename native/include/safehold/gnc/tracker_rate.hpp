// The body rate from the star trackers' motion, for the time when no gyro is usable.
//
// Purpose: successive attitudes of one tracker give the rate between them, smoothed; it is worth 0.02 deg/s
// and replaces the gyros where the trackers see the stars. Rate: with each tracker sample (2 Hz). Meets L1.3.
#pragma once

#include <array>
#include <cstdint>

#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct TrackerRate {
    std::array<Quaternion, 2> last_body_from_gcrf;
    std::array<double, 2> last_age_s;
    Vector rate_body_rad_s;
    double age_s;        // since the rate was renewed
    std::uint32_t used;  // 1 while it stands in for the gyros
    std::uint32_t spare;
};
static_assert(sizeof(TrackerRate) == 64 + 16 + 24 + 8 + 8);

void tracker_rate_init(TrackerRate& state);
// Follows the trackers; where the gyros give no rate, puts its own into the measurements.
void tracker_rate_step(TrackerRate& state, const Parameters& parameters, Measurements& measured,
                       EventList& events);

}  // namespace safehold
