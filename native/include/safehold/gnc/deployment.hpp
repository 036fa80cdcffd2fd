// Separation and the release of the wings.
//
// Purpose: separation is what two of three switches say for a second; after the inhibit each wing gets up to
// three release pulses, each judged by its switch. Rate: every tick. Meets L1.1, L3.7.
#pragma once

#include <cstdint>

#include "safehold/computer/interface.hpp"

namespace safehold {

struct Deployment {
    double separated_s;       // since separation was seen
    double persistence_s;     // how long the switches have told separation
    double phase_s;           // within the present pulse or wait
    std::uint32_t separated;  // 1 once seen
    std::uint32_t wing;       // 0 or 1 at work, 2 when done
    std::uint32_t attempt;    // of the present wing
    std::uint32_t firing;
    std::uint32_t failed;  // bit by wing
    std::uint32_t spare;
};
static_assert(sizeof(Deployment) == 48);

void deployment_init(Deployment& state);
// Counts time and follows the separation switches; in every mode.
void deployment_observe(Deployment& state, const Parameters& parameters, const SensorFrame& frame,
                        EventList& events);
// Works on the wings; gives the fire bits. Done when `wing` is 2.
[[nodiscard]] std::uint8_t deployment_step(Deployment& state, const Parameters& parameters,
                                           const SensorFrame& frame, EventList& events);
// Takes over, in a start without any control state, what is known to have been reached.
void deployment_take_over(Deployment& state, bool separated, bool silence_over, bool ended);
// Takes separation as given (a reset long after it, or a time-out).
void deployment_assume_separated(Deployment& state, const Parameters& parameters);

}  // namespace safehold
