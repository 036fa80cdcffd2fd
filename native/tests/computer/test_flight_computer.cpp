// The flight computer under faults: what each failure leaves behind. Reference is the same computer without
// the fault.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "frames.hpp"

namespace safehold::tests {
namespace {

using namespace computer;

constexpr std::uint64_t ticks = 300;

std::vector<ActuatorFrame> reference(std::uint32_t replicas = 3) {
    auto flight = make_computer(replicas);
    std::vector<ActuatorFrame> frames;
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        flight->step(sensor_frame(tick));
        frames.push_back(flight->actuator());
    }
    return frames;
}

bool same(const ActuatorFrame& a, const ActuatorFrame& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

// A bit in the middle of the control half: the integer count of cycles, which is in the output's heartbeat.
std::size_t heartbeat_bit() {
    return (offsetof(ReplicaState, control) + offsetof(ControlState, executive) +
            offsetof(ExecutiveState, heartbeat)) *
           8;
}

TEST_CASE("the state has no padding") {
    // __builtin_clear_padding zeroes every octet that belongs to no member; in a state full of ones none may
    // change.
    auto state = std::make_unique<ComputerState>();
    std::memset(static_cast<void*>(state.get()), 0xFF, sizeof *state);
    __builtin_clear_padding(state.get());
    const auto* octets = reinterpret_cast<const std::uint8_t*>(state.get());
    std::size_t cleared = 0;
    for (std::size_t i = 0; i < sizeof *state; ++i)
        cleared += octets[i] != 0xFF ? 1 : 0;
    CHECK(cleared == 0);
}

TEST_CASE("one and three replicas drive the actuators alike [L3.3]") {
    const auto one = reference(1);
    const auto three = reference(3);
    for (std::size_t i = 0; i < one.size(); ++i)
        CHECK(same(one[i], three[i]));
}

TEST_CASE(
    "a flip in one replica's output changes nothing outside, and the replica is copied from the majority") {
    const auto expected = reference();
    auto flight = make_computer();
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick == 50) flight->flip(1, heartbeat_bit());
        flight->step(sensor_frame(tick));
        CHECK(same(flight->actuator(), expected[tick]));
    }
    CHECK(flight->voter().status.divergences[1] == 3);
    CHECK(flight->voter().status.resynchronisations[1] == 1);
    CHECK(std::memcmp(&flight->state().replicas[0], &flight->state().replicas[1], sizeof(ReplicaState)) == 0);
}

TEST_CASE("a latent flip is found by the rolling slice within a round [L3.1]") {
    auto flight = make_computer();
    run(*flight, 0, 50);
    // The tail of the packet queue is not written without a transmitter: only the comparison can see it.
    const std::size_t octet = offsetof(ReplicaState, account) + offsetof(AccountState, cdh) + 8000;
    flight->flip(2, octet * 8 + 3);
    const std::uint64_t round = sizeof(ReplicaState) / slice_octets + 1 + 3;
    run(*flight, 50, 50 + round);
    CHECK(flight->voter().status.resynchronisations[2] == 1);
    CHECK(std::memcmp(&flight->state().replicas[0], &flight->state().replicas[2], sizeof(ReplicaState)) == 0);
}

TEST_CASE("without resynchronisation the replica stays diverged and a second fault gets through") {
    const auto expected = reference();
    auto flight = make_computer(3, 0);
    std::uint64_t changed = 0;
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick == 50) flight->flip(1, heartbeat_bit());
        if (tick == 100) flight->flip(0, heartbeat_bit() + 1);
        flight->step(sensor_frame(tick));
        changed += same(flight->actuator(), expected[tick]) ? 0 : 1;
        if (tick < 100) CHECK(changed == 0);
    }
    CHECK(flight->voter().status.resynchronisations[1] == 0);
    CHECK(changed > 0);
}

TEST_CASE("with resynchronisation a second fault after it is voted out as well [L3.1]") {
    const auto expected = reference();
    auto flight = make_computer();
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick == 50) flight->flip(1, heartbeat_bit());
        if (tick == 100) flight->flip(0, heartbeat_bit() + 1);
        flight->step(sensor_frame(tick));
        CHECK(same(flight->actuator(), expected[tick]));
    }
}

