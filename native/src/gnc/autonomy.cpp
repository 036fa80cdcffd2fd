#include "safehold/gnc/autonomy.hpp"

#include "safehold/gnc/magnetic_model.hpp"
#include "safehold/gnc/overrides.hpp"
#include "safehold/gnc/spacecraft.hpp"
#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr Vector minus_z = {0.0, 0.0, -1.0};
constexpr double capture_gain_1_s = 0.1;
constexpr double attitude_error_max_rad = 0.1;
constexpr double integrated_error_max_rad = 0.02;  // larger errors are transients
constexpr double integral_max_rad_s = 0.8;         // with the default gain 3 mN m
constexpr double search_after_s = 3000.0;
constexpr Vector search_rate_rad_s = {0.003, 0.0, 0.0};
constexpr double survival_damping_1_s = 0.004;
constexpr double survival_stiffness_1_s2 = 2.0e-5;
constexpr double years_2025_to_j2000 = 25.0;
constexpr double year_s = 31557600.0;
constexpr std::uint32_t elevation_told_ticks = 10;

// What the step works out and nothing keeps.
struct Context {
    Measurements measured;
    OrbitEstimate orbit;
    Vector rate_body_rad_s;  // less the bias
    Vector sun_gcrf;
    Vector sun_body;  // by attitude and almanac where they are known, else by the Sun sense; zero if unknown
    double pointing_error_rad;
    double attitude_sigma_rad;
    double rate_norm_rad_s;
    Vector wheel_momentum_n_m_s;  // body axes
    UnitCustody custody;
    bool autonomous;
    bool shadow;
    std::uint8_t fire;
    bool track_station;  // DOWNLINK points the patch at the station
    Vector station_itrs_m;
};

// --- estimation
// ----------------------------------------------------------------------------------------------------

AttitudeReference references(const AutonomyState& s, const Parameters& p, const Context& c) {
    AttitudeReference reference{};
    const bool without_tracker = least(s.attitude.tracker_age_s[0], s.attitude.tracker_age_s[1]) > 10.0;
    reference.coarse_start = s.modes.tracker_wait_s > p.coarse_attitude_after_s;
    if (!c.orbit.valid || !without_tracker || (s.attitude.running == 0 && !reference.coarse_start))
        return reference;
    reference.sun_gcrf = c.sun_gcrf;
    reference.sun_valid = s.sun.knowledge == SunKnowledge::seen && !c.shadow;
    const bool wanted = s.attitude.running == 0 || s.attitude.field_age_s >= 9.9;
    if (c.measured.field_new && wanted) {
        const Matrix to_itrs = itrs_from_gcrf(s.almanac, p, s.clock.time_ns);
        const double years = (p.epoch_utc_j2000_s + seconds(s.clock.time_ns)) / year_s - years_2025_to_j2000;
        reference.field_gcrf_t =
            transposed_times(to_itrs, magnetic_field_itrs_t(to_itrs * c.orbit.position_gcrf_m, years));
        reference.field_valid = true;
    }
    return reference;
}

