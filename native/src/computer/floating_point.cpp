// The floating-point control register, checked at start: the same bits on every processor depend on it.
#include "safehold/computer/flight_computer.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace safehold::computer {

bool floating_point_is_sound() {
#if defined(__x86_64__)
    constexpr unsigned flush_denormals_and_rounding = 0x8000U | 0x0040U | 0x6000U;
    return (_mm_getcsr() & flush_denormals_and_rounding) == 0;
#elif defined(__aarch64__)
    std::uint64_t fpcr = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    constexpr std::uint64_t flush_default_nan_and_rounding =
        (1ULL << 24) | (1ULL << 25) | (3ULL << 22) | (1ULL << 19);
    return (fpcr & flush_default_nan_and_rounding) == 0;
#else
#error "only x86-64 and aarch64 are known to give the same bits"
#endif
}

}  // namespace safehold::computer
