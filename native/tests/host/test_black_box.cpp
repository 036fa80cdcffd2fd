// The black box: what it keeps gives back, tick by tick, what flew.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "computer/frames.hpp"
#include "safehold/host/black_box_replay.hpp"
#include "safehold/host/packing.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::tests {
namespace {

using host::BlackBoxReplay;
using host::HostedComputer;
using Octets = std::vector<std::uint8_t>;

std::vector<computer::FileEntry> chunks(const HostedComputer& flight) {
    auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::directory);
    request.octets_max = computer::readback_octets_max;
    flight.stores().read(request, *readback);
    std::vector<computer::FileEntry> found(readback->records);
    std::memcpy(found.data(), readback->data.data(), found.size() * sizeof(computer::FileEntry));
    return found;
}

Octets content(const HostedComputer& flight, const computer::FileEntry& entry) {
    auto readback = std::make_unique<computer::Readback>();
    Octets octets;
    while (octets.size() < entry.length) {
        computer::ReadRequest request{};
        request.kind = static_cast<std::uint8_t>(computer::ReadKind::file);
        request.file = entry.id;
        request.from = octets.size();
        request.octets_max = computer::readback_octets_max;
        flight.stores().read(request, *readback);
        REQUIRE(readback->octets != 0);
        octets.insert(octets.end(), readback->data.data(), readback->data.data() + readback->octets);
    }
    return octets;
}

Octets control_of(const computer::ReplicaState& state) {
    Octets octets(sizeof state.control + sizeof(Telemetry));
    std::memcpy(octets.data(), &state.control, sizeof state.control);
    std::memcpy(octets.data() + sizeof state.control, &state.account.telemetry, sizeof(Telemetry));
    return octets;
}

// Frames whose readings are whole words of their units, as a real unit's are.
SensorFrame worded_frame(std::uint64_t tick) {
    SensorFrame frame = sensor_frame(tick);
    const auto round = [](float& value, double quantum) {
        const auto words = static_cast<std::int64_t>(static_cast<double>(value) / quantum);
        value = static_cast<float>(static_cast<double>(words) * quantum);
    };
    for (auto& unit : frame.gyro_rate_body_rad_s)
        for (float& rate : unit)
            round(rate, 1e-6);
    for (auto& unit : frame.magnetometer_body_t)
        for (float& field : unit)
            round(field, 5e-9);
    return frame;
}

// A flight with a command now and then, and what its leader was after each tick.
struct Flown {
    std::unique_ptr<HostedComputer> flight;
    std::vector<Octets> after;
};

Flown fly(std::uint64_t ticks, bool keep) {
    Flown flown{std::make_unique<HostedComputer>(config()), {}};
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick % 97 == 5) {
            const std::array<std::uint8_t, 12> noise = {1, 2, 3, static_cast<std::uint8_t>(tick)};
            flown.flight->receive(noise.data(), noise.size());
        }
        flown.flight->step(worded_frame(tick));
        if (keep) flown.after.push_back(control_of(flown.flight->leader()));
    }
    return flown;
}

}  // namespace

TEST_CASE("L6.3: a chunk gives back the control state and telemetry of each of its ticks") {
    const Flown flown = fly(6100, true);
    const auto found = chunks(*flown.flight);
    REQUIRE(found.size() == 2);
    CHECK(found[0].sealed == 1);
    CHECK(found[1].sealed == 0);
    std::uint64_t tick = 0;
    for (const computer::FileEntry& entry : found) {
        BlackBoxReplay replay(content(*flown.flight, entry));
        CHECK(replay.first_tick() == tick);
        while (replay.step()) {
            REQUIRE(control_of(replay.state()) == flown.after[tick]);
            ++tick;
        }
        CHECK(replay.checks_failed() == 0);
        CHECK(replay.checks_held() == (entry.sealed == 1 ? 10 : 0));
    }
    CHECK(tick == 6100);  // written through each second
}