void estimate(AutonomyState& s, const Parameters& p, const SensorFrame& frame, Context& c,
              Telemetry& telemetry, EventList& events) {
    clock_step(s.clock, p, frame, events);
    sensors_step(s.sensors, p, frame, c.custody, c.measured, events);
    telemetry.sensor_rejections += c.measured.rejected;
    tracker_rate_step(s.tracker_rate, p, c.measured, events);
    clock_fix(s.clock, c.measured, frame);
    almanac_step(s.almanac, p, s.clock.time_ns);
    orbit_step(s.orbit, p, s.almanac, s.clock.time_ns, c.measured, events);
    c.orbit = orbit_at(s.orbit, p, s.clock.time_ns);
    c.sun_gcrf = s.almanac.sun_direction_gcrf;
    c.shadow = c.orbit.valid && in_shadow(c.orbit.position_gcrf_m, c.sun_gcrf);

    const bool wheels_powered = (frame.switch_status & power_switch::wheels) != 0;
    const bool drive_powered = (frame.switch_status & power_switch::array_drive) != 0;
    wheels_observe(s.wheels, p, c.measured, wheels_powered, c.custody, events);
    c.wheel_momentum_n_m_s = wheel_momentum_body(s.wheels);
    array_drive_observe(s.array_drive, p, c.measured, drive_powered, c.custody, events);
    magnetics_observe(s.magnetics, p, c.measured);
    deployment_observe(s.deployment, p, frame, events);
    power_observe(s.power, p, frame, c.measured, events);

    if (s.almanac.sun_age_s == 0.0) power_forecast(s.power, p, c.orbit, c.sun_gcrf);
    const AttitudeReference reference = references(s, p, c);
    telemetry.filter_rejections +=
        attitude_step(s.attitude, p, c.measured, reference, s.sensors, c.custody, events);
    c.rate_body_rad_s = c.measured.rate_body_rad_s - s.attitude.bias_rad_s;
    sun_sense_step(s.sun, p, c.measured, s.attitude.bias_rad_s, events);
    c.sun_body = s.sun.direction_body;
    if (s.attitude.running != 0 && c.orbit.valid && dot(c.sun_gcrf, c.sun_gcrf) > 0.5) {
        c.sun_body = rotate(s.attitude.body_from_gcrf, c.sun_gcrf);
    }
}

// --- decisions
// -----------------------------------------------------------------------------------------------------

// In SAFE the body turns this direction to the Sun: the parked array's normal, or where a lost drive has left
// it.
Vector sun_axis(const AutonomyState& s) {
    return s.array_drive.lost != 0 ? array_normal_body(s.array_drive.angle_rad) : minus_z;
}

double pointing_error(const AutonomyState& s) {
    if (s.guidance.active != 0) {
        return norm(
            rotation_vector(s.guidance.reference_body_from_gcrf * conjugate(s.attitude.body_from_gcrf)));
    }
    const bool sun = submode_of(s.modes) == Submode::sun && s.sun.knowledge != SunKnowledge::unknown;
    return sun ? angle_between(sun_axis(s), s.sun.direction_body) : 0.0;
}

Situation situation(const AutonomyState& s, const SensorFrame& frame, const Context& c) {
    Situation now{};
    now.rate_rad_s = c.rate_norm_rad_s;
    now.rate_valid = c.measured.rate_valid;
    now.attitude_running = s.attitude.running != 0;
    now.attitude_sigma_rad = now.attitude_running ? c.attitude_sigma_rad : pi;
    now.pointing_error_rad = c.pointing_error_rad;
    now.charge = s.power.charge;
    now.charge_forecast = s.power.forecast;
    now.sun_seen = s.sun.knowledge == SunKnowledge::seen;
    now.lock_age_s = s.power.lock_age_s;
    now.wheels = wheels_healthy(s.wheels);
    now.orbit_valid = c.orbit.valid;
    now.slewing = s.guidance.slewing != 0;
    now.drive_lost = s.array_drive.lost != 0;
    now.charge_low = s.power.low != 0;
    now.charge_critical = s.power.critical != 0;
    now.separated = s.deployment.separated != 0;
    now.deployed = (frame.deployment_switches & 3U) == 3U;
    now.deployment_ended = s.deployment.wing >= 2;
    now.deployment_failed = s.deployment.failed != 0;
    now.autonomous = c.autonomous;
    return now;
}

