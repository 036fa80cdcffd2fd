#include "safehold/gnc/autonomy.hpp"
#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

// A unit that was excluded stays so until it has been good for long; nothing else of its history counts.
template <std::size_t n>
void keep_exclusions(std::array<UnitHealth, n>& units, const std::array<UnitHealth, n>& before) {
    for (std::size_t i = 0; i < n; ++i)
        units[i].excluded = before[i].excluded;
}

void restart_units(AutonomyState& s, const AutonomyState& before, double down_s) {
    keep_exclusions(s.sensors.gyro, before.sensors.gyro);
    keep_exclusions(s.sensors.magnetometer, before.sensors.magnetometer);
    keep_exclusions(s.sensors.tracker, before.sensors.tracker);
    keep_exclusions(s.sensors.gps, before.sensors.gps);
    keep_exclusions(s.sensors.sun_sensor, before.sensors.sun_sensor);
    s.wheels.excluded = before.wheels.excluded;
    for (std::size_t i = 0; i < s.wheels.excluded_s.size(); ++i)
        s.wheels.excluded_s[i] = least(before.wheels.excluded_s[i] + down_s, 1.0e9);
    s.array_drive.angle_rad = before.array_drive.angle_rad;
    s.array_drive.lost = before.array_drive.lost;
    s.overrides = before.overrides;
}

// A release that was cut short counts as an attempt: its switch says what came of it.
void restart_deployment(Deployment& deployment, double down_s) {
    deployment.separated_s = least(deployment.separated_s + down_s, 1.0e9);
    deployment.persistence_s = 0.0;
    deployment.phase_s = 0.0;
    deployment.firing = 0;
}

void restart_power(PowerControl& power, const PowerControl& before, double down_s) {
    power.charge = before.charge;
    power.charge_age_s = least(before.charge_age_s + down_s, 1.0e9);
    power.forecast = before.forecast;
    power.lock_age_s = least(before.lock_age_s + down_s, 1.0e9);
    power.low = before.low;
    power.critical = before.critical;
    power.heaters = before.heaters;
    power.radiated_out = before.radiated_out;
    power.switches = before.switches;
}

}  // namespace

void autonomy_restart(AutonomyState& state, const Parameters& p, const Restart& restart, EventList& events) {
    const AutonomyState before = state;
    const double down_s = clamp(restart.down_s, 0.0, 1.0e6);
    autonomy_init(state, p);
    if (before.clock.rejected != 0) {
        // The clock was not believed: time goes on from the count of ticks, which the reset interrupted.
        state.clock = before.clock;
        state.clock.time_ns = wrapping_add(before.clock.time_ns, nanoseconds(down_s));
        state.clock.agreed_s = 0.0;
    }
    restart_units(state, before, down_s);
    state.orbit = before.orbit;
    state.orbit.fix_age_s = least(before.orbit.fix_age_s + down_s, 1.0e9);
    state.attitude.bias_rad_s = before.attitude.bias_rad_s;
    state.deployment = before.deployment;
    restart_deployment(state.deployment, down_s);
    restart_power(state.power, before.power, down_s);
    state.guidance.hold_body_from_gcrf = before.guidance.hold_body_from_gcrf;
    state.guidance.place_itrs_m = before.guidance.place_itrs_m;
    state.guidance.yaw_steering = before.guidance.yaw_steering;
    state.modes = before.modes;
    modes_restart(state.modes, down_s, restart.troubled, events);
    // Where no tracker had been of use for long, field and Sun may start the attitude at once.
    if (before.attitude.coarse != 0) state.modes.tracker_wait_s = p.coarse_attitude_after_s + 1.0;
}

}  // namespace safehold
