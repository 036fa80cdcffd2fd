#include "safehold/gnc/wheels.hpp"

#include "safehold/gnc/spacecraft.hpp"
#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

using spacecraft::wheel_axes;
using spacecraft::wheel_inertia_kg_m2;
using spacecraft::wheel_torque_max_n_m;

constexpr double contradiction_rad_s = 6.0;  // half a second of full torque
constexpr double correction_s = 2.0;
constexpr double bias_torque_max_n_m = 2.0e-3;
constexpr double speed_margin_rad_s = 20.0;
constexpr double trial_torque_n_m = 1.0e-3;
constexpr double trial_s = 4.0;
constexpr double trial_share = 0.5;  // of the speed gained by a healthy wheel

// Dry friction with its sign smoothed below 2 rad/s, and drag.
double friction_n_m(double speed_rad_s) {
    return spacecraft::wheel_coulomb_n_m * clamp(0.5 * speed_rad_s, -1.0, 1.0) +
           spacecraft::wheel_viscous_n_m_s * speed_rad_s;
}

// Gram matrix of the axes in use, so that torque_i = axis_i . (gram^-1 wanted) is the least-squares share.
Matrix gram_inverse(const WheelSet& state) {
    const std::uint32_t healthy = wheels_healthy(state);
    if (healthy == 4) return diagonal(0.75, 0.75, 0.75);
    Matrix gram{};
    for (std::size_t i = 0; i < 4; ++i) {
        if (state.excluded[i] != 0) continue;
        const Vector a = wheel_axes[i];
        gram = gram + Matrix{{a.x * a.x, a.x * a.y, a.x * a.z, a.y * a.x, a.y * a.y, a.y * a.z, a.z * a.x,
                              a.z * a.y, a.z * a.z}};
    }
    if (healthy < 3)
        gram = gram + diagonal(1.0e-3, 1.0e-3, 1.0e-3);  // what two wheels cannot give is left out
    return inverse(gram, 1.0e-12);
}

// While a trial lasts, the torque of an excluded wheel; otherwise none. The other wheels take the reaction as
// a disturbance.
double trial_torque(WheelSet& state, const Parameters& p, std::size_t i) {
    if (state.powered == 0) return 0.0;
    const bool starts = state.excluded_s[i] < p.wheel_retest_s;
    state.excluded_s[i] = least(state.excluded_s[i] + p.control_period_s, 1.0e9);
    if (state.excluded_s[i] < p.wheel_retest_s) return 0.0;
    if (starts) state.trial_rad_s[i] = state.speed_rad_s[i];
    return trial_torque_n_m + friction_n_m(state.speed_rad_s[i]);
}

// Judges a trial that has lasted long enough.
void end_trial(WheelSet& state, const Parameters& p, std::size_t i, double measured_rad_s, bool readable,
               EventList& events) {
    if (state.excluded_s[i] < p.wheel_retest_s + trial_s) return;
    state.excluded_s[i] = 0.0;
    const double gained = measured_rad_s - state.trial_rad_s[i];
    const double expected = trial_torque_n_m * trial_s / wheel_inertia_kg_m2;
    if (!readable || absolute(gained - expected) > trial_share * expected) return;
    state.excluded[i] = 0;
    state.doubt_s[i] = 0.0;
    state.expected_rad_s[i] = measured_rad_s;
    events.add(EventId::wheel_readmitted, static_cast<double>(i), measured_rad_s);
}

}  // namespace

void wheels_init(WheelSet& state) {
    state = WheelSet{};
}

