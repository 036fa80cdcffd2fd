#include "safehold/gnc/sensors.hpp"

#include "safehold/gnc/spacecraft.hpp"

namespace safehold {
namespace {

constexpr std::uint32_t count_max = 1000000;
constexpr std::uint32_t stuck_limit = 10;  // equal samples on end: 1e-40 by noise

struct Verdict {
    bool excluded_now;
    bool readmitted_now;
};

struct Persistence {
    std::uint32_t limit;
    std::uint32_t readmission;
};

// Persistence on both edges: `limit` bad samples on end exclude, `readmission` good ones bring back. Where
// the monitor may not decide, it counts all the same.
Verdict judge(UnitHealth& unit, bool good, Persistence persistence, bool held_out, bool held_in) {
    if (good) {
        unit.bad = 0;
        if (unit.excluded == 0 && !held_out) return {false, false};
        if (unit.good < count_max) ++unit.good;
    } else {
        unit.good = 0;
        if (unit.bad < count_max) ++unit.bad;
    }
    if (held_out || held_in) {
        unit.excluded = held_out ? 1 : 0;
    } else if (unit.excluded != 0 && good && unit.good >= persistence.readmission) {
        unit.excluded = 0;
        return {false, true};
    } else if (unit.excluded == 0 && unit.bad >= persistence.limit) {
        unit.excluded = 1;
        return {true, false};
    }
    return {false, false};
}

std::uint32_t as_count(double value) {
    return value >= 1.0 && value <= 1.0e6 ? static_cast<std::uint32_t>(value) : 1U;
}

// For a kind of which a sample comes every so many seconds.
Persistence persistence_of(const Parameters& p, double samples_s) {
    return {as_count(p.exclusion_persistence), as_count(p.readmission_s / samples_s)};
}

template <std::size_t n>
Exclusion check_sample(UnitHealth& unit, const std::array<float, n>& sample, std::array<float, n>& last,
                       bool valid, std::uint16_t age_ms, double range) {
    if (!valid) return Exclusion::not_valid;
    bool same = true;
    for (std::size_t i = 0; i < n; ++i) {
        if (!is_finite(sample[i])) return Exclusion::not_finite;
        same = same && sample[i] == last[i];
    }
    unit.same = same ? (unit.same < count_max ? unit.same + 1 : unit.same) : 0;
    last = sample;
    for (std::size_t i = 0; i < n; ++i) {
        if (absolute(static_cast<double>(sample[i])) > range) return Exclusion::out_of_range;
    }
    if (unit.same >= stuck_limit) return Exclusion::stuck;
    if (age_ms > 1000) return Exclusion::stale;
    return Exclusion::none;
}

Vector vector_of(const std::array<float, 3>& a) {
    return {static_cast<double>(a[0]), static_cast<double>(a[1]), static_cast<double>(a[2])};
}

// The middle of up to four values: with an even number, the mean of the two in the middle.
double middle(const std::array<double, 4>& v, std::size_t count) {
    switch (count) {
        case 1:
            return v[0];
        case 2:
            return 0.5 * (v[0] + v[1]);
        case 3:
            return greatest(least(v[0], v[1]), least(greatest(v[0], v[1]), v[2]));
        case 4:
            return 0.5 * (greatest(least(v[0], v[1]), least(v[2], v[3])) +
                          least(greatest(v[0], v[1]), greatest(v[2], v[3])));
        default:
            return 0.0;
    }
}

double largest_difference(Vector a, Vector b) {
    return greatest(greatest(absolute(a.x - b.x), absolute(a.y - b.y)), absolute(a.z - b.z));
}

struct Vote {
    Vector value;
    Vector reference;  // what each unit is compared with
    std::uint32_t used;
};

struct VotedUnits {
    EventId excluded;
    EventId readmitted;
    double tolerance;
    double samples_s;        // between two samples
    std::uint32_t held_out;  // bit by unit, from the first of the kind
    std::uint32_t held_in;
};

// Mid-value of the usable units by component, then the mean of those within the tolerance of it. If all
// usable units are outside (two that contradict each other), the one nearest to the last vote is taken.
template <std::size_t n>
Vote vote_doubtful(std::array<UnitHealth, n>& health, const std::array<Vector, n>& samples,
                   const std::array<Exclusion, n>& faults, Vector last, const VotedUnits& kind,
                   Persistence persistence, std::uint32_t& rejected, EventList& events) {
    std::array<double, 4> x{};
    std::array<double, 4> y{};
    std::array<double, 4> z{};
    std::size_t usable = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (faults[i] != Exclusion::none || health[i].excluded != 0) continue;
        x[usable] = samples[i].x;
        y[usable] = samples[i].y;
        z[usable] = samples[i].z;
        ++usable;
    }
    // With every unit excluded those that are sound are compared with each other, or none would ever come
    // back.
    const bool all_excluded = usable == 0;
    for (std::size_t i = 0; i < n && all_excluded; ++i) {
        if (faults[i] != Exclusion::none) continue;
        x[usable] = samples[i].x;
        y[usable] = samples[i].y;
        z[usable] = samples[i].z;
        ++usable;
    }
    Vote result = {last, last, 0};
    Vector reference = last;
    if (usable > 0) reference = {middle(x, usable), middle(y, usable), middle(z, usable)};
    result.reference = reference;
    Vector sum = {0.0, 0.0, 0.0};
    std::array<double, n> deviation{};
    for (std::size_t i = 0; i < n; ++i) {
        if (faults[i] != Exclusion::none) continue;
        deviation[i] = largest_difference(samples[i], reference);
        if (health[i].excluded != 0) continue;
        if (deviation[i] <= kind.tolerance) {
            sum = sum + samples[i];
            ++result.used;
        }
    }
    if (result.used > 0) {
        result.value = (1.0 / static_cast<double>(result.used)) * sum;
        result.reference = result.value;
    } else if (usable > 0 && !all_excluded) {
        std::size_t nearest = n;
        for (std::size_t i = 0; i < n; ++i) {
            if (faults[i] != Exclusion::none || health[i].excluded != 0) continue;
            if (nearest == n ||
                largest_difference(samples[i], last) < largest_difference(samples[nearest], last)) {
                nearest = i;
            }
        }
        result.value = samples[nearest < n ? nearest : 0];
        result.used = 1;
        result.reference = result.value;
        for (std::size_t i = 0; i < n; ++i)
            deviation[i] = largest_difference(samples[i], result.value);
    }
    for (std::size_t i = 0; i < n; ++i) {
        Exclusion fault = faults[i];
        if (fault == Exclusion::none && usable > 0 && deviation[i] > kind.tolerance)
            fault = Exclusion::disagrees;
        if (fault != Exclusion::none) ++rejected;
        const Verdict verdict = judge(health[i], fault == Exclusion::none, persistence,
                                      (kind.held_out >> i & 1U) != 0, (kind.held_in >> i & 1U) != 0);
        if (verdict.excluded_now) {
            events.add(kind.excluded, static_cast<double>(i), static_cast<double>(fault), deviation[i]);
        }
        if (verdict.readmitted_now) events.add(kind.readmitted, static_cast<double>(i));
    }
    return result;
}

// Whether nothing speaks against any unit, and none is held out.
template <std::size_t n>
bool all_sound(const std::array<UnitHealth, n>& health, const std::array<Exclusion, n>& faults,
               std::uint32_t held_out) {
    std::uint32_t against = held_out & ((1U << n) - 1U);
    for (std::size_t i = 0; i < n; ++i)
        against |= static_cast<std::uint32_t>(faults[i]) | health[i].excluded;
    return against == 0;
}

// The same vote in short where all are sound and agree, as in nearly every tick.
template <std::size_t n>
Vote vote(std::array<UnitHealth, n>& health, const std::array<Vector, n>& samples,
          const std::array<Exclusion, n>& faults, Vector last, const VotedUnits& kind, const Parameters& p,
          std::uint32_t& rejected, EventList& events) {
    if (all_sound(health, faults, kind.held_out)) {
        std::array<double, 4> x{};
        std::array<double, 4> y{};
        std::array<double, 4> z{};
        Vector sum = {0.0, 0.0, 0.0};
        for (std::size_t i = 0; i < n; ++i) {
            x[i] = samples[i].x;
            y[i] = samples[i].y;
            z[i] = samples[i].z;
            sum = sum + samples[i];
        }
        const Vector reference = {middle(x, n), middle(y, n), middle(z, n)};
        bool agree = true;
        for (std::size_t i = 0; i < n; ++i)
            agree = agree && largest_difference(samples[i], reference) <= kind.tolerance;
        if (agree) {
            for (UnitHealth& unit : health)
                unit.bad = 0;
            const Vector mean = (1.0 / static_cast<double>(n)) * sum;
            return {mean, mean, n};
        }
    }
    return vote_doubtful(health, samples, faults, last, kind, persistence_of(p, kind.samples_s), rejected,
                         events);
}

// A bias too small for the vote shows in the mean over ten seconds. A unit marked here counts as disagreeing;
// one that is held in is not marked, since that alone would take it out of the vote.
void mark_drift(const SensorVoting& state, const Parameters& p, UnitCustody custody,
                const std::array<Vector, 4>& samples, std::array<Exclusion, 4>& faults) {
    if ((state.gyro[0].excluded & state.gyro[1].excluded & state.gyro[2].excluded & state.gyro[3].excluded) !=
        0)
        return;
    const double allowed = p.gyro_drift_rad_s + 1.0e-3 * norm(state.rate_body_rad_s);
    bool any = false;
    for (const Vector& mean : state.gyro_drift_rad_s)
        any = any || dot(mean, mean) > allowed * allowed;
    if (!any) return;
    // The vote cannot tell who is right once fewer than three are left.
    std::uint32_t sound = 0;
    for (std::size_t i = 0; i < 4; ++i)
        sound += faults[i] == Exclusion::none && state.gyro[i].excluded == 0 ? 1U : 0U;
    std::size_t worst = 4;
    double largest = allowed * allowed;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double drift = dot(state.gyro_drift_rad_s[i], state.gyro_drift_rad_s[i]);
        if (faults[i] != Exclusion::none || !(drift > allowed * allowed)) continue;
        if (custody.in(UnitKind::gyro, i)) continue;
        if (state.gyro[i].excluded != 0) {
            faults[i] = Exclusion::disagrees;  // not well yet
        } else if (drift > largest && sound >= 3) {
            largest = drift;
            worst = i;
        }
    }
    if (worst < 4) faults[worst] = Exclusion::disagrees;
}

