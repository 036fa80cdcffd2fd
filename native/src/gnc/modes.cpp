#include "safehold/gnc/modes.hpp"

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr double rate_low_hold_s = 10.0;
constexpr double ready_hold_s = 60.0;
constexpr double lock_hold_s = 1.0;
constexpr double navigation_after_s = 30.0;
constexpr double navigation_hysteresis = 0.05;

void clear_persistence(ModeLogic& state) {
    state.in_mode_s = 0.0;
    state.rate_low_s = 0.0;
    state.rate_high_s = 0.0;
    state.captured_s = 0.0;
    state.ready_s = 0.0;
    state.attitude_lost_s = 0.0;
    state.orbit_lost_s = 0.0;
    state.pointing_lost_s = 0.0;
    state.sensors_lost_s = 0.0;
    state.forecast_low_s = 0.0;
    state.locked_s = 0.0;
}

Submode first_submode(Mode mode) {
    switch (mode) {
        case Mode::detumble:
            return Submode::rate_damping;
        case Mode::safe:
        case Mode::survival:
            return Submode::sun;
        case Mode::standby:
        case Mode::mission:
        case Mode::downlink:
            return Submode::nadir;
        case Mode::manoeuvre:
            return Submode::inertial_hold;
        default:
            return Submode::none;
    }
}

void enter(ModeLogic& state, Mode to, ModeReason reason, double evidence, EventList& events) {
    const Mode from = mode_of(state);
    const bool between_equals = fine_pointing(from) && fine_pointing(to);
    events.add(EventId::mode_changed, static_cast<double>(from), static_cast<double>(to),
               static_cast<double>(reason), evidence);
    state.mode = static_cast<std::uint32_t>(to);
    state.submode = static_cast<std::uint32_t>(first_submode(to));
    state.reason = static_cast<std::uint32_t>(reason);
    const double pointing = state.pointing_lost_s;
    const double attitude = state.attitude_lost_s;
    const double orbit = state.orbit_lost_s;
    clear_persistence(state);
    if (between_equals) {
        // A change of mode must not restart the clocks of a loss that both modes watch.
        state.pointing_lost_s = pointing;
        state.attitude_lost_s = attitude;
        state.orbit_lost_s = orbit;
    }
    if (fine_pointing(to)) state.commissioned = 1;
    if (to == Mode::safe) {
        state.safe_reason = static_cast<std::uint32_t>(reason);
        if (fine_pointing(from)) {
            events.add(EventId::safe_entered, static_cast<double>(from), static_cast<double>(reason),
                       evidence);
        }
    }
    if (to == Mode::survival) {
        events.add(EventId::survival_entered, static_cast<double>(from), static_cast<double>(reason),
                   evidence);
    }
}

void change_submode(ModeLogic& state, Submode to, double rate_rad_s, EventList& events) {
    if (submode_of(state) == to) return;
    events.add(EventId::submode_changed, static_cast<double>(state.submode), static_cast<double>(to),
               rate_rad_s);
    state.submode = static_cast<std::uint32_t>(to);
}

Refusal fine_pointing_refusal(const Parameters& p, const Situation& now) {
    if (!now.attitude_running || now.attitude_sigma_rad > p.knowledge_exit_rad)
        return Refusal::attitude_unknown;
    if (!now.orbit_valid) return Refusal::orbit_unknown;
    if (now.charge_low || now.charge_critical) return Refusal::charge_low;
    if (now.wheels < 3) return Refusal::wheels_lost;
    if (now.rate_rad_s > p.rate_excess_rad_s) return Refusal::rate_excess;
    return Refusal::none;
}

bool sensible_place(const std::array<double, 3>& place) {
    for (const double part : place) {
        if (!is_finite(part)) return false;
    }
    const double square = place[0] * place[0] + place[1] * place[1] + place[2] * place[2];
    return square > 6.3e6 * 6.3e6 && square < 6.5e6 * 6.5e6;
}