TEST_CASE("L6.3: over a reset all but the last second before it comes back, from the state that was loaded") {
    // By tick at which the reset comes; 30 s down. 2 is before anything but the state was written through.
    for (const std::uint64_t at : {2U, 433U, 1500U, 5'995U}) {
        auto flight = std::make_unique<HostedComputer>(config());
        std::vector<Octets> after(7000);
        for (std::uint64_t tick = 0; tick < after.size(); ++tick) {
            if (tick == at) flight->reset(computer::ResetCause::external, 30'000'000'000);
            flight->step(worded_frame(tick));
            if (flight->voted() != nullptr) after[tick] = control_of(flight->leader());
            REQUIRE(flight->voter().ticks == tick + 1);
        }
        std::vector<bool> seen(after.size());
        const auto found = chunks(*flight);
        for (const computer::FileEntry& entry : found) {
            CHECK(entry.sealed == (entry.id == found.back().id ? 0 : 1));
            BlackBoxReplay replay(content(*flight, entry));
            while (replay.step()) {
                const std::uint64_t tick = replay.next_tick() - 1;
                REQUIRE(tick < after.size());
                REQUIRE_FALSE(seen[tick]);
                REQUIRE(control_of(replay.state()) == after[tick]);
                seen[tick] = true;
            }
            CHECK(replay.checks_failed() == 0);
        }
        for (std::uint64_t tick = 0; tick < after.size(); ++tick) {
            const bool down = tick >= at && tick < at + 300;
            const bool lost = tick < at && tick + 10 >= at;
            if (!lost) CHECK_MESSAGE(seen[tick] == !down, "reset at ", at, ", tick ", tick);
        }
    }
}

TEST_CASE("L6.3: power that fails within any write leaves chunks that compute to what flew") {
    std::uint64_t writes = 0;
    for (std::uint64_t cut = 0; cut <= writes; ++cut) {
        auto flight = std::make_unique<HostedComputer>(config());
        flight->stores().power.cut_at = cut;
        std::vector<Octets> after(150);
        for (std::uint64_t tick = 0; tick < after.size(); ++tick) {
            flight->step(worded_frame(tick));
            if (flight->voted() != nullptr) after[tick] = control_of(flight->leader());
        }
        if (cut == 0) writes = flight->stores().power.writes;
        for (const computer::FileEntry& entry : chunks(*flight)) {
            BlackBoxReplay replay(content(*flight, entry));
            while (replay.step()) {
                const Octets& flew = after[replay.next_tick() - 1];
                // A step that power ended, with all that came of it, was made but never got out.
                if (!flew.empty()) REQUIRE(control_of(replay.state()) == flew);
            }
        }
    }
    CHECK(writes > 20);
}

TEST_CASE("L6.3: chunks of the last 24 h are kept, and no more") {
    const auto flight = std::make_unique<HostedComputer>(config(1));
    const std::uint64_t chunk_ticks = 6000;
    for (std::uint64_t tick = 0; tick < 150 * chunk_ticks; tick += 100) {
        // Ticks that are told to be far apart, to come soon to the end of each chunk.
        computer::ComputerState state = flight->state();
        state.voter.ticks = tick;
        flight->restore(state);
        flight->step(worded_frame(tick));
    }
    const auto found = chunks(*flight);
    CHECK(found.size() == host::chunks_kept);
    CHECK(found.back().id == cdh::file_id_black_box + 150);
    for (std::size_t i = 0; i + 1 < found.size(); ++i)
        CHECK(found[i].sealed == 1);
}

TEST_CASE("L6.3: starts on end do not push out what was kept of the flight before") {
    const auto flight = std::make_unique<HostedComputer>(config(1));
    std::uint64_t tick = 0;
    for (; tick < 6'100; ++tick)
        flight->step(worded_frame(tick));
    for (int start = 0; start < 170; ++start) {
        flight->reset(computer::ResetCause::external, 300'000'000);
        for (const std::uint64_t until = tick + 12; tick < until; ++tick)
            flight->step(worded_frame(tick));
    }
    const auto found = chunks(*flight);
    CHECK(found.size() <= host::chunks_kept);
    CHECK(found.size() > host::chunks_kept - 3);
    CHECK(found.front().id == cdh::file_id_black_box + 1);
    BlackBoxReplay replay(content(*flight, found.front()));
    while (replay.step()) {}
    CHECK(replay.next_tick() == 6000);
}

TEST_CASE("L6.3: the chunk of an anomaly, the one before it and the one after it go down first") {
    const auto flight = std::make_unique<HostedComputer>(config());
    const auto first = static_cast<std::uint8_t>(cdh::FileKind::black_box_anomaly);
    const auto usual = static_cast<std::uint8_t>(cdh::FileKind::black_box);
    for (std::uint64_t tick = 0; tick < 36'001; ++tick) {
        SensorFrame frame = worded_frame(tick);
        // Every gyro is lost for a while: an event of high severity.
        if (tick > 20'000 && tick < 20'600) frame.valid = static_cast<std::uint16_t>(frame.valid & ~0xFU);
        flight->step(frame);
    }
    std::vector<std::uint8_t> kinds;
    for (const computer::FileEntry& entry : chunks(*flight))
        kinds.push_back(entry.kind);
    // SURVIVAL is entered at tick 898: the first two chunks go down first for that.
    CHECK(kinds == std::vector<std::uint8_t>{first, first, first, first, first, usual, usual});
}

TEST_CASE("L6.3: a changed octet of what was kept does not pass for what flew") {
    const Flown flown = fly(1300, false);
    const auto found = chunks(*flown.flight);
    const Octets sound = content(*flown.flight, found[0]);
    std::uint64_t seed = 5;
    int broken = 0;
    int failed = 0;
    for (int trial = 0; trial < 60; ++trial) {
        Octets octets = sound;
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        octets[(seed >> 20) % octets.size()] ^= static_cast<std::uint8_t>(1U << (seed >> 60 & 7U));
        try {
            BlackBoxReplay replay(octets);
            while (replay.step()) {}
            if (replay.checks_failed() != 0) ++failed;
        } catch (const std::invalid_argument&) {
            ++broken;
        }
    }
    CHECK(broken > 0);
    CHECK(failed > 0);
    for (std::size_t cut = 0; cut < sound.size(); cut += 997) {
        try {
            BlackBoxReplay replay(Octets(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(cut)));
            while (replay.step()) {}
            CHECK(replay.next_tick() < 1300);
        } catch (const std::invalid_argument& error) {
            CHECK(std::string(error.what()).starts_with("a chunk of the black box "));
        }
    }
}

TEST_CASE("L6.3: octets with their zeros left out come back, and broken ones are refused") {
    std::uint64_t seed = 9;
    for (int trial = 0; trial < 300; ++trial) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        Octets octets((seed >> 33) % 3000);
        std::uint64_t bits = seed;
        for (std::uint8_t& octet : octets) {
            bits = bits * 6364136223846793005ULL + 1442695040888963407ULL;
            octet = (bits >> 60) < static_cast<std::uint64_t>(trial % 16)
                        ? static_cast<std::uint8_t>(bits >> 40)
                        : 0;
        }
        const Octets packed = host::pack_zeros(octets.data(), octets.size());
        Octets back(octets.size());
        REQUIRE(host::unpack_zeros(packed.data(), packed.size(), back.data(), back.size()));
        REQUIRE(back == octets);
        Octets longer(octets.size() + 1);
        CHECK_FALSE(host::unpack_zeros(packed.data(), packed.size(), longer.data(), longer.size()));
        if (!packed.empty())
            CHECK_FALSE(host::unpack_zeros(packed.data(), packed.size() - 1, back.data(), back.size()));
    }
    const Octets zeros(200'000);
    CHECK(host::pack_zeros(zeros.data(), zeros.size()).size() < 32);
}

}  // namespace safehold::tests