void follow_drift(SensorVoting& state, const Parameters& p, const std::array<Vector, 4>& samples,
                  const std::array<Exclusion, 4>& faults, Vector voted) {
    const double share = least(p.control_period_s / 10.0, 1.0);
    double square = 0.0;
    double count = 0.0;
    for (std::size_t i = 0; i < 4; ++i) {
        if (faults[i] != Exclusion::none && faults[i] != Exclusion::disagrees) continue;
        const Vector difference = samples[i] - voted;
        state.gyro_drift_rad_s[i] =
            state.gyro_drift_rad_s[i] + share * (difference - state.gyro_drift_rad_s[i]);
        if (state.gyro[i].excluded != 0 || faults[i] != Exclusion::none) continue;
        square += dot(difference, difference);
        count += 1.0;
    }
    if (count < 2.0) return;
    // Differences from the mean of n have (n - 1)/n of the variance.
    const double variance = square / (3.0 * (count - 1.0));
    state.gyro_noise_rad2_s2 += share * (variance - state.gyro_noise_rad2_s2);
}

void gyros(SensorVoting& state, const Parameters& p, const SensorFrame& frame, UnitCustody custody,
           Measurements& out, EventList& events) {
    std::array<Vector, 4> samples{};
    std::array<Exclusion, 4> faults{};
    std::uint32_t excluded_before = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        samples[i] = vector_of(frame.gyro_rate_body_rad_s[i]);
        faults[i] =
            check_sample(state.gyro[i], frame.gyro_rate_body_rad_s[i], state.gyro_last[i],
                         (frame.valid >> i & 1U) != 0, frame.sample_age_ms[i], spacecraft::gyro_range_rad_s);
        excluded_before |= state.gyro[i].excluded << i;
    }
    mark_drift(state, p, custody, samples, faults);
    const VotedUnits kind = {EventId::gyro_excluded,
                             EventId::gyro_readmitted,
                             p.gyro_vote_rad_s,
                             p.control_period_s,
                             custody.held_out >> unit_first(UnitKind::gyro),
                             custody.held_in >> unit_first(UnitKind::gyro)};
    const Vote result =
        vote(state.gyro, samples, faults, state.rate_body_rad_s, kind, p, out.rejected, events);
    std::uint32_t excluded_after = 0;
    for (std::size_t i = 0; i < 4; ++i)
        excluded_after |= state.gyro[i].excluded << i;
    follow_drift(state, p, samples, faults, result.reference);
    out.gyro_noise_rad2_s2 = state.gyro_noise_rad2_s2;
    out.gyro_set_changed = excluded_after != excluded_before;
    out.gyros_used = result.used;
    if (result.used > 0) {
        state.rate_body_rad_s = result.value;
        state.rate_age_s = 0.0;
    } else {
        state.rate_age_s = least(state.rate_age_s + p.control_period_s, 1.0e9);
    }
    // A second without any gyro is bridged with the last rate.
    out.rate_valid = state.rate_age_s < 1.0;
    if (!out.rate_valid && state.gyros_lost == 0) events.add(EventId::gyros_lost, out.rejected);
    state.gyros_lost = out.rate_valid ? 0 : 1;
    out.rate_body_rad_s = state.rate_body_rad_s;
}