bool sensible_attitude(const std::array<double, 4>& q) {
    for (const double part : q) {
        if (!is_finite(part)) return false;
    }
    return absolute(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3] - 1.0) < 1.0e-3;
}

Refusal argument_refusal(const ModeRequest& request) {
    const auto submode = static_cast<Submode>(request.submode);
    switch (static_cast<Mode>(request.mode)) {
        case Mode::mission:
            if (submode == Submode::target) {
                return sensible_place(request.target_itrs_m) ? Refusal::none : Refusal::argument_invalid;
            }
            if (submode == Submode::inertial_hold) {
                return sensible_attitude(request.attitude_body_from_gcrf) ? Refusal::none
                                                                          : Refusal::argument_invalid;
            }
            return submode == Submode::none || submode == Submode::nadir ? Refusal::none
                                                                         : Refusal::argument_invalid;
        case Mode::manoeuvre:
            return request.submode != 0 && !sensible_attitude(request.attitude_body_from_gcrf)
                       ? Refusal::argument_invalid
                       : Refusal::none;
        default:
            return Refusal::none;
    }
}

Refusal refusal(const ModeLogic& state, const Parameters& p, const ModeRequest& request,
                const Situation& now) {
    if (request.mode >= mode_count) return Refusal::mode_unknown;
    const auto wanted = static_cast<Mode>(request.mode);
    if (wanted == Mode::boot || wanted == Mode::separation) return Refusal::not_reachable;
    const Mode mode = mode_of(state);
    if (mode == Mode::boot || mode == Mode::separation) {
        // The inhibit is not for the ground to lift, but a stuck separation logic is.
        return wanted == Mode::detumble && now.separated ? Refusal::none : Refusal::not_deployed;
    }
    if (fine_pointing(wanted)) {
        const Refusal why = fine_pointing_refusal(p, now);
        if (why != Refusal::none) return why;
    }
    if (wanted == Mode::safe && mode == Mode::survival && now.charge_critical) return Refusal::charge_low;
    return argument_refusal(request);
}

// --- what each mode looks at
// -------------------------------------------------------------------------------------

void boot(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (state.in_mode_s < p.boot_settle_s) return;
    const bool late = state.in_mode_s > p.boot_timeout_s;
    if (!now.rate_valid && !late) return;
    if (now.deployed) {
        // A reset in flight: nothing is released twice.
        const bool fast = now.rate_valid && now.rate_rad_s > p.detumble_exit_rate_rad_s;
        enter(state, fast ? Mode::detumble : Mode::safe, ModeReason::already_deployed, now.rate_rad_s,
              events);
        return;
    }
    enter(state, Mode::separation, late ? ModeReason::boot_timeout : ModeReason::boot_complete,
          now.rate_rad_s, events);
}

void separation(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (now.deployment_ended) {
        enter(state, Mode::detumble,
              now.deployment_failed ? ModeReason::deployment_given_up : ModeReason::deployment_complete,
              state.in_mode_s, events);
    } else if (state.in_mode_s > p.separation_timeout_s && !now.separated) {
        enter(state, Mode::detumble, ModeReason::separation_timeout, state.in_mode_s, events);
    }
}

void detumble(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    const double dt = p.control_period_s;
    const double limit = p.detumble_exit_rate_rad_s;
    if (state.in_mode_s > p.detumble_timeout_s) {
        enter(state, Mode::safe, ModeReason::detumble_timeout, now.rate_rad_s, events);
        return;
    }
    const bool wheels = now.wheels >= 3;
    if (submode_of(state) != Submode::wheel_capture) {
        if (!held(state.rate_low_s, now.rate_valid && now.rate_rad_s < limit, dt, rate_low_hold_s)) return;
        events.add(EventId::rate_below_handover, now.rate_rad_s, state.in_mode_s);
        if (wheels) {
            change_submode(state, Submode::wheel_capture, now.rate_rad_s, events);
            state.captured_s = 0.0;
        } else {
            enter(state, Mode::safe, ModeReason::wheels_lost, now.rate_rad_s, events);
        }
        return;
    }
    // Back to the torquers only when the wheels clearly fail to hold.
    if (held(state.rate_high_s, !now.rate_valid || now.rate_rad_s > 2.0 * limit || !wheels, dt,
             p.rate_excess_hold_s)) {
        state.rate_low_s = 0.0;
        change_submode(state, Submode::rate_damping, now.rate_rad_s, events);
        return;
    }
    if (held(state.captured_s, now.rate_valid && now.rate_rad_s < p.capture_exit_rate_rad_s, dt,
             p.capture_hold_s)) {
        enter(state, Mode::safe, ModeReason::rates_captured, now.rate_rad_s, events);
    }
}