TEST_CASE("three different answers: hold two ticks, then passive, checkpoint, SAFE [L3.7]") {
    auto flight = make_computer();
    run(*flight, 0, 400);  // beyond the first checkpoint
    const ActuatorFrame last = flight->actuator();
    flight->flip(0, heartbeat_bit());
    flight->flip(1, heartbeat_bit() + 1);
    for (std::uint64_t tick = 400; tick < 402; ++tick) {
        flight->step(sensor_frame(tick));
        ActuatorFrame held = last;
        held.sequence = static_cast<std::uint32_t>(tick);
        CHECK(flight->voted() == nullptr);
        CHECK(same(flight->actuator(), held));
    }
    flight->step(sensor_frame(402));
    const ActuatorFrame& passive = flight->actuator();
    for (const float torque : passive.wheel_torque_n_m)
        CHECK(torque == 0.0F);
    for (const float dipole : passive.torquer_dipole_body_a_m2)
        CHECK(dipole == 0.0F);
    for (const float on : passive.thruster_on_s)
        CHECK(on == 0.0F);
    CHECK(passive.latch_valve_open == 0);
    CHECK(passive.deployment_fire == 0);
    CHECK(flight->voter().status.restorations == 1);
    flight->step(sensor_frame(403));
    REQUIRE(flight->voted() != nullptr);
    CHECK(flight->voted()->actuator.heartbeat < 400);  // the checkpoint is older
    bool reported = false;
    for (std::size_t i = 0; i < flight->voted()->events.count; ++i) {
        reported = reported || flight->voted()->events.items[i].id ==
                                   static_cast<std::uint16_t>(EventId::computer_restored);
    }
    CHECK(reported);
    run(*flight, 404, 500);
    CHECK(flight->voter().status.restorations == 1);
}

TEST_CASE("a hung replica is silent, is voted out and comes back [L3.6]") {
    const auto expected = reference();
    auto flight = make_computer();
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick == 50) flight->stall(0, 10);
        flight->step(sensor_frame(tick));
        CHECK(same(flight->actuator(), expected[tick]));
    }
    CHECK(flight->voter().status.divergences[0] >= 10);
    CHECK(flight->voter().status.resynchronisations[0] == 1);
    CHECK(flight->voter().status.retired == 0);
    CHECK(std::memcmp(&flight->state().replicas[0], &flight->state().replicas[1], sizeof(ReplicaState)) == 0);
}

TEST_CASE("a replica that never comes back is retired [L3.7]") {
    auto flight = make_computer();
    flight->stall(0, 1000);
    run(*flight, 0, 101);
    CHECK(flight->voter().status.retired == 1);
    CHECK(flight->voter().status.resynchronisations[0] == 0);
}

TEST_CASE("a computer whose every replica hangs goes passive and comes back from its checkpoint [L3.6]") {
    auto flight = make_computer();
    run(*flight, 0, 50);
    for (std::size_t replica = 0; replica < 3; ++replica)
        flight->stall(replica, 3);
    run(*flight, 50, 53);
    CHECK(flight->voter().status.restorations == 1);
    CHECK(flight->voted() == nullptr);
    run(*flight, 53, 54);
    CHECK(flight->voted() != nullptr);
}

TEST_CASE("a replica that keeps diverging is retired, and the pair drives on [L3.7]") {
    const auto expected = reference();
    auto flight = make_computer();
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick >= 50 && tick % 20 == 0) flight->flip(2, heartbeat_bit());
        flight->step(sensor_frame(tick));
        CHECK(same(flight->actuator(), expected[tick]));
    }
    CHECK(flight->voter().status.retired == 4);
    CHECK(flight->voter().status.resynchronisations[2] == 4);
    flight->flip(1, heartbeat_bit());  // a pair cannot tell which is right
    run(*flight, ticks, ticks + 3);
    CHECK(flight->voter().status.restorations == 1);
}

