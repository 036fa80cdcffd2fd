// On-board time: the clock, checked by counting ticks and by GPS.
//
// Purpose: nanoseconds since the epoch. A clock that jumps is not followed: ticks are counted until it agrees
// again or fixes give the time. Rate: every tick. Meets L3.7.
#pragma once

#include <cstdint>

#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct OnBoardClock {
    std::int64_t time_ns;
    std::uint32_t started;
    std::uint32_t rejected;  // 1 while the clock is not believed
    double agreed_s;         // how long it has agreed again
};
static_assert(sizeof(OnBoardClock) == 24);

void clock_init(OnBoardClock& state);
void clock_step(OnBoardClock& state, const Parameters& parameters, const SensorFrame& frame,
                EventList& events);
// Fixes of two receivers that agree set the time; one alone only while the clock is not believed.
void clock_fix(OnBoardClock& state, const Measurements& measured, const SensorFrame& frame);

}  // namespace safehold
