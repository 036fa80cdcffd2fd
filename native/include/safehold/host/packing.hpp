// Runs of zeros left out of octets that are mostly zero, as a state's are.
#pragma once

#include <cstdint>
#include <vector>

namespace safehold::host {

// Pairs of: octets that follow (u16), zeros after them (u16), the octets. Little-endian.
[[nodiscard]] std::vector<std::uint8_t> pack_zeros(const void* octets, std::size_t count);

// The `count` octets that were packed; false if the packed ones do not hold exactly so many.
[[nodiscard]] bool unpack_zeros(const std::uint8_t* packed, std::size_t packed_octets, void* octets,
                                std::size_t count);

}  // namespace safehold::host
