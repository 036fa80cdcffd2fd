#include "safehold/computer/telemetry_counter.hpp"

namespace safehold::computer {
namespace {

constexpr std::uint64_t last = 0xFFFF'FFFF'FFFF'FFFFU;
constexpr unsigned start_shift = 40;  // 316 years of frames at full rate
constexpr std::uint32_t starts_end = 1U << (64U - start_shift);

void protect(TelemetryState& state) {
    state.check = ~(state.next ^ state.below);
}

// The first number that none of the earlier starts has used, as far as anything remembers them.
std::uint64_t first_of(const StorePort& stores, std::uint32_t starts, std::uint32_t& sequence) {
    TelemetryKept kept{};
    if (stores.load(Slot::telemetry, &kept, sizeof kept, sequence) == sizeof kept && kept.below != 0)
        return kept.below;
    if (starts <= 1) return 1;
    return starts < starts_end ? static_cast<std::uint64_t>(starts) << start_shift : last;
}

bool keep(TelemetryState& state, StorePort& stores, std::uint64_t below) {
    const TelemetryKept kept{below};
    if (!stores.persist(Slot::telemetry, state.sequence + 1, &kept, sizeof kept)) return false;
    ++state.sequence;
    state.below = below;
    protect(state);
    return true;
}

}  // namespace

void start_counter(TelemetryState& state, const StorePort* stores, std::uint32_t starts) {
    if (stores != nullptr) {
        const std::uint64_t first = first_of(*stores, starts, state.sequence);
        state.next = first;
        state.below = first;
    } else if (state.next == 0) {
        state.next = 1;
        state.below = last;
    }
    protect(state);
}

std::uint64_t next_counter(TelemetryState& state, StorePort* stores, std::uint32_t starts) {
    if (state.check != ~(state.next ^ state.below)) start_counter(state, stores, starts);
    // Half a block ahead, so that a store that fails for a moment withholds nothing.
    if (stores != nullptr && state.below - state.next <= telemetry_block / 2 &&
        state.below <= last - telemetry_block) {
        (void)keep(state, *stores, state.below + telemetry_block);
    }
    if (state.next == 0 || state.next >= state.below) {
        ++state.withheld;
        return 0;
    }
    const std::uint64_t number = state.next++;
    protect(state);
    return number;
}

void skip_to(TelemetryState& state, const StorePort* stores, std::uint64_t below) {
    if (stores == nullptr || below <= state.next) return;
    TelemetryKept kept{};
    (void)stores->load(Slot::telemetry, &kept, sizeof kept, state.sequence);
    state.next = below;
    state.below = below;
    protect(state);
}

}  // namespace safehold::computer
