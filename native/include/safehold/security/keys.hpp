// The key ring: what the crypto stage checks telecommand frames with.
//
// Purpose: keys by their id (the security parameter index of a frame). A ring is given to the flight computer
// when it is made and is nowhere else: not in its state, its configuration, a snapshot or a recording.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace safehold::security {

inline constexpr std::size_t key_octets = 32;
inline constexpr std::size_t keys_max = 8;

struct Key {
    std::uint16_t id;  // 1 to 65,535
    std::array<std::uint8_t, key_octets> octets;
};

// The first key is the one in force until the ground selects another.
struct KeyRing {
    std::array<Key, keys_max> keys;
    std::size_t count;
};

// Overwrites what held a secret; not optimised away.
void wipe(void* octets, std::size_t count);

}  // namespace safehold::security
