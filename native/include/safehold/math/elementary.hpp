// Elementary functions that give the same bits on every processor.
//
// Purpose: sine, cosine, arc tangent, exponential and logarithm from IEEE 754 double arithmetic alone, in
// place of libm's, whose last bits differ between systems. Inputs in radians. Accuracy against mpmath: 2
// units in the last place for |angle| <= 1e4 (sine and cosine near their zeros: 2e-16 absolute). Meets S1.
//
// An argument that is not finite, or too large to reduce, gives the value at zero: flight state never sees a
// NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace safehold {

inline constexpr double pi = 3.14159265358979323846;

struct SineCosine {
    double sine;
    double cosine;
};

// Tells NaN and the infinities from numbers by the exponent's bits, which no compiler option can fold away.
[[nodiscard]] constexpr bool is_finite(double value) {
    return (std::bit_cast<std::uint64_t>(value) & 0x7FF0000000000000ULL) != 0x7FF0000000000000ULL;
}
[[nodiscard]] constexpr bool is_finite(float value) {
    return (std::bit_cast<std::uint32_t>(value) & 0x7F800000U) != 0x7F800000U;
}

[[nodiscard]] constexpr double absolute(double value) {
    return __builtin_fabs(value);
}
// The limit comes second: a value that a flipped bit made NaN becomes the limit, and is not kept.
[[nodiscard]] constexpr double least(double value, double limit) {
    return value < limit ? value : limit;
}
[[nodiscard]] constexpr double greatest(double value, double limit) {
    return value > limit ? value : limit;
}
[[nodiscard]] constexpr double clamp(double value, double low, double high) {
    return value > low ? (value < high ? value : high) : low;
}
[[nodiscard]] inline double square_root(double value) {
    return value > 0.0 ? __builtin_sqrt(value) : 0.0;
}

[[nodiscard]] SineCosine sine_cosine(double angle_rad);
[[nodiscard]] double sine(double angle_rad);
[[nodiscard]] double cosine(double angle_rad);
[[nodiscard]] double arc_tangent(double y, double x);  // in (-pi, pi]; 0 for (0, 0)
[[nodiscard]] double arc_sine(double value);           // the argument is clamped to [-1, 1]
[[nodiscard]] double arc_cosine(double value);
[[nodiscard]] double exponential(double value);  // saturates at the largest double; below -708 gives 0
[[nodiscard]] double logarithm(double value);    // 0 for an argument that is not positive

// Adding and subtracting this rounds to the nearest integer, ties to even, for |value| < 2^51.
inline constexpr double rounder = 6755399441055744.0;
inline constexpr double angle_max = 1.0e9;

// The angle brought to [-pi, pi].
[[nodiscard]] constexpr double wrap_angle(double angle_rad) {
    if (!(absolute(angle_rad) <= angle_max)) return 0.0;
    const double turns = (angle_rad * (0.5 / pi) + rounder) - rounder;
    return angle_rad - turns * (2.0 * pi);
}

}  // namespace safehold
