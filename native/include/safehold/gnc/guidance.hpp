// Where to point: nadir with yaw steering, a place on the ground, a fixed attitude; and how fast to get
// there.
//
// Purpose: a target attitude with its rate, and a reference that moves towards it within slew limits. The
// reference is the commanded attitude that telemetry and the actuator frame report. Rate: every tick. Meets
// L1.1.
#pragma once

#include <cstdint>
#include <type_traits>

#include "safehold/gnc/almanac.hpp"
#include "safehold/gnc/mode.hpp"
#include "safehold/gnc/orbit_filter.hpp"
#include "safehold/math/quaternion.hpp"

namespace safehold {

struct Guidance {
    Quaternion reference_body_from_gcrf;
    Vector rate_body_rad_s;           // of the reference
    Vector acceleration_body_rad_s2;  // of the reference
    Vector integral_rad_s;            // of the attitude error, for control
    Quaternion hold_body_from_gcrf;   // commanded by MANOEUVRE
    Vector place_itrs_m;              // commanded by MISSION
    std::uint32_t active;             // 1 while the reference is in use
    std::uint32_t slewing;
    std::uint32_t yaw_steering;
    std::uint32_t yaw_check;  // ticks since the choice of yaw steering was looked at
};
static_assert(sizeof(Guidance) == 32 + 24 + 24 + 24 + 32 + 24 + 16);
static_assert(std::is_trivially_copyable_v<Guidance>);

struct AttitudeTarget {
    Quaternion body_from_gcrf;
    Vector rate_body_rad_s;
};

void guidance_init(Guidance& state);
void guidance_stop(Guidance& state);
// Moves the reference; starts from the estimate where none is in use.
void guidance_step(Guidance& state, const Parameters& parameters, const AttitudeTarget& target,
                   Quaternion estimate_body_from_gcrf, Vector rate_body_rad_s);

[[nodiscard]] AttitudeTarget nadir_target(Guidance& state, const Parameters& parameters,
                                          const OrbitEstimate& orbit, Vector sun_gcrf);
[[nodiscard]] AttitudeTarget place_target(const Guidance& state, const Parameters& parameters,
                                          const Almanac& almanac, std::int64_t time_ns,
                                          const OrbitEstimate& orbit);
[[nodiscard]] AttitudeTarget hold_target(const Guidance& state);

}  // namespace safehold
