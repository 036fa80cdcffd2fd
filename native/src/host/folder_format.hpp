// The heads of the files in a flight computer's data folder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/computer/store.hpp"

namespace safehold::host::folder {

inline constexpr std::size_t entry_octets = 64;

struct Numbers {
    char magic[8];
    std::array<std::array<std::uint64_t, 3>, computer::stream_count> streams;  // first, next, octets held
    std::uint32_t spare;
    std::uint32_t crc;
};
static_assert(sizeof(Numbers) == 8 + 24 * computer::stream_count + 8);

inline constexpr char numbers_magic[8] = {'S', 'A', 'F', 'E', 'N', 'U', 'M', '2'};
inline constexpr char entry_magic[8] = {'S', 'A', 'F', 'E', 'F', 'I', 'L', '1'};
inline constexpr std::uint64_t numbers_end = 1ULL << 48U;  // beyond any that a mission reaches

}  // namespace safehold::host::folder