void decide(AutonomyState& s, const Parameters& p, const SensorFrame& frame, const ModeRequest& request,
            Context& c, EventList& events) {
    c.pointing_error_rad = pointing_error(s);
    c.rate_norm_rad_s = norm(c.rate_body_rad_s);
    c.attitude_sigma_rad = s.attitude.running != 0 ? attitude_sigma_rad(s.attitude, p) : 0.0;
    const Situation now = situation(s, frame, c);
    if (request.valid == 1 && modes_request(s.modes, p, request, now, events)) {
        const auto& q = request.attitude_body_from_gcrf;
        const auto& r = request.target_itrs_m;
        const Quaternion asked = {q[0], q[1], q[2], q[3]};
        s.guidance.place_itrs_m = {r[0], r[1], r[2]};
        // Without an attitude in the request the present one is held.
        s.guidance.hold_body_from_gcrf =
            dot(asked, asked) > 0.5 && is_finite(asked) ? normalised(asked) : s.attitude.body_from_gcrf;
    }
    modes_step(s.modes, p, now, events);
    c.fire = 0;
    const Mode mode = mode_of(s.modes);
    // A reset in flight, a time-out or a command: whatever the switches say, the launcher is long gone.
    if (mode != Mode::boot && mode != Mode::separation) deployment_assume_separated(s.deployment, p);
    // Wings that were still folded when SEPARATION ended are released all the same: without them all is lost.
    if (mode == Mode::separation || (mode != Mode::boot && !now.deployed)) {
        c.fire = deployment_step(s.deployment, p, frame, events);
    }
}

// --- control
// -------------------------------------------------------------------------------------------------------

// Torque that gives the body an acceleration, gyroscopic coupling included.
Vector torque_for(const Context& c, Vector acceleration) {
    const Vector rate = c.rate_body_rad_s;
    const Vector stored = spacecraft::inertia_kg_m2 * rate + c.wheel_momentum_n_m_s;
    return spacecraft::inertia_kg_m2 * acceleration + cross(rate, stored);
}

// Turn the axis towards the Sun; hold still while its direction is unknown; look around if that lasts.
Vector sun_rate(const AutonomyState& s, const Parameters& p) {
    if (s.sun.knowledge == SunKnowledge::unknown) {
        return s.modes.in_mode_s > search_after_s ? search_rate_rad_s : Vector{0.0, 0.0, 0.0};
    }
    const Vector axis = sun_axis(s);
    Vector normal = cross(axis, s.sun.direction_body);
    // Straight away from the Sun every way round is as long.
    if (dot(normal, normal) < 1.0e-6 && dot(axis, s.sun.direction_body) < 0.0) normal = {1.0, 0.0, 0.0};
    const double speed =
        least(p.sun_bandwidth_rad_s / (2.0 * p.attitude_damping) * angle_between(axis, s.sun.direction_body),
              p.sun_slew_rate_rad_s);
    return speed * unit(normal);
}

void follow_guidance(AutonomyState& s, const Parameters& p, const Context& c, Vector external_n_m) {
    AttitudeTarget target{};
    switch (submode_of(s.modes)) {
        case Submode::target:
            target = place_target(s.guidance, p, s.almanac, s.clock.time_ns, c.orbit);
            break;
        case Submode::inertial_hold:
            target = hold_target(s.guidance);
            break;
        default:
            target = nadir_target(s.guidance, p, c.orbit, c.sun_gcrf);
            break;
    }
    if (c.track_station) {
        Guidance aimed = s.guidance;
        aimed.place_itrs_m = c.station_itrs_m;
        target = place_target(aimed, p, s.almanac, s.clock.time_ns, c.orbit);
    }
    guidance_step(s.guidance, p, target, s.attitude.body_from_gcrf, c.rate_body_rad_s);
    const Vector error =
        limited(rotation_vector(s.guidance.reference_body_from_gcrf * conjugate(s.attitude.body_from_gcrf)),
                attitude_error_max_rad);
    const double w = p.attitude_bandwidth_rad_s;
    if (dot(error, error) < integrated_error_max_rad * integrated_error_max_rad) {
        s.guidance.integral_rad_s =
            limited(s.guidance.integral_rad_s + p.control_period_s * error, integral_max_rad_s);
        if (!is_finite(s.guidance.integral_rad_s)) s.guidance.integral_rad_s = {0.0, 0.0, 0.0};
    }
    const Vector acceleration =
        s.guidance.acceleration_body_rad_s2 +
        (2.0 * p.attitude_damping * w) * (s.guidance.rate_body_rad_s - c.rate_body_rad_s) - (w * w) * error -
        p.attitude_integral_1_s3 * s.guidance.integral_rad_s;
    wheels_command(s.wheels, p, torque_for(c, acceleration) - external_n_m);
}

