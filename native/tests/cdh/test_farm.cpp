// FARM-1 against the state table of CCSDS 232.1-B-2, written here a second time and in another way: every
// mode, every V(R), every N(S), every flag, every kind of frame, with and without room.
#include <doctest/doctest.h>

#include <string>

#include "safehold/cdh/farm.hpp"

namespace safehold::tests {
namespace {

using namespace cdh;

// The standard's table 6-1 in words, as an oracle: plain conditions, no table, integers instead of octets.
struct Oracle {
    int mode;  // 1 open, 2 wait, 3 lockout
    int expected;
    int farm_b;
    bool retransmit;
    bool wait;
    bool lockout;
    bool accepted = false;

    void ad(int sequence, bool room) {
        if (mode == 3) return;
        int distance = sequence - expected;  // from -128 to 127
        if (distance > 127) distance -= 256;
        if (distance < -128) distance += 256;
        if (distance == 0 && room) {
            accepted = true;
            expected = (expected + 1) % 256;
            retransmit = false;
            wait = false;
            mode = 1;
        } else if (distance == 0) {
            if (mode == 1) retransmit = wait = true;
            mode = 2;
        } else if (distance > 0 && distance < 127) {
            if (mode == 1) retransmit = true;
        } else if (distance >= 127 || distance == -128) {
            lockout = true;
            mode = 3;
        }
    }
    void bd() {
        accepted = true;
        farm_b = (farm_b + 1) % 4;
    }
    void unlock() {
        bd();
        retransmit = wait = lockout = false;
        mode = 1;
    }
    void set_expected(int value) {
        bd();
        if (mode == 3) return;
        retransmit = wait = false;
        expected = value;
        mode = 1;
    }
    void released() {
        wait = false;
        if (mode == 2) mode = 1;
    }
};

struct Pair {
    FarmState farm;
    Oracle oracle;
};

Pair make(int mode, int expected, bool retransmit, bool wait, int farm_b) {
    Pair pair{};
    pair.farm.mode = static_cast<std::uint8_t>(mode - 1);
    pair.farm.expected = static_cast<std::uint8_t>(expected);
    pair.farm.farm_b_counter = static_cast<std::uint8_t>(farm_b);
    pair.farm.retransmit = retransmit ? 1 : 0;
    pair.farm.wait = wait ? 1 : 0;
    pair.oracle = {mode, expected, farm_b, retransmit, wait, mode == 3};
    return pair;
}

// The CLCW says all of the state; compared as the ground sees it.
bool agree(const Pair& pair, bool accepted) {
    const Oracle& o = pair.oracle;
    const std::uint32_t told = 0x0100'0000U | (o.lockout ? 0x2000U : 0U) | (o.wait ? 0x1000U : 0U) |
                               (o.retransmit ? 0x0800U : 0U) | (static_cast<std::uint32_t>(o.farm_b) << 9) |
                               static_cast<std::uint32_t>(o.expected);
    return clcw(pair.farm, true) == told && accepted == o.accepted && pair.farm.mode == o.mode - 1;
}

// Calls `run` for every state that can be: S1 with the wait flag down, S2 with both flags up, S3 with any.
template <typename Run>
void for_every_state(const Run& run) {
    for (int expected = 0; expected < 256; ++expected) {
        for (int farm_b = 0; farm_b < 4; ++farm_b) {
            run(make(1, expected, false, false, farm_b));
            run(make(1, expected, true, false, farm_b));
            run(make(2, expected, true, true, farm_b));
            for (int flags = 0; flags < 4; ++flags)
                run(make(3, expected, (flags & 1) != 0, (flags & 2) != 0, farm_b));
        }
    }
}

TEST_CASE("FARM-1 decides as the state table does, for every state, N(S) and room [L2.6]") {
    long cases = 0;
    long wrong = 0;
    for_every_state([&](const Pair& start) {
        if (start.oracle.farm_b != 0) return;
        for (int sequence = 0; sequence < 256; ++sequence) {
            for (const bool room : {false, true}) {
                if (start.oracle.mode == 2 && room) continue;  // not applicable: E10 comes first
                Pair pair = start;
                const auto number = static_cast<std::uint8_t>(sequence);
                const bool accepted = farm_step(pair.farm, farm_event(pair.farm, number, room));
                pair.oracle.ad(sequence, room);
                ++cases;
                if (!agree(pair, accepted)) ++wrong;
            }
        }
    });
    CHECK(wrong == 0);
    CHECK(cases == 256L * 256 * (2 * 2 + 1 + 4 * 2));
}

TEST_CASE("BD, Unlock, Set V(R) and buffer release do as the state table says, for every state [L2.6]") {
    long wrong = 0;
    for_every_state([&](const Pair& start) {
        Pair pair = start;
        bool accepted = farm_step(pair.farm, FarmEvent::expedited);
        pair.oracle.bd();
        if (!agree(pair, accepted)) ++wrong;
        pair = start;
        accepted = farm_step(pair.farm, FarmEvent::unlock);
        pair.oracle.unlock();
        if (!agree(pair, accepted)) ++wrong;
        pair = start;
        accepted = farm_step(pair.farm, FarmEvent::released);
        pair.oracle.released();
        if (!agree(pair, accepted)) ++wrong;
        for (int value = 0; value < 256; ++value) {
            pair = start;
            accepted = farm_step(pair.farm, FarmEvent::set_expected, static_cast<std::uint8_t>(value));
            pair.oracle.set_expected(value);
            if (!agree(pair, accepted)) ++wrong;
        }
    });
    CHECK(wrong == 0);
}

TEST_CASE("the windows are 127 each, and the two numbers between them lock: none else does [L2.6]") {
    for (int expected = 0; expected < 256; ++expected) {
        int turn = 0;
        int ahead = 0;
        int behind = 0;
        int outside = 0;
        FarmState farm{};
        farm.expected = static_cast<std::uint8_t>(expected);
        for (int sequence = 0; sequence < 256; ++sequence) {
            switch (farm_event(farm, static_cast<std::uint8_t>(sequence), true)) {
                case FarmEvent::in_turn_with_room:
                    ++turn;
                    break;
                case FarmEvent::ahead:
                    ++ahead;
                    break;
                case FarmEvent::behind:
                    ++behind;
                    break;
                default:
                    ++outside;
            }
        }
        CHECK(turn + ahead == 127);
        CHECK(behind == 127);
        CHECK(outside == 2);
    }
}

TEST_CASE("whatever a flipped bit makes of the state, an Unlock and a Set V(R) bring it back [L3.1]") {
    for (unsigned mode = 0; mode < 256; ++mode) {
        for (unsigned flag = 0; flag < 256; flag += 15) {
            FarmState farm{};
            farm.mode = static_cast<std::uint8_t>(mode);
            farm.wait = static_cast<std::uint8_t>(flag);
            farm.retransmit = static_cast<std::uint8_t>(flag);
            (void)farm_step(farm, farm_event(farm, 17, true));
            CHECK(farm.mode < farm_modes);
            CHECK(farm_step(farm, FarmEvent::unlock));
            CHECK(farm_step(farm, FarmEvent::set_expected, 200));
            (void)farm_step(farm, FarmEvent::released);
            CHECK((clcw(farm, true) & 0xF8FFU) == 200);
            CHECK(farm_step(farm, farm_event(farm, 200, true)));
        }
    }
}

TEST_CASE("a FARM that started cold takes no frame of type AD until it is unlocked, and says why [L2.6]") {
    FarmState farm{};
    farm.expected = 77;
    farm_start_cold(farm);
    CHECK((clcw(farm, true) & 0xFC00'2000U) == 0x0400'2000U);
    for (unsigned sequence = 0; sequence < 256; ++sequence) {
        CHECK_FALSE(farm_step(farm, farm_event(farm, static_cast<std::uint8_t>(sequence), true)));
    }
    CHECK_FALSE(farm_step(farm, FarmEvent::released));
    (void)farm_step(farm, FarmEvent::set_expected, 9);
    CHECK((clcw(farm, true) & 0xFC00'2000U) == 0x0400'2000U);
    CHECK(farm_step(farm, FarmEvent::expedited));
    CHECK(farm_step(farm, FarmEvent::unlock));
    CHECK((clcw(farm, true) & 0xFC00'2000U) == 0);
    CHECK(farm_step(farm, farm_event(farm, farm.expected, true)));
    farm.mode = static_cast<std::uint8_t>(FarmMode::lockout);
    CHECK((clcw(farm, true) & 0xFC00'2000U) == 0x2000U);
}

TEST_CASE("V(R) wraps, and frames go on through it [L2.6]") {
    FarmState farm{};
    for (int i = 0; i < 1000; ++i) {
        CHECK(farm_step(farm, farm_event(farm, static_cast<std::uint8_t>(i), true)));
        CHECK_FALSE(farm_step(farm, farm_event(farm, static_cast<std::uint8_t>(i), true)));
        CHECK((clcw(farm, true) & 0x3800U) == 0);
    }
    CHECK(farm.expected == 1000 % 256);
}

}  // namespace
}  // namespace safehold::tests