bool leaves_for_detumble(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    const bool excess = now.rate_valid && now.rate_rad_s > p.rate_excess_rad_s;
    if (!held(state.rate_high_s, excess, p.control_period_s, p.rate_excess_hold_s)) return false;
    enter(state, Mode::detumble, ModeReason::rate_excess, now.rate_rad_s, events);
    return true;
}

void safe(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    const double dt = p.control_period_s;
    if (leaves_for_detumble(state, p, now, events)) return;
    // Without rates the torquers damp; with them the body turns to the Sun.
    change_submode(state, now.rate_valid && now.wheels >= 2 ? Submode::sun : Submode::rate_damping,
                   now.rate_rad_s, events);
    // In the dark trackers and GPS wait, unless there is charge to spare.
    const double enough = (now.sun_seen ? p.charge_standby_min : p.charge_in_dark) -
                          (state.navigation != 0 ? navigation_hysteresis : 0.0);
    state.navigation =
        now.charge >= enough && !now.charge_low && state.in_mode_s >= navigation_after_s ? 1 : 0;
    if (state.in_mode_s > p.safe_timeout_s) {
        // Waiting for a command has its end too: the count of automatic exits starts anew.
        state.safe_exits = 0;
        state.in_mode_s = p.safe_dwell_s;
        state.safe_reason = static_cast<std::uint32_t>(ModeReason::mode_timeout);
    }
    const bool known =
        now.attitude_running && now.attitude_sigma_rad < p.knowledge_entry_rad && now.orbit_valid;
    // Where a low charge has led here, more is asked for; without the array drive only SAFE feeds the
    // battery.
    const double charge_needed = state.charge_was_low != 0 ? p.charge_standby_again : p.charge_standby_min;
    const bool able = now.charge >= charge_needed && !now.charge_low &&
                      now.charge_forecast >= p.charge_forecast_standby && !now.drive_lost && now.rate_valid &&
                      now.wheels >= 3 && now.rate_rad_s < p.detumble_exit_rate_rad_s * 2.0;
    const bool ready = held(state.ready_s, known && able, dt, ready_hold_s);
    // What a person put in SAFE stays there for a person, or for the time-out.
    const bool commanded = state.safe_reason == static_cast<std::uint32_t>(ModeReason::commanded);
    // Without autonomy the way out belongs to commissioning; once at work, SAFE is for the ground to end.
    const bool waits = !now.autonomous && state.commissioned != 0;
    const bool allowed = !commanded && !waits && static_cast<double>(state.safe_exits) < p.safe_exits_max &&
                         state.contact_lost == 0;
    if (ready && allowed && state.in_mode_s >= p.safe_dwell_s) {
        ++state.safe_exits;
        state.charge_was_low = 0;
        enter(state, Mode::standby, ModeReason::attitude_and_orbit_known, now.attitude_sigma_rad, events);
    }
}