// DOWNLINK looks at the station where the settings ask for it and a contact is predicted for now.
void choose_station(const AutonomyState& s, const Parameters& p, Context& c) {
    c.station_itrs_m = {0.0, 0.0, 0.0};
    c.track_station = p.downlink_tracking != 0 && mode_of(s.modes) == Mode::downlink && c.orbit.valid &&
                      contact_place(s.contacts, p, s.clock.time_ns, c.station_itrs_m);
}

void wheels_to_rate(AutonomyState& s, const Parameters& p, const Context& c, Vector wanted_rad_s,
                    double gain_1_s, Vector external_n_m) {
    const Vector acceleration = gain_1_s * (wanted_rad_s - c.rate_body_rad_s);
    wheels_command(s.wheels, p, torque_for(c, acceleration) - external_n_m);
}

// SURVIVAL has no wheels: the torquers damp and, while the Sun is known, pull towards it.
void torquers_to_sun(AutonomyState& s, const Context& c) {
    if (!c.measured.rate_valid || s.sun.knowledge == SunKnowledge::unknown) return;
    const Vector pull = survival_stiffness_1_s2 * cross(sun_axis(s), s.sun.direction_body);
    const Vector acceleration = pull - survival_damping_1_s * c.rate_body_rad_s;
    magnetics_torque(s.magnetics, c.measured.field_body_t, spacecraft::inertia_kg_m2 * acceleration);
}

void control(AutonomyState& s, const Parameters& p, const SensorFrame& frame, const Context& c,
             EventList& events) {
    const Mode mode = mode_of(s.modes);
    const Submode submode = submode_of(s.modes);
    const Vector field = c.measured.field_body_t;
    const bool fine = fine_pointing(mode);
    const bool wheels = fine || (mode == Mode::safe && submode == Submode::sun) ||
                        (mode == Mode::detumble && submode == Submode::wheel_capture);
    if (wheels) {
        magnetics_unload(s.magnetics, p, field, c.wheel_momentum_n_m_s, events);
    } else if (submode == Submode::rate_damping || mode == Mode::survival) {
        magnetics_bdot(s.magnetics, p);
        if (mode == Mode::survival) torquers_to_sun(s, c);
    } else {
        magnetics_idle(s.magnetics);
    }
    magnetics_send(s.magnetics, frame.sequence);
    const Vector external = magnetic_torque_body(s.magnetics, field);
    if (!fine || s.attitude.running == 0) guidance_stop(s.guidance);
    if (!wheels) {
        wheels_idle(s.wheels, p);
    } else if (fine && s.attitude.running != 0) {
        follow_guidance(s, p, c, external);
    } else if (mode == Mode::safe) {
        wheels_to_rate(s, p, c, sun_rate(s, p), 2.0 * p.attitude_damping * p.sun_bandwidth_rad_s, external);
    } else {
        wheels_to_rate(s, p, c, {0.0, 0.0, 0.0}, capture_gain_1_s, external);
    }
    if (fine && dot(c.sun_body, c.sun_body) > 0.5) {
        // The Sun goes round the drive's axis as the body turns; the angle's rate is minus the body's about
        // y.
        array_drive_to(s.array_drive, array_angle_towards(s.array_drive, c.sun_body),
                       -s.guidance.rate_body_rad_s.y);
    } else if (mode == Mode::detumble || mode == Mode::safe) {
        array_drive_to(s.array_drive, 0.0, 0.0);
    } else {
        array_drive_idle(s.array_drive);
    }
}

// --- outputs
// -------------------------------------------------------------------------------------------------------

void put(std::array<float, 3>& to, Vector v) {
    to = {static_cast<float>(v.x), static_cast<float>(v.y), static_cast<float>(v.z)};
}
void put(std::array<float, 4>& to, Quaternion q) {
    to = {static_cast<float>(q.w), static_cast<float>(q.x), static_cast<float>(q.y), static_cast<float>(q.z)};
}

