// The array drive: both wings turn about body y so that their normal (-sin a, 0, -cos a) meets the Sun.
//
// Purpose: tracks the Sun's direction, parks at zero for SAFE, and notices a drive that does not follow.
// Rate: every tick. Meets L1.1, L1.3, L4.1.
#pragma once

#include <cstdint>

#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct ArrayDrive {
    double angle_rad;   // measured, or expected where the measurement is bad
    double rate_rad_s;  // commanded in the last tick
    double unmoved_s;   // how long it has not followed
    double followed_s;  // how long it has followed again
    std::uint32_t lost;
    std::uint32_t spare;
};
static_assert(sizeof(ArrayDrive) == 40);

void array_drive_init(ArrayDrive& state);
void array_drive_observe(ArrayDrive& state, const Parameters& parameters, const Measurements& measured,
                         bool powered, UnitCustody custody, EventList& events);
// Turns towards an angle that itself moves at a rate.
void array_drive_to(ArrayDrive& state, double angle_rad, double rate_rad_s);
void array_drive_idle(ArrayDrive& state);

// The angle that faces a direction; the present one if the direction is along the axis.
[[nodiscard]] double array_angle_towards(const ArrayDrive& state, Vector direction_body);
[[nodiscard]] Vector array_normal_body(double angle_rad);

}  // namespace safehold