// The ways out that STANDBY, MISSION, DOWNLINK and MANOEUVRE share. True if one was taken.
bool leaves_fine_pointing(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    const double dt = p.control_period_s;
    if (leaves_for_detumble(state, p, now, events)) return true;
    const bool unknown = !now.attitude_running || now.attitude_sigma_rad > p.knowledge_exit_rad;
    const bool astray = !now.slewing && now.pointing_error_rad > p.pointing_exit_rad;
    ModeReason reason = ModeReason::none;
    double evidence = 0.0;
    if (held(state.pointing_lost_s, astray, dt, p.pointing_hold_s)) {
        reason = ModeReason::pointing_lost;
        evidence = now.pointing_error_rad;
    }
    if (held(state.orbit_lost_s, !now.orbit_valid, dt, p.loss_hold_s)) reason = ModeReason::orbit_lost;
    if (held(state.attitude_lost_s, unknown, dt, p.loss_hold_s)) {
        reason = ModeReason::attitude_lost;
        evidence = now.attitude_sigma_rad;
    }
    if (held(state.sensors_lost_s, !now.rate_valid, dt, 5.0)) reason = ModeReason::sensors_lost;
    if (now.wheels < 3) {
        reason = ModeReason::wheels_lost;
        evidence = now.wheels;
    }
    if (state.contact_lost != 0) {
        reason = ModeReason::contact_lost;
        evidence = state.contact_age_s;
    }
    const bool short_of_charge = now.charge_forecast >= 0.0 && now.charge_forecast < p.charge_forecast_min;
    if (held(state.forecast_low_s, short_of_charge, dt, p.charge_hold_s)) {
        reason = ModeReason::charge_forecast;
        evidence = now.charge_forecast;
        state.charge_was_low = 1;
    }
    if (now.charge_low) {
        reason = ModeReason::charge_low;
        evidence = now.charge;
    }
    if (reason == ModeReason::none) return false;
    enter(state, Mode::safe, reason, evidence, events);
    return true;
}

void standby(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (leaves_fine_pointing(state, p, now, events)) return;
    // An orbit in STANDBY forgives an exit from SAFE.
    if (state.in_mode_s > 6000.0 && state.safe_exits > 0) state.safe_exits = 0;
    const bool locked = now.lock_age_s < p.control_period_s;
    if (held(state.locked_s, locked, p.control_period_s, lock_hold_s)) {
        enter(state, Mode::downlink, ModeReason::receiver_locked, state.contact_age_s, events);
    }
}

void downlink(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (leaves_fine_pointing(state, p, now, events)) return;
    if (now.lock_age_s > p.receiver_release_s) {
        enter(state, Mode::standby, ModeReason::receiver_released, now.lock_age_s, events);
    } else if (state.in_mode_s > p.downlink_timeout_s) {
        enter(state, Mode::standby, ModeReason::mode_timeout, state.in_mode_s, events);
        state.locked_s = -p.downlink_timeout_s;
    }
}

void mission(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (leaves_fine_pointing(state, p, now, events)) return;
    if (now.charge < p.charge_standby_min - navigation_hysteresis) {
        enter(state, Mode::standby, ModeReason::charge_low, now.charge, events);
    } else if (state.in_mode_s > p.mission_timeout_s) {
        enter(state, Mode::standby, ModeReason::mode_timeout, state.in_mode_s, events);
    }
}

void manoeuvre(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (leaves_fine_pointing(state, p, now, events)) return;
    if (state.in_mode_s > p.inertial_timeout_s) {
        enter(state, Mode::standby, ModeReason::mode_timeout, state.in_mode_s, events);
    }
}

void survival(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    if (state.in_mode_s < p.survival_dwell_s || now.charge_critical) return;
    const bool fast = now.rate_valid && now.rate_rad_s > p.rate_excess_rad_s;
    enter(state, fast ? Mode::detumble : Mode::safe, ModeReason::charge_recovered, now.charge, events);
}

}  // namespace

Mode mode_of(const ModeLogic& state) {
    return state.mode < mode_count ? static_cast<Mode>(state.mode) : Mode::safe;
}
Submode submode_of(const ModeLogic& state) {
    return state.submode <= 6 ? static_cast<Submode>(state.submode) : Submode::none;
}
bool fine_pointing(Mode mode) {
    return mode == Mode::standby || mode == Mode::mission || mode == Mode::downlink ||
           mode == Mode::manoeuvre;
}

