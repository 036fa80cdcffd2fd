#include "safehold/gnc/deployment.hpp"

#include <bit>

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr std::uint32_t attempts_max = 3;
constexpr std::uint8_t arm = 0x80;
constexpr double seen_after_s = 1.0;

}  // namespace

void deployment_init(Deployment& state) {
    state = Deployment{};
}

void deployment_observe(Deployment& state, const Parameters& p, const SensorFrame& frame, EventList& events) {
    if (state.separated != 0) {
        state.separated_s = least(state.separated_s + p.control_period_s, 1.0e9);
        return;
    }
    const bool told = std::popcount(static_cast<unsigned>(frame.separation_switches & 7U)) >= 2;
    if (held(state.persistence_s, told, p.control_period_s, seen_after_s)) {
        state.separated = 1;
        state.separated_s = 0.0;
        events.add(EventId::separation_seen, frame.separation_switches);
    }
}

void deployment_assume_separated(Deployment& state, const Parameters& p) {
    if (state.separated != 0) return;
    state.separated = 1;
    state.separated_s = greatest(p.separation_inhibit_s, p.radio_silence_s);
}

void deployment_take_over(Deployment& state, bool separated, bool silence_over, bool ended) {
    if (separated) state.separated = 1;
    if (separated && silence_over) state.separated_s = 1.0e9;
    if (separated && ended) state.wing = 2;
}

std::uint8_t deployment_step(Deployment& state, const Parameters& p, const SensorFrame& frame,
                             EventList& events) {
    if (state.separated == 0 || state.separated_s < p.separation_inhibit_s || state.wing >= 2) return 0;
    const std::uint32_t wing = state.wing;
    const bool deployed = (frame.deployment_switches >> wing & 1U) != 0;
    if (deployed) {
        events.add(EventId::deployment_verified, wing, state.attempt);
        ++state.wing;
        state.attempt = 0;
        state.firing = 0;
        state.phase_s = 0.0;
        return 0;
    }
    if (state.attempt == 0) {
        state.attempt = 1;
        state.firing = 1;
        state.phase_s = 0.0;
        events.add(EventId::deployment_fired, wing, state.attempt);
    }
    state.phase_s = least(state.phase_s + p.control_period_s, 1.0e9);
    if (state.firing != 0) {
        if (state.phase_s <= p.deployment_fire_s) return static_cast<std::uint8_t>(arm | 1U << wing);
        state.firing = 0;
        state.phase_s = 0.0;
        return 0;
    }
    if (state.phase_s < p.deployment_wait_s) return 0;
    if (state.attempt >= attempts_max) {
        events.add(EventId::deployment_failed, wing, state.attempt);
        state.failed |= 1U << wing;
        ++state.wing;
        state.attempt = 0;
        return 0;
    }
    ++state.attempt;
    state.firing = 1;
    state.phase_s = 0.0;
    events.add(EventId::deployment_fired, wing, state.attempt);
    return 0;
}

}  // namespace safehold
