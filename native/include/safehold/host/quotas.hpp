// How much mass memory may hold: the records of each stream, and files.
#pragma once

#include <array>
#include <cstdint>

#include "safehold/computer/store.hpp"

namespace safehold::host {

inline constexpr std::uint32_t chunk_octets_max = 0x8'0000;  // of the black box
inline constexpr std::uint32_t chunks_kept =
    146;  // 24 h, the one begun before them, and the one that is open

// Of the files' quota, and of their number, so much is for the black box alone: images and files from the
// ground never take the room of an anomaly.
inline constexpr std::uint64_t black_box_octets = std::uint64_t{chunks_kept} * chunk_octets_max;

// Octets of records that each stream may hold, and of the files together.
struct Quotas {
    std::array<std::uint64_t, computer::stream_count> streams = {8U << 20U, 4U << 20U, 16U << 20U, 32U << 20U,
                                                                 2U << 20U};
    std::uint64_t files = 96U << 20U;

    // The least that a stream works with: its oldest go when 15/16 are full, and a tick commits 8 KiB at
    // most.
    static constexpr std::uint64_t stream_least = 16 * computer::RecordList::capacity;
    static constexpr std::uint64_t files_least = black_box_octets + (1U << 20U);
    static constexpr std::uint64_t most = 1U << 30U;
};
static_assert(sizeof(Quotas) == 8 * (computer::stream_count + 1));

}  // namespace safehold::host
