#include "safehold/gnc/clock.hpp"

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr std::int64_t tolerance_ns = 5'000'000;
constexpr double agreement_s = 10.0;

std::int64_t magnitude(std::int64_t a) {
    return a < 0 ? wrapping_subtract(0, a) : a;
}

}  // namespace

void clock_init(OnBoardClock& state) {
    state = OnBoardClock{};
}

void clock_step(OnBoardClock& state, const Parameters& p, const SensorFrame& frame, EventList& events) {
    if (state.started == 0) {
        state.time_ns = frame.clock_ns;
        state.started = 1;
        return;
    }
    const std::int64_t expected = wrapping_add(state.time_ns, nanoseconds(p.control_period_s));
    const std::int64_t difference = wrapping_subtract(frame.clock_ns, expected);
    const bool agrees = magnitude(difference) <= tolerance_ns;
    if (state.rejected == 0 && !agrees) {
        state.rejected = 1;
        events.add(EventId::clock_rejected, seconds(difference));
    }
    if (state.rejected != 0 && held(state.agreed_s, agrees, p.control_period_s, agreement_s)) {
        state.rejected = 0;
        state.agreed_s = 0.0;
        events.add(EventId::clock_accepted, seconds(difference));
    }
    state.time_ns = state.rejected == 0 ? frame.clock_ns : expected;
}

void clock_fix(OnBoardClock& state, const Measurements& measured, const SensorFrame& frame) {
    const bool both = measured.gps_new[0] && measured.gps_new[1];
    if (!both && (state.rejected == 0 || (!measured.gps_new[0] && !measured.gps_new[1]))) return;
    const std::size_t chosen = measured.gps_new[0] ? 0 : 1;
    if (both && magnitude(wrapping_subtract(measured.gps_time_ns[0], measured.gps_time_ns[1])) > tolerance_ns)
        return;
    const std::int64_t age = std::int64_t{frame.sample_age_ms[9 + chosen]} * 1'000'000;
    const std::int64_t now = wrapping_add(measured.gps_time_ns[chosen], age);
    if (magnitude(wrapping_subtract(now, state.time_ns)) > tolerance_ns) state.time_ns = now;
}

}  // namespace safehold
