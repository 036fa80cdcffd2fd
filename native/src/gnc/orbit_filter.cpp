#include "safehold/gnc/orbit_filter.hpp"

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr double mu_m3_s2 = 3.986004418e14;
constexpr double j2 = 1.0826267e-3;
constexpr double step_max_s = 2.5;
constexpr std::uint32_t restart_after = 10;

using Covariance = std::array<double, 36>;

bool plausible(Vector r, Vector v) {
    const double square = dot(r, r);
    return square > 4.0e13 && square < 1.0e14 && dot(v, v) < 1.5e8;
}

void propagate(OrbitFilter& state, const Parameters& p, const Almanac& almanac, double dt) {
    const Vector pole = {almanac.true_equator_from_gcrf(2, 0), almanac.true_equator_from_gcrf(2, 1),
                         almanac.true_equator_from_gcrf(2, 2)};
    const Vector r = state.position_gcrf_m;
    const Vector v = state.velocity_gcrf_m_s;
    const Vector a1 = orbit_acceleration(r, pole);
    const Vector v2 = v + (0.5 * dt) * a1;
    const Vector a2 = orbit_acceleration(r + (0.5 * dt) * v, pole);
    const Vector v3 = v + (0.5 * dt) * a2;
    const Vector a3 = orbit_acceleration(r + (0.5 * dt) * v2, pole);
    const Vector v4 = v + dt * a3;
    const Vector a4 = orbit_acceleration(r + dt * v3, pole);
    state.position_gcrf_m = r + (dt / 6.0) * (v + 2.0 * (v2 + v3) + v4);
    state.velocity_gcrf_m_s = v + (dt / 6.0) * (a1 + 2.0 * (a2 + a3) + a4);
    state.acceleration_gcrf_m_s2 = orbit_acceleration(state.position_gcrf_m, pole);

    // Transition of two-body motion over a short step: [I + G dt^2/2, dt I; G dt, I + G dt^2/2].
    const double square = dot(r, r);
    const double g = mu_m3_s2 / (square * square_root(square));
    const Vector n = unit(r);
    const std::array<double, 3> u = {n.x, n.y, n.z};
    Covariance f{};
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            const double gradient = g * (3.0 * u[i] * u[j] - (i == j ? 1.0 : 0.0));
            const double unity = i == j ? 1.0 : 0.0;
            f[6 * i + j] = f[6 * (i + 3) + j + 3] = unity + 0.5 * dt * dt * gradient;
            f[6 * i + j + 3] = dt * unity;
            f[6 * (i + 3) + j] = dt * gradient;
        }
    }
    Covariance fp{};
    for (std::size_t i = 0; i < 6; ++i) {
        for (std::size_t j = 0; j < 6; ++j) {
            double sum = 0.0;
            for (std::size_t k = 0; k < 6; ++k)
                sum += f[6 * i + k] * state.covariance[6 * k + j];
            fp[6 * i + j] = sum;
        }
    }
    for (std::size_t i = 0; i < 6; ++i) {
        for (std::size_t j = i; j < 6; ++j) {
            double sum = 0.0;
            for (std::size_t k = 0; k < 6; ++k)
                sum += fp[6 * i + k] * f[6 * j + k];
            state.covariance[6 * i + j] = state.covariance[6 * j + i] = sum;
        }
    }
    const double q = p.orbit_process_m_s2 * p.orbit_process_m_s2 * absolute(dt);
    for (std::size_t i = 0; i < 3; ++i) {
        state.covariance[7 * i] += q * dt * dt / 3.0;
        state.covariance[6 * i + i + 3] += 0.5 * q * dt;
        state.covariance[6 * (i + 3) + i] += 0.5 * q * dt;
        state.covariance[7 * (i + 3)] += q;
    }
}