void command(AutonomyState& s, const Parameters& p, const SensorFrame& frame, const Context& c,
             ActuatorFrame& out, EventList& events) {
    out = ActuatorFrame{};
    const Mode mode = mode_of(s.modes);
    const Submode submode = submode_of(s.modes);
    for (std::size_t i = 0; i < 4; ++i) {
        out.wheel_torque_n_m[i] = static_cast<float>(s.wheels.torque_n_m[i]);
        s.wheels.torque_n_m[i] = static_cast<double>(out.wheel_torque_n_m[i]);
    }
    put(out.torquer_dipole_body_a_m2, s.magnetics.dipole_sent_a_m2);
    const Vector sent = s.magnetics.dipole_sent_a_m2;
    const bool quiet = sent.x == 0.0 && sent.y == 0.0 && sent.z == 0.0;
    s.sensors.quiet_ticks = quiet ? (s.sensors.quiet_ticks < 1000 ? s.sensors.quiet_ticks + 1 : 1000) : 0;
    out.array_rate_rad_s = static_cast<float>(s.array_drive.rate_rad_s);
    if (s.guidance.active != 0) {
        put(out.attitude_command_body_from_gcrf, s.guidance.reference_body_from_gcrf);
        out.attitude_command_valid = 1;
        out.slewing = s.guidance.slewing != 0 ? 1 : 0;
    }
    out.sequence = frame.sequence;
    const bool wheels = fine_pointing(mode) || mode == Mode::safe ||
                        (mode == Mode::detumble && submode == Submode::wheel_capture);
    const bool navigation = fine_pointing(mode) || (mode == Mode::safe && s.modes.navigation != 0);
    const bool payload = submode != Submode::inertial_hold && !c.shadow;
    out.switch_command = power_switches(s.power, mode, wheels, navigation, payload, events);
    out.heater_command = power_heaters(s.power, mode, frame, events);
    const bool silence = s.deployment.separated == 0 || s.deployment.separated_s < p.radio_silence_s;
    out.transmitter_on = power_transmitter(s.power, p, silence, events);
    out.deployment_fire = c.fire;
    out.mode = static_cast<std::uint8_t>(mode);
    out.submode = static_cast<std::uint8_t>(c.track_station ? Submode::target : submode);
    contacts_antenna(s.contacts, p, s.almanac, c.orbit, s.attitude.running != 0, s.attitude.body_from_gcrf,
                     s.clock.time_ns);
    out.antenna = s.contacts.antenna == 1 ? 1 : 0;
}

// A bit for each unit in use.
template <std::size_t n>
unsigned health_bits(const std::array<UnitHealth, n>& units) {
    unsigned out = 0;
    for (const UnitHealth& unit : units)
        out |= unit.excluded;
    unsigned bits = (1U << n) - 1U;
    for (std::size_t i = 0; i < n && out != 0; ++i)
        bits ^= (units[i].excluded != 0 ? 1U : 0U) << i;
    return bits;
}

void report_attitude(const AutonomyState& s, const Context& c, Telemetry& t) {
    put(t.rate_body_rad_s, c.rate_body_rad_s);
    t.rate_norm_rad_s = static_cast<float>(c.rate_norm_rad_s);
    t.attitude_valid = s.attitude.running != 0 ? 1 : 0;
    put(t.attitude_quaternion_body_from_gcrf, s.attitude.body_from_gcrf);
    t.attitude_sigma_rad = static_cast<float>(c.attitude_sigma_rad);
    put(t.gyro_bias_rad_s, s.attitude.bias_rad_s);
    const bool tracker = least(s.attitude.tracker_age_s[0], s.attitude.tracker_age_s[1]) < 10.0;
    t.attitude_source =
        static_cast<std::uint8_t>((tracker ? 1U : 0U) | (s.attitude.field_age_s < 60.0 ? 2U : 0U) |
                                  (s.attitude.sun_age_s < 60.0 ? 4U : 0U));
    t.pointing_error_estimate_rad = static_cast<float>(c.pointing_error_rad);
    t.slewing = s.guidance.slewing != 0 ? 1 : 0;
    t.orbit_valid = c.orbit.valid ? 1 : 0;
    put(t.orbit_position_gcrf_m, c.orbit.position_gcrf_m);
    put(t.orbit_velocity_gcrf_m_s, c.orbit.velocity_gcrf_m_s);
    t.orbit_age_s = static_cast<float>(s.orbit.fix_age_s);
    t.orbit_sigma_m = s.orbit.known != 0 ? static_cast<float>(orbit_sigma_m(s.orbit)) : 0.0F;
    t.sun_known = static_cast<std::uint8_t>(s.sun.knowledge);
    put(t.sun_direction_body, s.sun.direction_body);
    put(t.field_body_t, c.measured.field_body_t);
}