// Magnetometers are believed only after two ticks on end without torquers.
void magnetometers(SensorVoting& state, const Parameters& p, const SensorFrame& frame, UnitCustody custody,
                   Measurements& out, EventList& events) {
    state.field_age_s = least(state.field_age_s + p.control_period_s, 1.0e9);
    out.field_new = false;
    if (state.quiet_ticks >= 2 && frame.sequence % 5 == 0) {
        std::array<Vector, 3> samples{};
        std::array<Exclusion, 3> faults{};
        for (std::size_t i = 0; i < 3; ++i) {
            samples[i] = vector_of(frame.magnetometer_body_t[i]);
            faults[i] = check_sample(state.magnetometer[i], frame.magnetometer_body_t[i],
                                     state.magnetometer_last[i], (frame.valid >> (6 + i) & 1U) != 0,
                                     frame.sample_age_ms[6 + i], spacecraft::magnetometer_range_t);
        }
        const VotedUnits kind = {EventId::magnetometer_excluded,
                                 EventId::magnetometer_readmitted,
                                 p.magnetometer_vote_t,
                                 5.0 * p.control_period_s,
                                 custody.held_out >> unit_first(UnitKind::magnetometer),
                                 custody.held_in >> unit_first(UnitKind::magnetometer)};
        const Vote result =
            vote(state.magnetometer, samples, faults, state.field_body_t, kind, p, out.rejected, events);
        if (result.used > 0 && dot(result.value, result.value) > 1.0e-12) {
            state.field_body_t = result.value;
            state.field_age_s = 0.0;
            out.field_new = true;
        }
    }
    out.field_body_t = state.field_body_t;
}