void wheels_observe(WheelSet& state, const Parameters& p, const Measurements& measured, bool powered,
                    UnitCustody custody, EventList& events) {
    const double dt = p.control_period_s;
    const bool judged = powered && state.powered != 0 && state.started != 0;
    const double share = least(dt / correction_s, 1.0);
    for (std::size_t i = 0; i < 4; ++i) {
        const bool readable = measured.wheel_speed_valid[i];
        if (!judged) {
            if (readable) state.expected_rad_s[i] = measured.wheel_speed_rad_s[i];
            state.speed_rad_s[i] = state.expected_rad_s[i];
            state.doubt_s[i] = 0.0;
            continue;
        }
        const double net = state.torque_n_m[i] - friction_n_m(state.expected_rad_s[i]);
        state.expected_rad_s[i] =
            clamp(state.expected_rad_s[i] + dt * (1.0 / wheel_inertia_kg_m2) * net, -700.0, 700.0);
        const double difference = measured.wheel_speed_rad_s[i] - state.expected_rad_s[i];
        const bool contradicted = !readable || absolute(difference) > contradiction_rad_s;
        if (contradicted) {
            // No correction while in doubt: the expectation goes on by the command alone, until one of them
            // gives in.
            state.speed_rad_s[i] = readable ? measured.wheel_speed_rad_s[i] : state.expected_rad_s[i];
        } else {
            state.expected_rad_s[i] += share * difference;
            state.speed_rad_s[i] = measured.wheel_speed_rad_s[i];
        }
        if (custody.out(UnitKind::wheel, i)) {
            state.excluded[i] = 1;
            state.excluded_s[i] = 0.0;  // no trial comes due
            continue;
        }
        if (state.excluded[i] != 0) {
            end_trial(state, p, i, measured.wheel_speed_rad_s[i], readable, events);
            continue;
        }
        const bool failed = held(state.doubt_s[i], contradicted, dt, p.wheel_fault_s);
        if (failed && !custody.in(UnitKind::wheel, i)) {
            state.excluded[i] = 1;
            state.excluded_s[i] = 0.0;
            events.add(EventId::wheel_excluded, static_cast<double>(i), measured.wheel_speed_rad_s[i],
                       state.expected_rad_s[i],
                       static_cast<double>(readable ? Exclusion::disagrees : Exclusion::not_finite));
        }
    }
    state.powered = powered ? 1 : 0;
    state.started = 1;
}

void wheels_command(WheelSet& state, const Parameters& p, Vector torque_body_n_m) {
    const Vector share = gram_inverse(state) * torque_body_n_m;
    std::array<double, 4> torque{};
    double largest = 0.0;
    for (std::size_t i = 0; i < 4; ++i) {
        // Nothing goes to a wheel in doubt, so that the others carry on at once.
        if (state.excluded[i] != 0) continue;
        torque[i] = -dot(wheel_axes[i], share);
        largest = greatest(largest, absolute(torque[i]));
    }
    const double scale = largest > wheel_torque_max_n_m ? wheel_torque_max_n_m / largest : 1.0;
    double along_null = 0.0;
    bool all = true;
    for (std::size_t i = 0; i < 4; ++i) {
        torque[i] *= scale;
        along_null += 0.25 * spacecraft::wheel_null[i] * state.speed_rad_s[i];
        all = all && state.excluded[i] == 0;
    }
    if (all) {
        const double wanted =
            wheel_inertia_kg_m2 * p.wheel_bias_gain_1_s * (p.wheel_bias_speed_rad_s - along_null);
        const double bias = clamp(wanted, -bias_torque_max_n_m, bias_torque_max_n_m);
        for (std::size_t i = 0; i < 4; ++i)
            torque[i] += bias * spacecraft::wheel_null[i];
    }
    for (std::size_t i = 0; i < 4; ++i) {
        if (state.excluded[i] != 0) {
            state.torque_n_m[i] = trial_torque(state, p, i);
            continue;
        }
        double t = torque[i] + friction_n_m(state.speed_rad_s[i]);
        const double limit = spacecraft::wheel_speed_max_rad_s - speed_margin_rad_s;
        if ((state.speed_rad_s[i] > limit && t > 0.0) || (state.speed_rad_s[i] < -limit && t < 0.0)) t = 0.0;
        // What is sent is a float; the expectation must follow what is sent.
        state.torque_n_m[i] = is_finite(t) ? clamp(t, -wheel_torque_max_n_m, wheel_torque_max_n_m) : 0.0;
    }
}

void wheels_idle(WheelSet& state, const Parameters& p) {
    for (std::size_t i = 0; i < 4; ++i) {
        state.torque_n_m[i] = state.excluded[i] != 0 ? trial_torque(state, p, i) : 0.0;
    }
}

Vector wheel_momentum_body(const WheelSet& state) {
    Vector h = {0.0, 0.0, 0.0};
    for (std::size_t i = 0; i < 4; ++i)
        h = h + (wheel_inertia_kg_m2 * state.speed_rad_s[i]) * wheel_axes[i];
    return h;
}

std::uint32_t wheels_healthy(const WheelSet& state) {
    std::uint32_t count = 0;
    for (const std::uint32_t excluded : state.excluded)
        count += excluded == 0 ? 1U : 0U;
    return count;
}

}  // namespace safehold
