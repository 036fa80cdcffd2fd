// The Earth's magnetic field on board: IGRF-14 (epoch 2025 with its secular variation) to degree 8, about 30
// nT from the full model at 550 km. Position in ITRS metres, field in ITRS tesla. Used once every few seconds
// at most. Meets L1.1.
#pragma once

#include "safehold/math/vector.hpp"

namespace safehold {

[[nodiscard]] Vector magnetic_field_itrs_t(Vector position_itrs_m, double years_since_2025);

}  // namespace safehold
