// The voter's truth table, state comparison and resynchronisation, on outputs and states made by hand.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>

#include "frames.hpp"

namespace safehold::tests {
namespace {

using namespace computer;

using Outputs = std::array<StepOutput, replicas_max>;
using Replicas = std::array<ReplicaState, replicas_max>;

std::unique_ptr<Outputs> equal_outputs() {
    auto outputs = std::make_unique<Outputs>();
    for (StepOutput& output : *outputs) {
        output = StepOutput{};
        output.status = static_cast<std::uint32_t>(StepStatus::done);
        output.frame_count = 1;
        output.frames[0].fill(0x55);
        output.events.add(EventId::replica_diverged, 1.0, 2.0);
        const std::array<std::uint8_t, 3> octets = {1, 2, 3};
        CHECK(output.records.add(Stream::debug, octets.data(), octets.size()));
        CHECK(output.files.write(7, 100, octets.data(), octets.size()));
        // What a step has not written is whatever was there before.
        output.records.octets[3] = static_cast<std::uint8_t>(&output - outputs->data());
        output.files.octets[3] = output.records.octets[3];
        output.records.items[1].length = output.records.octets[3];
    }
    return outputs;
}

std::unique_ptr<Replicas> equal_replicas() {
    auto replicas = std::make_unique<Replicas>();
    replica_init((*replicas)[0], parameters_default);
    (*replicas)[1] = (*replicas)[0];
    (*replicas)[2] = (*replicas)[0];
    return replicas;
}

std::uint8_t* octets_of(ReplicaState& state) {
    return reinterpret_cast<std::uint8_t*>(&state);
}

TEST_CASE("equal outputs are unanimous") {
    const Vote result = vote(*equal_outputs(), 7);
    CHECK(result.winner == 0);
    CHECK(result.differing == 0);
}

TEST_CASE("one bit in any part of one output makes that replica the minority [L3.3]") {
    for (std::size_t replica = 0; replica < 3; ++replica) {
        for (int part = 0; part < 12; ++part) {
            auto outputs = equal_outputs();
            StepOutput& hit = (*outputs)[replica];
            if (part == 0) hit.actuator.heater_command = 1;
            if (part == 1) hit.frames[0][1114] ^= 0x80U;
            if (part == 2) hit.events.items[0].arguments[1] = 3.0;
            if (part == 3) hit.read.from = 1;
            if (part == 4) hit.drop.valid = 1;
            if (part == 5) hit.persist.crc = 1;
            if (part == 6) hit.records.octets[2] = 4;
            if (part == 7) hit.records.items[0].stream = 0;
            if (part == 8) hit.records.length = 2;
            if (part == 9) hit.files.octets[2] = 4;
            if (part == 10) hit.files.items[0].offset = 101;
            if (part == 11) hit.files.count = 0;
            const Vote result = vote(*outputs, 7);
            CHECK(result.differing == 1 << replica);
            CHECK(result.winner == (replica == 0 ? 1 : 0));
        }
    }
}

TEST_CASE("frames and events beyond the counts do not vote") {
    auto outputs = equal_outputs();
    (*outputs)[1].frames[1].fill(0xAA);
    (*outputs)[1].events.items[1].id = 9;
    CHECK(vote(*outputs, 7).differing == 0);
}

TEST_CASE("three different outputs have no winner [L3.3]") {
    auto outputs = equal_outputs();
    (*outputs)[1].actuator.mode = 1;
    (*outputs)[2].actuator.mode = 2;
    CHECK(vote(*outputs, 7).winner == no_winner);
}

TEST_CASE("a silent replica is with nobody, and two silent ones leave no majority") {
    for (std::size_t replica = 0; replica < 3; ++replica) {
        auto outputs = equal_outputs();
        (*outputs)[replica].status = static_cast<std::uint32_t>(StepStatus::silent);
        const Vote one = vote(*outputs, 7);
        CHECK(one.winner != no_winner);
        CHECK(one.winner != static_cast<int>(replica));
        CHECK(one.differing == 1 << replica);
        (*outputs)[(replica + 1) % 3].status = static_cast<std::uint32_t>(StepStatus::silent);
        CHECK(vote(*outputs, 7).winner == no_winner);
    }
}

TEST_CASE("a pair must agree, and one alone wins unless silent") {
    auto outputs = equal_outputs();
    CHECK(vote(*outputs, 6).winner == 1);
    CHECK(vote(*outputs, 5).winner == 0);
    (*outputs)[2].actuator.mode = 2;
    CHECK(vote(*outputs, 6).winner == no_winner);
    CHECK(vote(*outputs, 3).winner == 0);
    CHECK(vote(*outputs, 1).winner == 0);
    (*outputs)[0].status = static_cast<std::uint32_t>(StepStatus::silent);
    CHECK(vote(*outputs, 1).winner == no_winner);
}

TEST_CASE("of a pair the one that still speaks wins [L3.6]") {
    for (int silent = 0; silent < 3; ++silent) {
        auto outputs = equal_outputs();
        (*outputs)[static_cast<std::size_t>(silent)].status = static_cast<std::uint32_t>(StepStatus::silent);
        for (int other = 0; other < 3; ++other) {
            if (other == silent) continue;
            const Vote result = vote(*outputs, static_cast<std::uint8_t>(1 << silent | 1 << other));
            CHECK(result.winner == other);
            CHECK(result.differing == 1 << silent);
        }
    }
}

TEST_CASE("a slice tells which state differs") {
    auto replicas = equal_replicas();
    CHECK(differing_slice(*replicas, 7, 0, sizeof(ReplicaState)) == 0);
    for (std::size_t replica = 0; replica < 3; ++replica) {
        auto hit = equal_replicas();
        octets_of((*hit)[replica])[1000] ^= 1U;
        CHECK(differing_slice(*hit, 7, 768, 256) == 1 << replica);
        CHECK(differing_slice(*hit, 7, 1024, 256) == 0);
    }
    octets_of((*replicas)[0])[5] ^= 1U;
    octets_of((*replicas)[1])[5] ^= 2U;
    CHECK(differing_slice(*replicas, 7, 0, 256) == 7);
    CHECK(differing_slice(*replicas, 6, 0, 256) == 6);
}

TEST_CASE("resynchronisation copies the majority, octet for octet [L3.1]") {
    auto replicas = equal_replicas();
    const ReplicaState whole = (*replicas)[0];
    for (std::size_t i = 0; i < sizeof(ReplicaState); ++i)
        octets_of((*replicas)[1])[i] ^= 0x5AU;
    REQUIRE(resynchronise(*replicas, 7, 1));
    CHECK(std::memcmp(&(*replicas)[1], &whole, sizeof whole) == 0);
}

TEST_CASE("a latent flip in a source is outvoted, not copied [L3.1]") {
    auto replicas = equal_replicas();
    const ReplicaState whole = (*replicas)[0];
    octets_of((*replicas)[1])[100] ^= 1U;   // the one that is to be healed
    octets_of((*replicas)[0])[5000] ^= 1U;  // latent, in one of its two sources
    REQUIRE(resynchronise(*replicas, 7, 1));
    for (const ReplicaState& replica : *replicas)
        CHECK(std::memcmp(&replica, &whole, sizeof whole) == 0);
}

TEST_CASE("a word with three values cannot be resynchronised and changes nothing") {
    auto replicas = equal_replicas();
    octets_of((*replicas)[1])[100] ^= 1U;
    octets_of((*replicas)[0])[100] ^= 2U;
    const Replicas before = *replicas;
    CHECK_FALSE(resynchronise(*replicas, 7, 1));
    CHECK(std::memcmp(&before, replicas.get(), sizeof before) == 0);
}

}  // namespace
}  // namespace safehold::tests
