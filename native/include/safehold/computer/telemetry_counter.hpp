// The counter of protected TM frames: no number is given twice, whatever happens.
//
// Two frames under one initialisation vector would give away the sum of their texts, and the key that makes
// the MACs. So numbers are reserved in blocks: the end of a block is in persistence, in three copies, before
// a number of the block is used, and every start begins behind the last block. If no copy is sound, a start
// that is not the first begins where no start before it can have come: at its own number times 2^40. If a
// block cannot be kept, the frame is withheld. Rate: each TM frame. Meets L2.6, L3.6.
#pragma once

#include <cstdint>
#include <type_traits>

#include "safehold/computer/store.hpp"

namespace safehold::computer {

inline constexpr std::uint64_t telemetry_block = 1024;

// The slot's content.
struct TelemetryKept {
    std::uint64_t below;  // every number below this one may have been used
};

// Outside the replicas, a single point like the voter; `check` finds a flipped bit.
struct TelemetryState {
    std::uint64_t next;      // number of the next frame; 0 until the computer has started
    std::uint64_t below;     // the first number that is not reserved
    std::uint64_t check;     // complement of both, exclusive or
    std::uint32_t sequence;  // of what was kept last
    std::uint32_t withheld;  // frames for which there was no number, or that could not be sealed
};
static_assert(sizeof(TelemetryState) == 32 && std::is_trivially_copyable_v<TelemetryState>);

// At a start of the computer: behind everything that was reserved. Without stores it goes on where it was.
void start_counter(TelemetryState& state, const StorePort* stores, std::uint32_t starts);

// The number of the next frame; 0 if none can be given, which is counted.
[[nodiscard]] std::uint64_t next_counter(TelemetryState& state, StorePort* stores, std::uint32_t starts);

// Goes on behind `below`, which the slot says by now: what was reserved elsewhere may have been used there.
void skip_to(TelemetryState& state, const StorePort* stores, std::uint64_t below);

}  // namespace safehold::computer