// Whether each Sun sensor is sound, in use, and has been good before; their values. NaN is within no limits.
bool all_lit(const SensorVoting& state, const SensorFrame& frame, std::array<double, 12>& value) {
    std::uint32_t sound = 0;
    std::uint32_t against = 0;
    for (std::size_t i = 0; i < 12; ++i) {
        value[i] = static_cast<double>(frame.sun_sensor[i]);
        sound += static_cast<std::uint32_t>(value[i] > -0.2 && value[i] < 2.0);
        against |= state.sun_sensor[i].excluded | state.sun_sensor[i].bad;
    }
    return sound == 12 && against == 0;
}

// Two sensors of a face that are both good: where they disagree, the lower is taken.
double both(double a, double b) {
    return greatest(absolute(a - b) < 0.2 ? 0.5 * (a + b) : least(a, b), 0.0);
}

// Six faces, two sensors each. Where two disagree, the lower is taken: a reflection or a short only adds
// light.
void sun_sensors(SensorVoting& state, const Parameters& p, const SensorFrame& frame, UnitCustody custody,
                 Measurements& out, EventList& events) {
    const bool claimed = (frame.valid >> 12U & 1U) != 0 && frame.sample_age_ms[11] <= 1000;
    std::array<double, 12> value{};
    std::array<double, 6> face{};
    out.sun_valid = claimed;
    if (claimed && all_lit(state, frame, value)) {
        for (std::size_t i = 0; i < 6; ++i)
            face[i] = both(value[i], value[i + 6]);
        out.sun_body = {face[0] - face[1], face[2] - face[3], face[4] - face[5]};
        return;
    }
    const Persistence persistence = persistence_of(p, p.control_period_s);
    std::array<bool, 12> good{};
    for (std::size_t i = 0; i < 12; ++i) {
        const bool finite = is_finite(frame.sun_sensor[i]);
        value[i] = finite ? static_cast<double>(frame.sun_sensor[i]) : 0.0;
        const bool sound = finite && value[i] > -0.2 && value[i] < 2.0;
        good[i] = claimed && sound && state.sun_sensor[i].excluded == 0;
        if (good[i] && state.sun_sensor[i].bad == 0) continue;
        if (!claimed || !sound) ++out.rejected;
        const Verdict verdict =
            judge(state.sun_sensor[i], sound || !claimed, persistence, custody.out(UnitKind::sun_sensor, i),
                  custody.in(UnitKind::sun_sensor, i));
        if (verdict.excluded_now) {
            const Exclusion reason = finite ? Exclusion::out_of_range : Exclusion::not_finite;
            events.add(EventId::sun_sensor_excluded, static_cast<double>(i), static_cast<double>(reason),
                       value[i]);
        }
        if (verdict.readmitted_now) events.add(EventId::sun_sensor_readmitted, static_cast<double>(i));
    }
    for (std::size_t i = 0; i < 6; ++i) {
        const double a = value[i];
        const double b = value[i + 6];
        if (good[i] && good[i + 6]) {
            face[i] = both(a, b);
        } else if (good[i] || good[i + 6]) {
            face[i] = greatest(good[i] ? a : b, 0.0);
        }
    }
    out.sun_body = {face[0] - face[1], face[2] - face[3], face[4] - face[5]};
}

