#include "safehold/gnc/magnetics.hpp"

#include "safehold/gnc/spacecraft.hpp"

namespace safehold {
namespace {

constexpr double duty = 0.6;  // three ticks of five
constexpr double field_min_t = 5.0e-6;
constexpr double gap_max_s = 3.0;
constexpr double baseline_s = 0.45;

Vector within_limits(Vector dipole) {
    constexpr double m = spacecraft::torquer_max_a_m2;
    if (!is_finite(dipole)) return {0.0, 0.0, 0.0};
    return {clamp(dipole.x, -m, m), clamp(dipole.y, -m, m), clamp(dipole.z, -m, m)};
}

// All three scaled alike, where the torque's direction matters.
Vector within_limits_along(Vector dipole) {
    const double largest = greatest(greatest(absolute(dipole.x), absolute(dipole.y)), absolute(dipole.z));
    if (!is_finite(largest)) return {0.0, 0.0, 0.0};
    return largest > spacecraft::torquer_max_a_m2 ? (spacecraft::torquer_max_a_m2 / largest) * dipole
                                                  : dipole;
}

}  // namespace

void magnetics_init(Magnetics& state) {
    state = Magnetics{};
}

void magnetics_observe(Magnetics& state, const Parameters& p, const Measurements& measured) {
    state.since_sample_s = least(state.since_sample_s + p.control_period_s, 1.0e9);
    // At fast control rates several samples pass before the next difference: noise over a short time is no
    // rate.
    if (measured.field_new && (state.samples == 0 || state.since_sample_s > baseline_s)) {
        if (state.samples > 0 && state.since_sample_s > 0.0) {
            state.field_rate_t_s =
                (1.0 / state.since_sample_s) * (measured.field_body_t - state.field_previous_t);
            state.samples = 2;
        } else {
            state.samples = 1;
        }
        state.field_previous_t = measured.field_body_t;
        state.since_sample_s = 0.0;
    } else if (state.since_sample_s > gap_max_s) {
        state.samples = 0;
    }
}

void magnetics_bdot(Magnetics& state, const Parameters& p) {
    state.dipole_a_m2 = state.samples == 2 ? within_limits(-p.bdot_gain_a_m2_s_t * state.field_rate_t_s)
                                           : Vector{0.0, 0.0, 0.0};
}

void magnetics_torque(Magnetics& state, Vector field_body_t, Vector torque_body_n_m) {
    const double square = dot(field_body_t, field_body_t);
    if (state.samples == 0 || square < field_min_t * field_min_t) {
        state.dipole_a_m2 = {0.0, 0.0, 0.0};
        return;
    }
    state.dipole_a_m2 = within_limits_along((1.0 / (duty * square)) * cross(field_body_t, torque_body_n_m));
}

void magnetics_unload(Magnetics& state, const Parameters& p, Vector field_body_t, Vector momentum_body_n_m_s,
                      EventList& events) {
    const double stored = norm(momentum_body_n_m_s);
    if (state.unloading == 0 && stored > p.unload_start_n_m_s) {
        state.unloading = 1;
        events.add(EventId::unloading_started, stored);
    } else if (state.unloading != 0 && stored < 0.5 * p.unload_start_n_m_s) {
        state.unloading = 0;
        events.add(EventId::unloading_stopped, stored);
    }
    if (state.unloading != 0) {
        magnetics_torque(state, field_body_t, -p.unload_gain_1_s * momentum_body_n_m_s);
    } else {
        state.dipole_a_m2 = {0.0, 0.0, 0.0};
    }
}

void magnetics_idle(Magnetics& state) {
    state.dipole_a_m2 = {0.0, 0.0, 0.0};
}

void magnetics_send(Magnetics& state, std::uint32_t sequence) {
    state.dipole_sent_a_m2 = sequence % 5 < 3 ? within_limits(state.dipole_a_m2) : Vector{0.0, 0.0, 0.0};
}

Vector magnetic_torque_body(const Magnetics& state, Vector field_body_t) {
    return cross(state.dipole_sent_a_m2, field_body_t);
}

}  // namespace safehold
