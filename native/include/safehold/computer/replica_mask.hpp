// A set of replicas as bits, one by replica.
#pragma once

#include <cstddef>
#include <cstdint>

namespace safehold::computer {

[[nodiscard]] constexpr std::uint8_t bit(std::size_t replica) {
    return static_cast<std::uint8_t>(1U << replica);
}
[[nodiscard]] constexpr bool has(std::uint8_t mask, std::size_t replica) {
    return ((static_cast<unsigned>(mask) >> replica) & 1U) != 0;
}
[[nodiscard]] constexpr std::uint8_t without(std::uint8_t mask, std::uint8_t removed) {
    return static_cast<std::uint8_t>(mask & ~static_cast<unsigned>(removed));
}
[[nodiscard]] constexpr int population(std::uint8_t mask) {
    return (mask & 1) + ((mask >> 1) & 1) + ((mask >> 2) & 1);
}

}  // namespace safehold::computer
