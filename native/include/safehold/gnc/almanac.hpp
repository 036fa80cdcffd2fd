// The Earth's orientation and the Sun's direction from series that fit on a page.
//
// Purpose: true equator of date from GCRF (IAU 2006 precession, the five largest nutation terms: 0.5 arcsec),
// Greenwich sidereal time, the Sun to 0.01 deg (Astronomical Almanac's low-precision formula). Rate:
// precession every 600 s, the Sun every 10 s, sidereal time as asked. Meets L1.1, L2.1.
#pragma once

#include <cstdint>

#include "safehold/dictionary.hpp"
#include "safehold/math/vector.hpp"

namespace safehold {

inline constexpr double earth_rate_rad_s = 7.292115146706979e-5;
inline constexpr double earth_radius_m = 6378137.0;

struct Almanac {
    Matrix true_equator_from_gcrf;
    Vector sun_direction_gcrf;
    double equation_of_equinoxes_rad;
    double precession_age_s;  // large: not computed yet
    double sun_age_s;
};
static_assert(sizeof(Almanac) == 120);

void almanac_init(Almanac& state);
void almanac_step(Almanac& state, const Parameters& parameters, std::int64_t time_ns);

// Greenwich apparent sidereal time.
[[nodiscard]] double sidereal_angle_rad(const Almanac& state, const Parameters& parameters,
                                        std::int64_t time_ns);
[[nodiscard]] Matrix itrs_from_gcrf(const Almanac& state, const Parameters& parameters, std::int64_t time_ns);

// Whether a position is in the shadow, taken as a cylinder behind a spherical Earth.
[[nodiscard]] bool in_shadow(Vector position_gcrf_m, Vector sun_direction_gcrf);

}  // namespace safehold