TEST_CASE("one of a pair that hangs is waited for, and in the end given up; the other drives on [L3.6]") {
    const auto expected = reference();
    auto flight = make_computer();
    flight->stall(0, 1000);
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick == 120) flight->stall(1, 10);
        if (tick == 150) flight->stall(1, 1000);
        flight->step(sensor_frame(tick));
        CHECK(same(flight->actuator(), expected[tick]));
        if (tick == 119) CHECK(flight->voter().status.retired == 1);
        if (tick == 140) {
            CHECK(flight->voter().status.retired == 1);
            const auto& replicas = flight->state().replicas;
            CHECK(std::memcmp(&replicas[1], &replicas[2], sizeof(ReplicaState)) == 0);
        }
    }
    CHECK(flight->voter().status.retired == 3);
    CHECK(flight->voter().status.restorations == 0);
}

TEST_CASE("the control period is the tick's, whatever happens to the setting") {
    auto flight = make_computer(1);
    const std::size_t octet = offsetof(ReplicaState, control) + offsetof(ControlState, parameters) +
                              offsetof(Parameters, control_period_s);
    const auto period_s = [&] { return flight->leader().control.parameters.control_period_s; };
    run(*flight, 0, 50);
    flight->flip(0, octet * 8 + 54);
    CHECK(period_s() != 0.1);
    run(*flight, 50, 51);
    CHECK(period_s() == 0.1);
}

TEST_CASE("a setting that leaves its limits goes back to the value that it was configured with") {
    auto flight = make_computer(1);
    auto state = std::make_unique<ComputerState>(flight->state());
    REQUIRE(parameters_default.radio_silence_s != 0.0);
    REQUIRE(state->replicas[0].control.parameters.radio_silence_s == 0.0);  // as configured
    state->replicas[0].control.parameters.radio_silence_s = 1.0e9;
    flight->restore(*state);
    run(*flight, 0, 120);
    CHECK(flight->leader().control.parameters.radio_silence_s == 0.0);
    CHECK(flight->leader().account.computer.settings_repaired == 1);
}

TEST_CASE("the account half never reaches an actuator") {
    const auto expected = reference();
    auto flight = make_computer();
    for (std::uint64_t tick = 0; tick < ticks; ++tick) {
        if (tick % 7 == 0) {
            for (std::size_t replica = 0; replica < 3; ++replica)
                flight->scramble_account(replica, tick);
        }
        flight->step(sensor_frame(tick));
        REQUIRE(flight->voted() != nullptr);
        CHECK(same(flight->actuator(), expected[tick]));
    }
}

TEST_CASE("overruns are counted; ten on end ask for SAFE [L3.6]") {
    auto flight = make_computer();
    run(*flight, 0, 50);
    for (std::uint64_t tick = 50; tick < 60; ++tick) {
        flight->report_overrun();
        flight->step(sensor_frame(tick));
    }
    CHECK(flight->leader().account.computer.overruns == 10);
    bool answered = false;
    for (std::size_t i = 0; i < flight->voted()->events.count; ++i) {
        const auto id = flight->voted()->events.items[i].id;
        answered = answered || id == static_cast<std::uint16_t>(EventId::mode_request_accepted) ||
                   id == static_cast<std::uint16_t>(EventId::mode_request_refused);
    }
    CHECK(answered);
}

TEST_CASE("every bit of a state may flip without a crash, a hang or a sanitizer's report") {
    // One flip in each octet of one replica, spread over ticks; also the proof under ASan and UBSan.
    auto flight = make_computer(3, 1);
    std::uint64_t tick = 0;
    for (std::size_t octet = 0; octet < sizeof(ReplicaState); ++octet, ++tick) {
        flight->flip(octet % 3, octet * 8 + octet % 8);
        SensorFrame frame = sensor_frame(tick);
        frame.receiver_lock = (tick / 64) % 2 == 0 ? 1 : 0;
        flight->step(frame);
        flight->step(frame);
        if (flight->voter().status.retired != 0 || flight->voter().status.restorations > 0)
            flight = make_computer(3, 1);
    }
    CHECK(tick == sizeof(ReplicaState));
}

}  // namespace
}  // namespace safehold::tests
