// The counter of protected TM frames against a store that fails in every way that one can: a number is given
// once, and none before its block is kept.
#include <doctest/doctest.h>

#include <cstring>
#include <set>

#include "safehold/computer/telemetry_counter.hpp"

namespace safehold::tests {
namespace {

using namespace computer;

// One slot. What it keeps is what was persisted last, unless it refuses, or has lost it.
class Store final : public StorePort {
  public:
    bool refuses = false;
    bool lost = false;
    TelemetryKept kept{};
    std::uint32_t sequence = 0;
    std::size_t writes = 0;

    void status(StoreStatus&) const override {}
    void append(Stream, const std::uint8_t*, std::size_t) override {}
    void drop(const DropRequest&) override {}
    FileAnswer file(const FileRequest&, const std::uint8_t*) override { return FileAnswer::refused; }
    void read(const ReadRequest&, Readback&) const override {}
    bool persist(Slot slot, std::uint32_t number, const void* octets, std::size_t count) override {
        if (refuses) return false;
        REQUIRE(slot == Slot::telemetry);
        REQUIRE(count == sizeof kept);
        std::memcpy(&kept, octets, count);
        CHECK(number == sequence + 1);
        sequence = number;
        lost = false;
        ++writes;
        return true;
    }
    std::size_t load(Slot, void* octets, std::size_t count, std::uint32_t& number) const override {
        if (lost || sequence == 0 || count != sizeof kept) return 0;
        std::memcpy(octets, &kept, count);
        number = sequence;
        return count;
    }
    void forget(Slot) override {}
    bool powered() const override { return true; }
    void power_up() override {}
    void lost_told() override {}
};

TEST_CASE("L2.6: over starts, refusals and flipped bits no number is given twice, and each is kept before") {
    Store store;
    TelemetryState state{};
    std::set<std::uint64_t> given;
    std::uint64_t random = 1;
    std::uint32_t starts = 1;
    start_counter(state, &store, starts);
    for (int step = 0; step < 200'000; ++step) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        const auto dice = static_cast<unsigned>(random >> 33U) % 1000;
        if (dice == 0) store.refuses = !store.refuses;
        if (dice == 1) {
            state = {};
            start_counter(state, &store, ++starts);
        }
        if (dice == 2) {
            auto* octets = reinterpret_cast<std::uint8_t*>(&state);
            const auto bit = static_cast<unsigned>(random >> 50U) % 192;  // next, below, check
            octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (1U << (bit % 8)));
        }
        const std::uint64_t number = next_counter(state, &store, starts);
        if (number == 0) continue;
        CHECK(given.insert(number).second);
        CHECK(number < store.kept.below);
    }
    CHECK(given.size() > 100'000);
    CHECK(state.withheld > 0);
}

TEST_CASE("L2.6: a lost slot is gone on from behind every start before") {
    Store store;
    TelemetryState state{};
    std::uint64_t last = 0;
    for (std::uint32_t starts = 1; starts < 50; ++starts) {
        store.lost = starts % 3 == 0;
        store.sequence = store.lost ? 0 : store.sequence;
        state = {};
        start_counter(state, &store, starts);
        for (int frame = 0; frame < 3000; ++frame) {
            const std::uint64_t number = next_counter(state, &store, starts);
            REQUIRE(number > last);
            last = number;
        }
    }
    // Starts are counted in 32 bits; numbers end before they come round.
    store.sequence = 0;
    start_counter(state, &store, 1U << 24U);
    CHECK(next_counter(state, &store, 1U << 24U) == 0);
    start_counter(state, &store, 0xFFFF'FFFFU);
    CHECK(next_counter(state, &store, 0xFFFF'FFFFU) == 0);
}

TEST_CASE("L2.6: a block is reserved half a block ahead, once a block") {
    Store store;
    TelemetryState state{};
    start_counter(state, &store, 1);
    for (std::uint64_t number = 1; number <= 10 * telemetry_block; ++number)
        REQUIRE(next_counter(state, &store, 1) == number);
    CHECK(store.writes == 11);
    store.refuses = true;
    std::uint64_t more = 0;
    while (next_counter(state, &store, 1) != 0)
        ++more;
    CHECK(more >= telemetry_block / 2);
    CHECK(state.withheld == 1);
    store.refuses = false;
    CHECK(next_counter(state, &store, 1) == 10 * telemetry_block + more + 1);
}

TEST_CASE("without stores the counter goes on in memory") {
    TelemetryState state{};
    start_counter(state, nullptr, 1);
    CHECK(next_counter(state, nullptr, 1) == 1);
    start_counter(state, nullptr, 2);
    CHECK(next_counter(state, nullptr, 2) == 2);
}

}  // namespace
}  // namespace safehold::tests
