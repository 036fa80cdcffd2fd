// The four reaction wheels: their health, the sharing of torque among the healthy ones, and their bias speed.
//
// Purpose: tachometer against command finds a wheel that does not obey (seized, free, deaf); torque is shared
// among the others. An excluded wheel is tried now and then with a small torque and readmitted if it follows,
// unless the ground keeps it out. With four, a null-space torque keeps the speeds away from zero.
// Rate: every tick. Inputs: tachometers, wanted body torque. Outputs: motor torques. Meets L1.1, L1.3.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct WheelSet {
    std::array<double, 4> speed_rad_s;     // used by control
    std::array<double, 4> expected_rad_s;  // what command and inertia say
    std::array<double, 4> torque_n_m;      // commanded in the last tick
    std::array<double, 4> doubt_s;         // how long tachometer and expectation have contradicted each other
    std::array<double, 4> excluded_s;      // since the exclusion, or since the last trial
    std::array<double, 4> trial_rad_s;     // speed at the start of a trial
    std::array<std::uint32_t, 4> excluded;
    std::uint32_t powered;  // 1 while the wheels were powered in the last tick
    std::uint32_t started;  // 1 once expected speeds have been set
};
static_assert(sizeof(WheelSet) == 6 * 32 + 16 + 8);
static_assert(std::is_trivially_copyable_v<WheelSet>);

void wheels_init(WheelSet& state);
// Follows the tachometers. `powered` says whether the wheels' switch is closed.
void wheels_observe(WheelSet& state, const Parameters& parameters, const Measurements& measured, bool powered,
                    UnitCustody custody, EventList& events);
// Shares a torque that the body should feel; what cannot be given is scaled down, its direction kept.
void wheels_command(WheelSet& state, const Parameters& parameters, Vector torque_body_n_m);
void wheels_idle(WheelSet& state, const Parameters& parameters);

[[nodiscard]] Vector wheel_momentum_body(const WheelSet& state);
[[nodiscard]] std::uint32_t wheels_healthy(const WheelSet& state);

}  // namespace safehold
