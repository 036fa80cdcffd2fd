#include "safehold/gnc/tracker_rate.hpp"

namespace safehold {
namespace {

constexpr double pair_max_s = 1.1;  // two samples further apart say nothing of the rate now
constexpr double renewed_within_s = 3.0;
constexpr double blend = 0.5;

}  // namespace

void tracker_rate_init(TrackerRate& state) {
    state = TrackerRate{};
    state.last_body_from_gcrf = {no_rotation, no_rotation};
    state.last_age_s = {1.0e9, 1.0e9};
    state.age_s = 1.0e9;
}

void tracker_rate_step(TrackerRate& state, const Parameters& p, Measurements& measured, EventList& events) {
    state.age_s = least(state.age_s + p.control_period_s, 1.0e9);
    for (std::size_t i = 0; i < 2; ++i) {
        state.last_age_s[i] = least(state.last_age_s[i] + p.control_period_s, 1.0e9);
        if (!measured.attitude_new[i]) continue;
        const Quaternion now = measured.attitude_body_from_gcrf[i];
        const double elapsed = state.last_age_s[i];
        if (elapsed > 0.0 && elapsed < pair_max_s) {
            const Vector rate =
                (-1.0 / elapsed) * rotation_vector(now * conjugate(state.last_body_from_gcrf[i]));
            const Vector change = state.age_s < renewed_within_s ? blend * (rate - state.rate_body_rad_s)
                                                                 : rate - state.rate_body_rad_s;
            state.rate_body_rad_s = state.rate_body_rad_s + change;
            state.age_s = 0.0;
        }
        state.last_body_from_gcrf[i] = now;
        state.last_age_s[i] = 0.0;
    }
    if (!is_finite(state.rate_body_rad_s)) tracker_rate_init(state);
    const bool used = !measured.rate_valid && state.age_s < renewed_within_s;
    if (used) {
        measured.rate_body_rad_s = state.rate_body_rad_s;
        measured.rate_valid = true;
        if (state.used == 0) events.add(EventId::rate_from_trackers, norm(state.rate_body_rad_s));
    }
    state.used = used ? 1 : 0;
}

}  // namespace safehold