void report_contacts(const AutonomyState& s, const ActuatorFrame& out, std::uint32_t sequence, Telemetry& t) {
    const std::uint8_t station = next_contact(s.contacts, s.clock.time_ns);
    t.antenna = out.antenna;
    if (station >= stations_max) {
        t.next_contact_station = station;
        t.next_contact_aos_ns = 0;
        t.next_contact_los_ns = 0;
        t.next_contact_elevation_rad = 0.0F;
        return;
    }
    const PredictedContact& contact = s.contacts.contacts[station];
    // The same contact has the same elevation; now and then it is told anew all the same, since bits flip.
    const bool told = t.next_contact_station == station && t.next_contact_aos_ns == contact.aos_ns &&
                      t.next_contact_los_ns == contact.los_ns;
    if (told && sequence % elevation_told_ticks != 0) return;
    t.next_contact_station = station;
    t.next_contact_aos_ns = contact.aos_ns;
    t.next_contact_los_ns = contact.los_ns;
    t.next_contact_elevation_rad = static_cast<float>(arc_sine(contact.sine_max));
}

void report(const AutonomyState& s, const SensorFrame& frame, const ActuatorFrame& out, const Context& c,
            Telemetry& t) {
    t.mode = out.mode;
    t.submode = out.submode;
    t.mode_reason = static_cast<std::uint8_t>(s.modes.reason);
    t.safe_reason = static_cast<std::uint8_t>(s.modes.safe_reason);
    t.time_in_mode_s = static_cast<float>(s.modes.in_mode_s);
    t.on_board_time_ns = s.clock.time_ns;
    report_attitude(s, c, t);
    unsigned wheel_bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        t.wheel_speed_rad_s[i] = static_cast<float>(s.wheels.speed_rad_s[i]);
        t.wheel_torque_n_m[i] = out.wheel_torque_n_m[i];
        wheel_bits |= (s.wheels.excluded[i] == 0 ? 1U : 0U) << i;
    }
    put(t.wheel_momentum_n_m_s, c.wheel_momentum_n_m_s);
    t.wheel_health = static_cast<std::uint8_t>(wheel_bits);
    t.gyro_health = static_cast<std::uint8_t>(health_bits(s.sensors.gyro));
    t.tracker_health = static_cast<std::uint8_t>(health_bits(s.sensors.tracker));
    t.magnetometer_health = static_cast<std::uint8_t>(health_bits(s.sensors.magnetometer));
    t.gps_health = static_cast<std::uint8_t>(health_bits(s.sensors.gps));
    t.sun_sensor_health = static_cast<std::uint16_t>(health_bits(s.sensors.sun_sensor));
    t.unload_active = s.magnetics.unloading != 0 ? 1 : 0;
    t.torquer_dipole_a_m2 = out.torquer_dipole_body_a_m2;
    t.array_angle_rad = static_cast<float>(s.array_drive.angle_rad);
    t.deployed = frame.deployment_switches;
    t.battery_charge_fraction = static_cast<float>(s.power.charge);
    t.charge_forecast = static_cast<float>(s.power.forecast);
    t.bus_voltage_v = static_cast<float>(c.measured.bus_voltage_v);
    t.battery_current_a = is_finite(frame.battery_current_a) ? frame.battery_current_a : 0.0F;
    for (std::size_t i = 0; i < 2; ++i) {
        t.array_current_a[i] = is_finite(frame.array_current_a[i]) ? frame.array_current_a[i] : 0.0F;
    }
    for (std::size_t i = 0; i < 10; ++i) {
        t.temperature_k[i] = is_finite(frame.temperature_k[i]) ? frame.temperature_k[i] : 0.0F;
    }
    t.switch_command = out.switch_command;
    t.switch_status = frame.switch_status;
    t.heater_command = out.heater_command;
    t.transmitter_on = out.transmitter_on;
    t.receiver_lock = frame.receiver_lock;
    t.safe_exits = static_cast<std::uint8_t>(s.modes.safe_exits);
    t.commissioned = s.modes.commissioned != 0 ? 1 : 0;
    t.units_held_out = s.overrides.excluded;
    t.units_held_in = s.overrides.readmitted;
    t.units_retested = s.overrides.retested;
    t.array_rate_rad_s = out.array_rate_rad_s;
    t.array_drive_lost = s.array_drive.lost != 0 ? 1 : 0;
    report_contacts(s, out, frame.sequence, t);
}

}  // namespace

