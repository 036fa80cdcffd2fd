// Persistence under what can happen to it: power failing within any write, and any bit turning over.
#include <doctest/doctest.h>

#include "safehold/host/persistence.hpp"

namespace safehold::tests {
namespace {

using computer::Slot;
using host::Persistence;
using host::Power;
using Value = std::array<std::uint8_t, 500>;

Value value_of(std::uint32_t sequence) {
    Value value;
    for (std::size_t i = 0; i < value.size(); ++i)
        value[i] = static_cast<std::uint8_t>(sequence * 31 + i);
    return value;
}

// The sequence that is loaded, after a check that the octets are its own; -1 if nothing is.
long loaded(const Persistence& persistence, Slot slot) {
    Value value{};
    std::uint32_t sequence = 0;
    if (persistence.load(slot, value.data(), value.size(), sequence) == 0) return -1;
    CHECK(value == value_of(sequence));
    return static_cast<long>(sequence);
}

constexpr std::array<Slot, 3> slots = {Slot::control, Slot::boot, Slot::security};

TEST_CASE("power that fails within any write, after any octet, undoes nothing that was acknowledged [L3.6]") {
    for (const Slot slot : slots) {
        for (std::uint32_t cut = 1; cut <= 13; ++cut) {
            for (std::uint32_t keeps = 0; keeps <= 600; keeps += 13) {
                Persistence persistence;
                Power power;
                power.cut_at = cut;
                power.keeps = keeps;
                long acknowledged = -1;
                std::uint32_t sequence = 1;
                for (; sequence < 6; ++sequence) {
                    const Value value = value_of(sequence);
                    if (persistence.write(slot, sequence, value.data(), value.size(), power))
                        acknowledged = sequence;
                }
                CHECK(loaded(persistence, slot) == acknowledged);
                // And it goes on from there.
                power = {};
                const Value value = value_of(9);
                CHECK(persistence.write(slot, 9, value.data(), value.size(), power));
                CHECK(loaded(persistence, slot) == 9);
            }
        }
    }
}

TEST_CASE("any bit of any copy may turn over: boot and security keep their value [L3.6]") {
    for (const Slot slot : slots) {
        Persistence persistence;
        Power power;
        for (std::uint32_t sequence = 1; sequence < 4; ++sequence) {
            const Value value = value_of(sequence);
            CHECK(persistence.write(slot, sequence, value.data(), value.size(), power));
        }
        for (std::size_t copy = 0; copy < persistence.copies(slot); ++copy) {
            for (std::size_t bit = 0; persistence.flip(slot, copy, bit); bit += 7) {
                const long now = loaded(persistence, slot);
                CHECK((slot == Slot::control ? now >= 2 : now == 3));
                CHECK(persistence.flip(slot, copy, bit));
            }
        }
    }
}

TEST_CASE("a sequence that wraps stays in order; a slot of another length is not loaded [L3.6]") {
    Persistence persistence;
    Power power;
    for (std::uint32_t sequence = 0xFFFF'FFFCU; sequence != 4; ++sequence) {
        const Value value = value_of(sequence);
        CHECK(persistence.write(Slot::control, sequence, value.data(), value.size(), power));
        CHECK(loaded(persistence, Slot::control) == static_cast<long>(sequence));
    }
    std::array<std::uint8_t, 501> longer{};
    std::uint32_t sequence = 0;
    CHECK(persistence.load(Slot::control, longer.data(), longer.size(), sequence) == 0);
    CHECK(persistence.load(Slot::boot, longer.data(), longer.size(), sequence) == 0);
}

}  // namespace
}  // namespace safehold::tests