void trackers(SensorVoting& state, const Parameters& p, const SensorFrame& frame, UnitCustody custody,
              Measurements& out, EventList& events) {
    for (std::size_t i = 0; i < 2; ++i) {
        UnitHealth& unit = state.tracker[i];
        out.attitude_new[i] = false;
        if ((frame.valid >> (4 + i) & 1U) == 0)
            continue;  // blind, or between two updates: no sign of a fault
        const auto& sample = frame.tracker_quaternion_tracker_from_gcrf[i];
        Exclusion fault =
            check_sample(unit, sample, state.tracker_last[i], true, frame.sample_age_ms[4 + i], 1.001);
        Quaternion q = {static_cast<double>(sample[0]), static_cast<double>(sample[1]),
                        static_cast<double>(sample[2]), static_cast<double>(sample[3])};
        if (fault == Exclusion::none && absolute(dot(q, q) - 1.0) > 1.0e-3) fault = Exclusion::out_of_range;
        if (fault != Exclusion::none) ++out.rejected;
        const Persistence persistence = persistence_of(p, 5.0 * p.control_period_s);
        const Verdict verdict = judge(unit, fault == Exclusion::none, persistence,
                                      custody.out(UnitKind::tracker, i), custody.in(UnitKind::tracker, i));
        if (verdict.excluded_now) {
            events.add(EventId::tracker_excluded, static_cast<double>(i), static_cast<double>(fault));
        }
        if (verdict.readmitted_now) events.add(EventId::tracker_readmitted, static_cast<double>(i));
        if (fault != Exclusion::none || unit.excluded != 0) continue;
        // Rows of body from tracker's inverse: x is body x, z the boresight.
        const Vector z = spacecraft::tracker_boresights[i];
        const Matrix tracker_from_body = rows({1.0, 0.0, 0.0}, cross(z, {1.0, 0.0, 0.0}), z);
        const Quaternion body_from_tracker = conjugate(quaternion_from_matrix(tracker_from_body));
        out.attitude_body_from_gcrf[i] = normalised(body_from_tracker * q);
        out.attitude_age_s[i] = 1.0e-3 * static_cast<double>(frame.sample_age_ms[4 + i]);
        out.attitude_new[i] = true;
    }
}

