#include "safehold/gnc/power.hpp"

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

struct Thermostat {
    std::size_t node;  // of temperature_k
    double on_below_k;
    double off_above_k;
};
// Battery, tank, wheels, payload: above each unit's least operating temperature.
constexpr std::array<Thermostat, 4> thermostats = {
    {{1, 278.15, 281.15}, {4, 283.15, 286.15}, {3, 258.15, 261.15}, {5, 258.15, 261.15}}};

constexpr double charge_trusted_s = 60.0;

}  // namespace

void power_init(PowerControl& state) {
    state = PowerControl{};
    state.charge = 0.5;
    state.forecast = -1.0;
    state.charge_age_s = 1.0e9;
    state.lock_age_s = 1.0e9;
}

void power_observe(PowerControl& state, const Parameters& p, const SensorFrame& frame,
                   const Measurements& measured, EventList& events) {
    const double dt = p.control_period_s;
    state.charge_age_s = least(state.charge_age_s + dt, 1.0e9);
    if (measured.charge_valid) {
        state.charge = measured.charge;
        state.charge_age_s = 0.0;
    }
    // Without a gauge the voltage decides.
    const bool gauge = state.charge_age_s < charge_trusted_s;
    const bool voltage_low =
        held(state.voltage_low_s, measured.voltage_valid && measured.bus_voltage_v < p.voltage_survival_v, dt,
             p.charge_hold_s);
    const bool low = held(state.low_s, gauge && state.charge < p.charge_safe, dt, p.charge_hold_s);
    const bool critical =
        held(state.critical_s, gauge && state.charge < p.charge_survival, dt, p.charge_hold_s);
    const bool recovered =
        held(state.recovered_s, !gauge || state.charge > p.charge_survival_exit, dt, p.charge_hold_s);
    if (low && state.low == 0) {
        state.low = 1;
        events.add(EventId::charge_low, state.charge, p.charge_safe);
    } else if (state.low != 0 && state.charge > p.charge_standby_min) {
        state.low = 0;
        events.add(EventId::charge_recovered, state.charge, p.charge_standby_min);
    }
    if ((critical || voltage_low) && state.critical == 0) {
        state.critical = 1;
        events.add(EventId::charge_low, state.charge, p.charge_survival);
    } else if (state.critical != 0 && recovered && !voltage_low) {
        state.critical = 0;
        events.add(EventId::charge_recovered, state.charge, p.charge_survival_exit);
    }
    state.lock_age_s = frame.receiver_lock == 1 ? 0.0 : least(state.lock_age_s + dt, 1.0e9);
}

// A circular orbit and a cylinder of shadow: the arc of shadow is centred on midnight, and cos(half) =
// horizon / cos(beta).
void power_forecast(PowerControl& state, const Parameters& p, const OrbitEstimate& orbit, Vector sun_gcrf) {
    state.forecast = -1.0;
    const double distance = norm(orbit.position_gcrf_m);
    if (!orbit.valid || !(distance > earth_radius_m) || !(p.battery_capacity_wh > 0.0)) return;
    const Vector momentum = cross(orbit.position_gcrf_m, orbit.velocity_gcrf_m_s);
    const Vector normal = unit(momentum);
    const double rate = norm(momentum) / (distance * distance);
    if (!(rate > 1.0e-5)) return;
    const double sine_beta = dot(sun_gcrf, normal);
    const double cosine_beta = square_root(1.0 - sine_beta * sine_beta);
    const double ratio = earth_radius_m / distance;
    const double horizon = square_root(1.0 - ratio * ratio);
    if (horizon >= cosine_beta) {
        state.forecast = state.charge;  // no eclipse
        return;
    }
    const double half = arc_cosine(horizon / cosine_beta);
    const Vector midnight = -unit(sun_gcrf - sine_beta * normal);
    const double phase = arc_tangent(dot(cross(midnight, orbit.position_gcrf_m), normal),
                                     dot(midnight, orbit.position_gcrf_m));
    const double joules = 3600.0 * p.battery_capacity_wh;
    double charge = state.charge;
    double dark_rad = half - phase;
    if (absolute(phase) >= half) {
        const double light_rad = phase < 0.0 ? -half - phase : 2.0 * pi - half - phase;
        charge = least(charge + light_rad / rate * p.charge_power_w / joules, 1.0);
        dark_rad = 2.0 * half;
    }
    state.forecast = clamp(charge - dark_rad / rate * p.load_standby_w / joules, 0.0, 1.0);
}

std::uint16_t power_switches(PowerControl& state, Mode mode, bool wheels, bool navigation, bool payload,
                             EventList& events) {
    using namespace power_switch;
    unsigned command = sensors;
    if (mode != Mode::survival) command |= lanes | array_drive;
    if (wheels) command |= power_switch::wheels;
    if (navigation) command |= trackers | gps;
    switch (mode) {
        case Mode::standby:
        case Mode::downlink:
        case Mode::manoeuvre:
            command |= payload_bus;
            break;
        case Mode::mission:
            command |= payload_bus | (payload ? power_switch::payload : 0U);
            break;
        default:
            break;
    }
    if (command != state.switches) {
        events.add(EventId::switches_changed, state.switches, command, static_cast<double>(mode));
    }
    state.switches = command;
    return static_cast<std::uint16_t>(command);
}

std::uint8_t power_heaters(PowerControl& state, Mode mode, const SensorFrame& frame, EventList& events) {
    std::uint32_t heaters = state.heaters & 15U;
    double cause_k = 0.0;
    for (std::size_t i = 0; i < thermostats.size(); ++i) {
        const float reading = frame.temperature_k[thermostats[i].node];
        const double t = static_cast<double>(reading);
        const std::uint32_t bit = 1U << i;
        if (!is_finite(reading) || t < 50.0 || t > 500.0) continue;  // the last decision stands
        const std::uint32_t before = heaters;
        if (t < thermostats[i].on_below_k) heaters |= bit;
        if (t > thermostats[i].off_above_k) heaters &= ~bit;
        if (heaters != before) cause_k = t;
    }
    // In SURVIVAL only the battery is worth its heat.
    if (mode == Mode::survival) heaters &= 1U;
    if (heaters != state.heaters) events.add(EventId::heaters_changed, state.heaters, heaters, cause_k);
    state.heaters = heaters;
    return static_cast<std::uint8_t>(heaters);
}

std::uint8_t power_transmitter(PowerControl& state, const Parameters& p, bool silence, EventList& events) {
    const bool locked = state.lock_age_s <= p.carrier_timeout_s;
    if (!locked) state.radiated_out = 0;
    bool on = locked && !silence && state.radiated_out == 0;
    if (on && state.transmitting != 0) {
        state.radiating_s = least(state.radiating_s + p.control_period_s, 1.0e9);
        if (state.radiating_s > p.transmitter_on_max_s) {
            state.radiated_out = 1;
            on = false;
        }
    }
    if (on && state.transmitting == 0) {
        state.radiating_s = 0.0;
        events.add(EventId::transmitter_on);
    } else if (!on && state.transmitting != 0) {
        events.add(EventId::transmitter_off, state.radiated_out != 0 ? 2.0 : 1.0, state.radiating_s);
    }
    state.transmitting = on ? 1 : 0;
    return on ? 1 : 0;
}

}  // namespace safehold