void modes_init(ModeLogic& state) {
    state = ModeLogic{};
    state.reason = static_cast<std::uint32_t>(ModeReason::power_on);
}

void modes_restart(ModeLogic& state, double down_s, bool troubled, EventList& events) {
    const Mode mode = mode_of(state);
    const double in_mode_s = least(state.in_mode_s + down_s, 1.0e9);
    state.contact_age_s = least(state.contact_age_s + down_s, 1.0e9);
    state.navigation_s = 0.0;
    state.tracker_wait_s = 0.0;
    if (fine_pointing(mode) && troubled) {
        enter(state, Mode::safe, ModeReason::computer_reset, down_s, events);
    } else if (mode == Mode::downlink || mode == Mode::manoeuvre) {
        enter(state, Mode::standby, ModeReason::computer_reset, down_s, events);
    } else {
        clear_persistence(state);
        state.in_mode_s = in_mode_s;
    }
}

void modes_contact(ModeLogic& state) {
    state.contact_age_s = 0.0;
}

bool modes_request(ModeLogic& state, const Parameters& p, const ModeRequest& request, const Situation& now,
                   EventList& events) {
    const Refusal why = refusal(state, p, request, now);
    if (why != Refusal::none) {
        events.add(EventId::mode_request_refused, request.mode, static_cast<double>(why));
        return false;
    }
    events.add(EventId::mode_request_accepted, request.mode);
    const auto wanted = static_cast<Mode>(request.mode);
    // A command to leave SAFE is the decision that the automatic exits had run out of.
    if (fine_pointing(wanted)) {
        state.safe_exits = 0;
        state.charge_was_low = 0;
    }
    enter(state, wanted, request.by_computer == 1 ? ModeReason::external : ModeReason::commanded, 0.0,
          events);
    if (wanted == Mode::mission && request.submode != 0) state.submode = request.submode;
    return true;
}

void modes_step(ModeLogic& state, const Parameters& p, const Situation& now, EventList& events) {
    const double dt = p.control_period_s;
    if (state.mode >= mode_count) {
        enter(state, Mode::safe, ModeReason::state_corrupt, state.mode, events);
    }
    state.in_mode_s = least(state.in_mode_s + dt, 1.0e9);
    state.contact_age_s = least(state.contact_age_s + dt, 1.0e9);
    state.contact_lost = state.contact_age_s > p.contact_timeout_s ? 1 : 0;
    if (now.charge_low || now.charge_critical) state.charge_was_low = 1;
    const Mode mode = mode_of(state);
    if (now.charge_critical && mode != Mode::survival && mode != Mode::boot && mode != Mode::separation) {
        enter(state, Mode::survival, ModeReason::charge_critical, now.charge, events);
        return;
    }
    switch (mode) {
        case Mode::boot:
            boot(state, p, now, events);
            break;
        case Mode::separation:
            separation(state, p, now, events);
            break;
        case Mode::detumble:
            detumble(state, p, now, events);
            break;
        case Mode::safe:
            safe(state, p, now, events);
            break;
        case Mode::standby:
            standby(state, p, now, events);
            break;
        case Mode::mission:
            mission(state, p, now, events);
            break;
        case Mode::downlink:
            downlink(state, p, now, events);
            break;
        case Mode::manoeuvre:
            manoeuvre(state, p, now, events);
            break;
        case Mode::survival:
            survival(state, p, now, events);
            break;
    }
    const bool navigating =
        fine_pointing(mode_of(state)) || (mode_of(state) == Mode::safe && state.navigation != 0);
    state.navigation_s = navigating ? least(state.navigation_s + dt, 1.0e9) : 0.0;
    state.tracker_wait_s =
        navigating && !now.attitude_running ? least(state.tracker_wait_s + dt, 1.0e9) : 0.0;
    if (mode_of(state) != Mode::safe) state.navigation = 0;
}

}  // namespace safehold