void autonomy_init(AutonomyState& state, const Parameters&) {
    state = AutonomyState{};
    clock_init(state.clock);
    sensors_init(state.sensors);
    almanac_init(state.almanac);
    orbit_init(state.orbit);
    tracker_rate_init(state.tracker_rate);
    attitude_init(state.attitude);
    sun_sense_init(state.sun);
    wheels_init(state.wheels);
    magnetics_init(state.magnetics);
    array_drive_init(state.array_drive);
    deployment_init(state.deployment);
    power_init(state.power);
    guidance_init(state.guidance);
    modes_init(state.modes);
    contacts_init(state.contacts);
}

void autonomy_plan(AutonomyState& state, const Parameters& parameters) {
    const OrbitEstimate orbit = orbit_at(state.orbit, parameters, state.clock.time_ns);
    contacts_search(state.contacts, parameters, state.almanac, orbit, state.clock.time_ns);
}

void autonomy_step(AutonomyState& state, const Parameters& parameters, const SensorFrame& frame,
                   const ModeRequest& request, bool autonomous, ActuatorFrame& actuators,
                   Telemetry& telemetry, EventList& events) {
    Context context{};
    context.autonomous = autonomous;
    context.custody = custody_of(state.overrides, autonomous);
    estimate(state, parameters, frame, context, telemetry, events);
    end_retests(state);
    decide(state, parameters, frame, request, context, events);
    choose_station(state, parameters, context);
    control(state, parameters, frame, context, events);
    command(state, parameters, frame, context, actuators, events);
    report(state, frame, actuators, context, telemetry);
}

void report_units(const SensorFrame& frame, Telemetry& t) {
    const auto known = [](float value) { return is_finite(value) ? value : 0.0F; };
    for (std::size_t axis = 0; axis < 3; ++axis) {
        for (std::size_t i = 0; i < 4; ++i)
            t.gyro_rate_body_rad_s[i][axis] = known(frame.gyro_rate_body_rad_s[i][axis]);
        for (std::size_t i = 0; i < 3; ++i)
            t.magnetometer_body_t[i][axis] = known(frame.magnetometer_body_t[i][axis]);
    }
    for (std::size_t i = 0; i < 12; ++i)
        t.sun_sensor[i] = known(frame.sun_sensor[i]);
    for (std::size_t i = 0; i < 4; ++i)
        t.wheel_current_a[i] = known(frame.wheel_current_a[i]);
    t.sensor_valid = frame.valid;
}

Belief autonomy_belief(const AutonomyState& state, const Parameters& parameters) {
    const Matrix c = attitude_covariance(state.attitude, parameters);
    const Quaternion q = state.attitude.body_from_gcrf;
    const Vector b = state.attitude.bias_rad_s;
    return {state.attitude.running != 0 ? 1.0 : 0.0,
            q.w,
            q.x,
            q.y,
            q.z,
            c(0, 0),
            c(0, 1),
            c(0, 2),
            c(1, 1),
            c(1, 2),
            c(2, 2),
            b.x,
            b.y,
            b.z,
            0.0,
            0.0};
}

}  // namespace safehold