// One scalar of the six: sequential updates need no inverse.
void update(OrbitFilter& state, std::size_t index, double measured, double variance) {
    std::array<double, 6> x = {state.position_gcrf_m.x,   state.position_gcrf_m.y,
                               state.position_gcrf_m.z,   state.velocity_gcrf_m_s.x,
                               state.velocity_gcrf_m_s.y, state.velocity_gcrf_m_s.z};
    const double s = 1.0 / (state.covariance[7 * index] + variance);
    const double innovation = measured - x[index];
    std::array<double, 6> column{};
    for (std::size_t i = 0; i < 6; ++i)
        column[i] = state.covariance[6 * i + index];
    for (std::size_t i = 0; i < 6; ++i) {
        x[i] += s * innovation * column[i];
        for (std::size_t j = 0; j < 6; ++j)
            state.covariance[6 * i + j] -= s * column[i] * column[j];
    }
    state.position_gcrf_m = {x[0], x[1], x[2]};
    state.velocity_gcrf_m_s = {x[3], x[4], x[5]};
}

void start(OrbitFilter& state, const Parameters& p, Vector r, Vector v, std::int64_t time_ns) {
    state.position_gcrf_m = r;
    state.velocity_gcrf_m_s = v;
    const double length = greatest(norm(r), 1.0e6);
    state.acceleration_gcrf_m_s2 = (-mu_m3_s2 / (length * length * length)) * r;
    state.covariance = {};
    for (std::size_t i = 0; i < 3; ++i) {
        state.covariance[7 * i] = 4.0 * p.gps_noise_m * p.gps_noise_m;
        state.covariance[7 * (i + 3)] = 4.0 * p.gps_noise_m_s * p.gps_noise_m_s;
    }
    state.node_time_ns = time_ns;
    state.fix_age_s = 0.0;
    state.rejections = 0;
    state.known = 1;
}

struct Fix {
    Vector position_gcrf_m;
    Vector velocity_gcrf_m_s;
    std::int64_t time_ns;
    double receivers;  // how many were averaged; 0 for none
};

// The mean of two fixes that agree; of two that do not, the one nearer to the prediction.
Fix combine(const OrbitFilter& state, const Parameters& p, const Almanac& almanac,
            const Measurements& measured) {
    Fix fix{};
    std::size_t chosen = measured.gps_new[0] ? 0 : 1;
    if (!measured.gps_new[0] && !measured.gps_new[1]) return fix;
    Vector r = measured.gps_position_itrs_m[chosen];
    Vector v = measured.gps_velocity_itrs_m_s[chosen];
    fix.receivers = 1.0;
    fix.time_ns = measured.gps_time_ns[chosen];
    const Matrix gcrf_from_itrs = transposed(itrs_from_gcrf(almanac, p, fix.time_ns));
    if (measured.gps_new[0] && measured.gps_new[1] && measured.gps_time_ns[0] == measured.gps_time_ns[1]) {
        const Vector other = measured.gps_position_itrs_m[1];
        if (norm(r - other) <= p.gps_vote_m) {
            r = 0.5 * (r + other);
            v = 0.5 * (v + measured.gps_velocity_itrs_m_s[1]);
            fix.receivers = 2.0;
        } else if (state.known != 0) {
            const double dt = seconds(wrapping_subtract(fix.time_ns, state.node_time_ns));
            const Vector expected = transposed_times(
                gcrf_from_itrs, state.position_gcrf_m + clamp(dt, -10.0, 10.0) * state.velocity_gcrf_m_s);
            if (norm(other - expected) < norm(r - expected)) {
                r = other;
                v = measured.gps_velocity_itrs_m_s[1];
            }
        }
    }
    fix.position_gcrf_m = gcrf_from_itrs * r;
    fix.velocity_gcrf_m_s = gcrf_from_itrs * (v + cross({0.0, 0.0, earth_rate_rad_s}, r));
    return fix;
}

