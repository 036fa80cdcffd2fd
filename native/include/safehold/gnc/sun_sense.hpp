// The direction to the Sun in body axes from coarse Sun sensors and rates alone, for SAFE.
//
// Purpose: while the sensors see the Sun they steer the estimate; in eclipse they say nothing, and the
// estimate is carried by the gyros (2 deg of drift in the longest eclipse). Needs no time, no orbit, no
// ephemeris. Rate: every tick. Meets L1.1, L3.5.
#pragma once

#include <cstdint>

#include "safehold/gnc/sensors.hpp"
#include "safehold/gnc/timing.hpp"

namespace safehold {

enum class SunKnowledge : std::uint32_t { unknown = 0, carried = 1, seen = 2 };

struct SunSense {
    Vector direction_body;  // unit; zero while unknown
    double unseen_s;        // since the Sun was seen
    double strong_s;        // how long the signal has been strong, or weak, on end
    double weak_s;
    SunKnowledge knowledge;
    std::uint32_t spare;
};
static_assert(sizeof(SunSense) == 24 + 24 + 8);

void sun_sense_init(SunSense& state);
void sun_sense_step(SunSense& state, const Parameters& parameters, const Measurements& measured,
                    Vector bias_rad_s, EventList& events);

}  // namespace safehold
