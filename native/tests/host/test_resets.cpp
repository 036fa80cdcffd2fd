// Resets of the flight computer: what survives, what is begun anew, and what power that fails leaves behind.
// Reference is the state of just before the reset.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>

#include "computer/frames.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::tests {
namespace {

using computer::ReplicaState;
using computer::ResetCause;
using computer::Slot;
using host::HostedComputer;

constexpr std::int64_t half_minute_ns = 30'000'000'000;
constexpr std::uint64_t half_minute_ticks = 300;

std::unique_ptr<HostedComputer> make_hosted() {
    return std::make_unique<HostedComputer>(config());
}

bool reports(const HostedComputer& flight, EventId id) {
    if (flight.voted() == nullptr) return false;
    for (std::size_t i = 0; i < flight.voted()->events.count; ++i)
        if (flight.voted()->events.items[i].id == static_cast<std::uint16_t>(id)) return true;
    return false;
}

// The leader's control half changed as a command would change it, in every replica; kept at the next persist.
template <typename Change>
void change_control(HostedComputer& flight, Change change) {
    auto state = std::make_unique<computer::ComputerState>(flight.state());
    for (ReplicaState& replica : state->replicas)
        change(replica.control);
    flight.restore(*state);
}

// Waits out a downtime and makes the first step of the new start; the tick after it.
std::uint64_t come_back(HostedComputer& flight, std::uint64_t tick) {
    for (int waited = 0; flight.is_down() && waited < 100'000; ++waited)
        flight.step(sensor_frame(tick++));
    flight.step(sensor_frame(tick++));
    return tick;
}

TEST_CASE("L3.6: in a downtime nothing drives, nothing radiates, nothing is voted; then the start is told") {
    auto flight = make_hosted();
    run(*flight, 0, 200);
    flight->reset(ResetCause::external, half_minute_ns);
    for (std::uint64_t tick = 200; tick < 200 + half_minute_ticks; ++tick) {
        REQUIRE(flight->is_down());
        flight->step(sensor_frame(tick));
        CHECK(flight->voted() == nullptr);
        const ActuatorFrame& passive = flight->actuator();
        CHECK(passive.mode == static_cast<std::uint8_t>(Mode::boot));
        CHECK(passive.sequence == tick);
        CHECK(passive.transmitter_on == 0);
        CHECK(passive.deployment_fire == 0);
        CHECK(passive.latch_valve_open == 0);
        for (const float torque : passive.wheel_torque_n_m)
            CHECK(torque == 0.0F);
        for (const float dipole : passive.torquer_dipole_body_a_m2)
            CHECK(dipole == 0.0F);
    }
    CHECK_FALSE(flight->is_down());
    flight->step(sensor_frame(500));
    REQUIRE(flight->voted() != nullptr);
    CHECK(reports(*flight, EventId::computer_reset));
    CHECK(flight->state().boot.warm == 1);
    CHECK(flight->state().boot.count == 2);
    CHECK(flight->state().boot.down_ns == half_minute_ns);
    CHECK(flight->leader().account.telemetry.boot_cause == static_cast<std::uint8_t>(ResetCause::external));
    flight->step(sensor_frame(501));
    CHECK_FALSE(reports(*flight, EventId::computer_reset));
}

TEST_CASE("L3.6: a warm start keeps settings, overrides, deployment, FARM-1 and the mode") {
    auto flight = make_hosted();
    run(*flight, 0, 200);
    change_control(*flight, [](computer::ControlState& control) {
        control.parameters.schedule_window_s = 77.0;
        control.autonomy.deployment.separated = 1;
        control.autonomy.deployment.wing = 2;
        control.uplink.farm.expected = 93;
    });
    run(*flight, 200, 320);  // persisted every 30 s
    const auto before = std::make_unique<computer::ControlState>(flight->leader().control);
    flight->reset(ResetCause::external, half_minute_ns);
    CHECK(flight->leader().control.parameters.schedule_window_s != 77.0);  // replicas are volatile
    come_back(*flight, 320);
    const computer::ControlState& after = flight->leader().control;
    CHECK(after.parameters.schedule_window_s == 77.0);
    CHECK(std::memcmp(&after.autonomy.overrides, &before->autonomy.overrides,
                      sizeof after.autonomy.overrides) == 0);
    CHECK(after.autonomy.deployment.separated == 1);
    CHECK(after.autonomy.deployment.wing == 2);
    CHECK(after.uplink.farm.expected == 93);
    CHECK(after.autonomy.modes.mode == before->autonomy.modes.mode);
    CHECK(std::memcmp(&flight->state().replicas[0], &flight->state().replicas[1], sizeof(ReplicaState)) == 0);
    CHECK(std::memcmp(&flight->state().replicas[0], &flight->state().replicas[2], sizeof(ReplicaState)) == 0);
}

TEST_CASE("L3.6: without a sound control state the start is cold, and fires no release again") {
    auto flight = make_hosted();
    run(*flight, 0, 200);
    change_control(*flight, [](computer::ControlState& control) {
        control.parameters.schedule_window_s = 77.0;
        control.autonomy.deployment.separated = 1;
        control.autonomy.deployment.separated_s = 1.0e6;
        control.autonomy.deployment.wing = 2;
    });
    run(*flight, 200, 320);
    for (std::size_t copy = 0; copy < 2; ++copy)
        REQUIRE(flight->stores().persistence.flip(Slot::control, copy, 5000));
    flight->reset(ResetCause::external, half_minute_ns);
    std::uint64_t tick = come_back(*flight, 320);
    CHECK(flight->state().boot.warm == 0);
    CHECK(flight->state().boot.count == 2);
    CHECK(reports(*flight, EventId::computer_reset));
    CHECK(flight->leader().control.parameters.schedule_window_s == parameters_default.schedule_window_s);
    CHECK(flight->leader().control.autonomy.deployment.wing == 2);
    CHECK(flight->leader().control.autonomy.deployment.separated == 1);
    for (; tick < 6000; ++tick) {
        flight->step(sensor_frame(tick));
        REQUIRE(flight->actuator().deployment_fire == 0);
    }
    // What it persisted since is taken by the next start.
    flight->reset(ResetCause::external, half_minute_ns);
    come_back(*flight, tick);
    CHECK(flight->state().boot.warm == 1);
}

TEST_CASE("L3.6: with nothing at all in the stores the computer starts as at launch") {
    auto flight = make_hosted();
    run(*flight, 0, 200);
    for (const Slot slot : {Slot::control, Slot::boot, Slot::security})
        flight->stores().persistence.forget(slot);
    flight->reset(ResetCause::external, half_minute_ns);
    come_back(*flight, 200);
    REQUIRE(flight->voted() != nullptr);
    CHECK(flight->state().boot.warm == 0);
    CHECK(flight->state().boot.count == 1);
    CHECK_FALSE(reports(*flight, EventId::computer_reset));
}

TEST_CASE("L3.6: two silent seconds trip the watchdog, and the third such start gives the state up") {
    auto flight = make_hosted();
    std::uint64_t tick = 0;
    for (; tick < 200; ++tick)
        flight->step(sensor_frame(tick));
    for (std::uint32_t start = 1; start <= 3; ++start) {
        for (std::size_t replica = 0; replica < 3; ++replica)
            flight->stall(replica, 1000);
        for (int silent = 0; silent < 20; ++silent) {
            REQUIRE_FALSE(flight->is_down());
            flight->step(sensor_frame(tick++));
        }
        REQUIRE(flight->is_down());
        tick = come_back(*flight, tick);
        REQUIRE(flight->voted() != nullptr);
        CHECK(flight->state().boot.cause == static_cast<std::uint8_t>(ResetCause::watchdog));
        CHECK(flight->state().boot.count == 1 + start);
        CHECK(flight->state().boot.warm == (start < 3 ? 1 : 0));
    }
}

TEST_CASE("L3.6: power that fails within any write of a minute resets the computer, which then goes on") {
    auto reference = make_hosted();
    run(*reference, 0, 600);
    const std::uint64_t writes = reference->stores().power.writes;
    REQUIRE(writes > 20);
    for (std::uint64_t cut = 1; cut <= writes; ++cut) {
        for (const std::uint32_t keeps : {0U, 100U, 60'000U}) {
            auto flight = make_hosted();
            flight->stores().power.cut_at = cut;
            flight->stores().power.keeps = keeps;
            run(*flight, 0, 700);
            REQUIRE_FALSE(flight->is_down());
            REQUIRE(flight->voted() != nullptr);
            CHECK(flight->stores().power.out == 0);
            // Within the boot loader's own first write the count may not have been kept.
            CHECK(flight->state().boot.count >= (cut <= 3 ? 1 : 2));
            CHECK(flight->state().boot.count <= 2);
            CHECK(flight->voter().status.restorations == 0);
        }
    }
}

}  // namespace
}  // namespace safehold::tests