void use(OrbitFilter& state, const Parameters& p, const Fix& fix, EventList& events) {
    const Vector difference = fix.position_gcrf_m - state.position_gcrf_m;
    const double variance = p.gps_noise_m * p.gps_noise_m / fix.receivers;
    const double allowed =
        25.0 * (state.covariance[0] + state.covariance[7] + state.covariance[14] + 3.0 * variance);
    if (!(dot(difference, difference) < allowed)) {
        ++state.rejections;
        if (state.rejections >= restart_after) {
            events.add(EventId::orbit_restarted, norm(difference), state.rejections);
            start(state, p, fix.position_gcrf_m, fix.velocity_gcrf_m_s, fix.time_ns);
        }
        return;
    }
    state.rejections = 0;
    const double rate_variance = p.gps_noise_m_s * p.gps_noise_m_s / fix.receivers;
    update(state, 0, fix.position_gcrf_m.x, variance);
    update(state, 1, fix.position_gcrf_m.y, variance);
    update(state, 2, fix.position_gcrf_m.z, variance);
    update(state, 3, fix.velocity_gcrf_m_s.x, rate_variance);
    update(state, 4, fix.velocity_gcrf_m_s.y, rate_variance);
    update(state, 5, fix.velocity_gcrf_m_s.z, rate_variance);
    if (state.blind != 0) events.add(EventId::orbit_fix_again, state.fix_age_s, norm(difference));
    state.blind = 0;
    state.fix_age_s = 0.0;
}

}  // namespace

Vector orbit_acceleration(Vector r, Vector pole) {
    const double square = dot(r, r);
    const double inverse = 1.0 / square;
    const double length = square_root(square);
    const double central = -mu_m3_s2 * inverse / length;
    const double up = dot(r, pole);
    const double k = 1.5 * j2 * earth_radius_m * earth_radius_m * inverse;
    const double ratio = 5.0 * up * up * inverse;
    return central * (1.0 + k * (1.0 - ratio)) * r + (2.0 * central * k * up) * pole;
}

void orbit_init(OrbitFilter& state) {
    state = OrbitFilter{};
}

void orbit_step(OrbitFilter& state, const Parameters& p, const Almanac& almanac, std::int64_t time_ns,
                const Measurements& measured, EventList& events) {
    state.fix_age_s = least(state.fix_age_s + p.control_period_s, 1.0e9);
    const Fix fix = combine(state, p, almanac, measured);
    if (state.known == 0) {
        if (fix.receivers > 0.0 && plausible(fix.position_gcrf_m, fix.velocity_gcrf_m_s)) {
            start(state, p, fix.position_gcrf_m, fix.velocity_gcrf_m_s, fix.time_ns);
            events.add(EventId::orbit_acquired, fix.receivers, norm(fix.position_gcrf_m) - earth_radius_m);
        }
        return;
    }
    // The node goes to the fix's own time; without one it is never left behind by more than a second and a
    // half.
    const std::int64_t aim = fix.receivers > 0.0 ? fix.time_ns : time_ns;
    const double dt = seconds(wrapping_subtract(aim, state.node_time_ns));
    if (absolute(dt) > 60.0) {
        // Time itself has jumped: a fix starts the orbit anew, and without one it is not known.
        state.known = 0;
        return;
    }
    if (fix.receivers > 0.0 || dt > 1.5) {
        const double step = clamp(dt, -step_max_s, step_max_s);
        propagate(state, p, almanac, step);
        state.node_time_ns = step == dt ? aim : wrapping_add(state.node_time_ns, nanoseconds(step));
        if (fix.receivers > 0.0 && step == dt) use(state, p, fix, events);
    }
    if (state.blind == 0 && state.fix_age_s > 30.0) {
        state.blind = 1;
        events.add(EventId::orbit_blind, state.fix_age_s, orbit_sigma_m(state));
    }
    const bool sound =
        plausible(state.position_gcrf_m, state.velocity_gcrf_m_s) && is_finite(state.covariance[0]);
    if (!sound || state.fix_age_s > p.orbit_blind_max_s) state.known = 0;
}

OrbitEstimate orbit_at(const OrbitFilter& state, const Parameters& p, std::int64_t time_ns) {
    const double dt = clamp(seconds(wrapping_subtract(time_ns, state.node_time_ns)), -60.0, 60.0);
    const Vector a = state.acceleration_gcrf_m_s2;
    return {state.position_gcrf_m + dt * state.velocity_gcrf_m_s + (0.5 * dt * dt) * a,
            state.velocity_gcrf_m_s + dt * a, state.known != 0 && state.fix_age_s <= p.orbit_blind_max_s};
}

double orbit_sigma_m(const OrbitFilter& state) {
    return square_root(state.covariance[0] + state.covariance[7] + state.covariance[14]);
}

}  // namespace safehold
