#include "safehold/gnc/sun_sense.hpp"

namespace safehold {
namespace {

constexpr double signal_strong = 0.6;  // albedo alone stays below this
constexpr double signal_weak = 0.4;
constexpr double persistence_s = 1.0;
constexpr double blend_s = 3.0;  // time constant of the sensors' pull
constexpr double carried_max_s = 3600.0;

}  // namespace

void sun_sense_init(SunSense& state) {
    state = SunSense{};
}

void sun_sense_step(SunSense& state, const Parameters& p, const Measurements& measured, Vector bias_rad_s,
                    EventList& events) {
    const double dt = p.control_period_s;
    if (state.knowledge != SunKnowledge::unknown && measured.rate_valid) {
        const Vector rate = measured.rate_body_rad_s - bias_rad_s;
        state.direction_body = reunit(state.direction_body - dt * cross(rate, state.direction_body));
    }
    state.unseen_s = least(state.unseen_s + dt, 1.0e9);
    const double signal = norm(measured.sun_body);
    const bool strong = held(state.strong_s, measured.sun_valid && signal > signal_strong, dt, persistence_s);
    const bool weak = held(state.weak_s, !measured.sun_valid || signal < signal_weak, dt, persistence_s);
    if (state.knowledge != SunKnowledge::seen && strong) {
        const Vector found = unit(measured.sun_body);
        events.add(EventId::sun_found, state.knowledge == SunKnowledge::unknown
                                           ? 0.0
                                           : angle_between(found, state.direction_body));
        if (state.knowledge == SunKnowledge::unknown) state.direction_body = found;
        state.knowledge = SunKnowledge::seen;
    } else if (state.knowledge == SunKnowledge::seen && weak) {
        events.add(EventId::sun_not_seen, signal);
        state.knowledge = SunKnowledge::carried;
    }
    if (state.knowledge == SunKnowledge::seen) {
        if (signal > signal_weak) {
            const Vector pull = unit(measured.sun_body) - state.direction_body;
            state.direction_body = reunit(state.direction_body + least(dt / blend_s, 1.0) * pull);
        }
        state.unseen_s = 0.0;
    }
    const bool sound =
        is_finite(state.direction_body) && dot(state.direction_body, state.direction_body) > 0.5;
    if (state.knowledge != SunKnowledge::unknown && (!sound || state.unseen_s > carried_max_s)) {
        state.knowledge = SunKnowledge::unknown;
        state.direction_body = {0.0, 0.0, 0.0};
    }
}

}  // namespace safehold
