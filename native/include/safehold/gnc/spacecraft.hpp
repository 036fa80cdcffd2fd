// What the flight software knows of the spacecraft it flies: geometry and limits that no command changes. SI.
#pragma once

#include <array>

#include "safehold/math/quaternion.hpp"

namespace safehold::spacecraft {

inline constexpr Matrix inertia_kg_m2 = diagonal(8.0, 7.0, 5.0);

inline constexpr double pyramid_c = 0.81649658092772603;  // sqrt(2/3)
inline constexpr double pyramid_s = 0.57735026918962576;  // sqrt(1/3)
inline constexpr std::array<Vector, 4> wheel_axes = {{{pyramid_c, 0.0, pyramid_s},
                                                      {0.0, pyramid_c, pyramid_s},
                                                      {-pyramid_c, 0.0, pyramid_s},
                                                      {0.0, -pyramid_c, pyramid_s}}};
inline constexpr std::array<double, 4> wheel_null = {1.0, -1.0, 1.0, -1.0};
inline constexpr double wheel_inertia_kg_m2 = 1.59155e-3;
inline constexpr double wheel_torque_max_n_m = 0.020;
inline constexpr double wheel_speed_max_rad_s = 628.3;
inline constexpr double wheel_coulomb_n_m = 2.0e-4;
inline constexpr double wheel_viscous_n_m_s = 1.0e-6;

inline constexpr double torquer_max_a_m2 = 10.0;

// Boresights of the trackers; x of each tracker is body x, y completes the right-handed set.
inline constexpr double half = 0.5;
inline constexpr double sine_60 = 0.86602540378443865;
inline constexpr std::array<Vector, 2> tracker_boresights = {{{0.0, sine_60, -half}, {0.0, -sine_60, -half}}};

inline constexpr double gyro_range_rad_s = 0.349;
inline constexpr double magnetometer_range_t = 100.0e-6;
inline constexpr double array_rate_max_rad_s = 0.0174532925;
inline constexpr double gyro_scale_error = 2.0e-4;

}  // namespace safehold::spacecraft
