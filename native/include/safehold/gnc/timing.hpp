// Persistence timers and conversions that no flipped bit can make undefined.
#pragma once

#include <cstdint>

#include "safehold/math/elementary.hpp"

namespace safehold {

// Counts how long a condition has lasted on end; true once that reaches the limit.
[[nodiscard]] inline bool held(double& elapsed_s, bool condition, double period_s, double limit_s) {
    if (!condition) {
        elapsed_s = 0.0;
        return false;
    }
    elapsed_s = least(elapsed_s + period_s, 1.0e9);
    return elapsed_s >= limit_s;
}

// Seconds to nanoseconds; 0 outside +-1e9 s and for NaN.
[[nodiscard]] inline std::int64_t nanoseconds(double seconds) {
    if (!(absolute(seconds) <= 1.0e9)) return 0;
    const double value = seconds * 1.0e9;
    return static_cast<std::int64_t>(value < 0.0 ? value - 0.5 : value + 0.5);
}
[[nodiscard]] inline double seconds(std::int64_t ns) {
    return static_cast<double>(ns) * 1.0e-9;
}

// Sum and difference modulo 2^64, as two's complement.
[[nodiscard]] inline std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
[[nodiscard]] inline std::int64_t wrapping_subtract(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace safehold