void gps(SensorVoting& state, const Parameters& p, const SensorFrame& frame, UnitCustody custody,
         Measurements& out, EventList& events) {
    for (std::size_t i = 0; i < 2; ++i) {
        UnitHealth& unit = state.gps[i];
        out.gps_new[i] = false;
        if ((frame.valid >> (9 + i) & 1U) == 0 || frame.gps_time_ns[i] == state.gps_time_ns[i]) continue;
        const auto& r = frame.gps_position_itrs_m[i];
        const Vector position = {r[0], r[1], r[2]};
        const Vector velocity = vector_of(frame.gps_velocity_itrs_m_s[i]);
        Exclusion fault = Exclusion::none;
        if (!is_finite(position) || !is_finite(velocity)) {
            fault = Exclusion::not_finite;
        } else if (norm(position) < 6.4e6 || norm(position) > 1.0e7 || norm(velocity) > 1.2e4) {
            fault = Exclusion::out_of_range;
        } else if (frame.sample_age_ms[9 + i] > 1000) {
            fault = Exclusion::stale;
        }
        state.gps_time_ns[i] = frame.gps_time_ns[i];
        if (fault != Exclusion::none) ++out.rejected;
        const Persistence persistence = persistence_of(p, 1.0);
        const Verdict verdict = judge(unit, fault == Exclusion::none, persistence,
                                      custody.out(UnitKind::gps, i), custody.in(UnitKind::gps, i));
        if (verdict.excluded_now) {
            events.add(EventId::gps_excluded, static_cast<double>(i), static_cast<double>(fault));
        }
        if (verdict.readmitted_now) events.add(EventId::gps_readmitted, static_cast<double>(i));
        if (fault != Exclusion::none || unit.excluded != 0) continue;
        out.gps_position_itrs_m[i] = position;
        out.gps_velocity_itrs_m_s[i] = velocity;
        out.gps_time_ns[i] = frame.gps_time_ns[i];
        out.gps_new[i] = true;
    }
}

double checked(float value, double low, double high, bool& valid, std::uint32_t& rejected) {
    const double v = static_cast<double>(value);
    valid = v >= low && v <= high;  // NaN is not
    if (!valid) ++rejected;
    return valid ? v : 0.0;
}

}  // namespace

void sensors_init(SensorVoting& state) {
    state = SensorVoting{};
    state.rate_age_s = 1.0e9;
    state.field_age_s = 1.0e9;
}

void sensors_step(SensorVoting& state, const Parameters& parameters, const SensorFrame& frame,
                  UnitCustody custody, Measurements& out, EventList& events) {
    out.rejected = 0;
    gyros(state, parameters, frame, custody, out, events);
    magnetometers(state, parameters, frame, custody, out, events);
    sun_sensors(state, parameters, frame, custody, out, events);
    trackers(state, parameters, frame, custody, out, events);
    gps(state, parameters, frame, custody, out, events);
    for (std::size_t i = 0; i < 4; ++i) {
        out.wheel_speed_rad_s[i] =
            checked(frame.wheel_speed_rad_s[i], -800.0, 800.0, out.wheel_speed_valid[i], out.rejected);
    }
    out.charge = checked(frame.battery_charge_fraction, -0.01, 1.05, out.charge_valid, out.rejected);
    out.bus_voltage_v = checked(frame.bus_voltage_v, 0.0, 60.0, out.voltage_valid, out.rejected);
    out.array_angle_rad = checked(frame.array_angle_rad, -1.0e5, 1.0e5, out.array_angle_valid, out.rejected);
}

void sensors_exclude_tracker(SensorVoting& state, UnitCustody custody, std::size_t unit, double deviation_rad,
                             EventList& events) {
    UnitHealth& health = state.tracker[unit];
    if (health.excluded != 0 || custody.in(UnitKind::tracker, unit)) return;
    health.excluded = 1;
    health.good = 0;
    events.add(EventId::tracker_excluded, static_cast<double>(unit),
               static_cast<double>(Exclusion::disagrees), deviation_rad);
}

}  // namespace safehold
