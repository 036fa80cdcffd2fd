#include "safehold/gnc/attitude_filter.hpp"

#include "safehold/gnc/spacecraft.hpp"

namespace safehold {
namespace {

constexpr double gate = 30.0;  // chi-squared with three degrees: 1e-6
constexpr double tracker_gate =
    60.0;  // twice as wide, because the mounting errors of both trackers are constant
constexpr std::uint32_t tracker_limit = 20;
constexpr std::uint32_t vector_limit = 60;
constexpr double covariance_period_s = 0.5;
constexpr double field_period_s = 10.0;
constexpr double sun_period_s = 30.0;
constexpr double coarse_sigma_rad = 0.35;
constexpr double restart_bias_sigma_rad_s = 5.0e-4;  // after a contradiction the bias may have jumped
constexpr double tracker_rate_sigma_rad_s = 5.0e-4;  // of a rate taken from trackers
constexpr double determinant_min = 1.0e-80;

Matrix outer(Vector a, Vector b) {
    return {
        {a.x * b.x, a.x * b.y, a.x * b.z, a.y * b.x, a.y * b.y, a.y * b.z, a.z * b.x, a.z * b.y, a.z * b.z}};
}

void start(AttitudeFilter& state, const Parameters& p, Quaternion q, const Matrix& covariance,
           std::uint32_t source) {
    state.body_from_gcrf = q;
    state.attitude_covariance = covariance;
    state.cross_covariance = Matrix{};
    if (state.running == 0) {
        // After a restart the bias is kept, but no longer believed more than at turn-on.
        state.bias_rad_s = limited(state.bias_rad_s, 10.0 * p.gyro_bias_sigma_rad_s);
    }
    const double b = p.gyro_bias_sigma_rad_s * p.gyro_bias_sigma_rad_s;
    state.bias_covariance = diagonal(b, b, b);
    state.turn_rad = {0.0, 0.0, 0.0};
    state.turn_s = 0.0;
    state.tracker_rejections = {0, 0};
    state.vector_rejections = 0;
    state.source = source;
    state.running = 1;
}

// Phi = [F, G; 0, I] with F the frame's turn and G = T I - T^2/2 [w x].
void propagate_covariance(AttitudeFilter& state, const Parameters& p, const Measurements& measured) {
    const double units = greatest(static_cast<double>(measured.gyros_used), 1.0);
    const double t = state.turn_s;
    if (!(t > 0.0)) return;
    const Matrix w = skew(state.turn_rad);  // [w x] T
    const Matrix f = rotation_matrix(quaternion_from_rotation_vector(-state.turn_rad));
    const Matrix g = t * (identity - 0.5 * w);
    const Matrix gt = transposed(g);
    const Matrix ft = transposed(f);
    const Matrix gb = g * state.bias_covariance;
    const Matrix fc = f * state.cross_covariance;
    const Matrix fcg = fc * gt;
    Matrix a = f * state.attitude_covariance * ft + fcg + transposed(fcg) + gb * gt;
    Matrix c = fc + gb;
    // Random walk of angle, of bias, and the scale factor's error, which acts like a noise while the body
    // turns.
    // Gyros that are noisier than promised are believed less: their spread shows it.
    const double promised = p.gyro_noise_rad_rts * p.gyro_noise_rad_rts;
    double q_angle = greatest(promised, measured.gyro_noise_rad2_s2 * p.control_period_s) / units;
    if (measured.gyros_used == 0) q_angle += tracker_rate_sigma_rad_s * tracker_rate_sigma_rad_s;
    const double q_bias = p.gyro_bias_walk_rad_s_rts * p.gyro_bias_walk_rad_s_rts / units;
    const double scale = spacecraft::gyro_scale_error;
    const double q_scale = 30.0 * scale * scale * dot(state.turn_rad, state.turn_rad) / (t * t) / units;
    const double on_angle = (q_angle + q_scale) * t + q_bias * t * t * t / 3.0;
    for (std::size_t i = 0; i < 3; ++i) {
        a(i, i) += on_angle;
        c(i, i) += 0.5 * q_bias * t * t;
        state.bias_covariance(i, i) += q_bias * t;
    }
    state.attitude_covariance = symmetric_part(a);
    state.cross_covariance = c;
    state.turn_rad = {0.0, 0.0, 0.0};
    state.turn_s = 0.0;
}

// Adds an attitude error to the estimate: true = exp(dphi) estimate.
void correct(AttitudeFilter& state, Vector attitude, Vector bias) {
    state.body_from_gcrf = normalised(quaternion_from_rotation_vector(attitude) * state.body_from_gcrf);
    state.bias_rad_s = state.bias_rad_s + bias;
}

// A measured small rotation z = dphi + noise of covariance r. False if the gate refuses it.
bool update_rotation(AttitudeFilter& state, Vector z, const Matrix& r) {
    const Matrix s = inverse(state.attitude_covariance + r, determinant_min);
    if (!(dot(z, s * z) < tracker_gate)) return false;
    const Matrix ct = transposed(state.cross_covariance);
    const Matrix ka = state.attitude_covariance * s;
    const Matrix kb = ct * s;
    correct(state, ka * z, kb * z);
    state.bias_covariance = symmetric_part(state.bias_covariance - kb * state.cross_covariance);
    state.cross_covariance = state.cross_covariance - ka * state.cross_covariance;
    state.attitude_covariance = symmetric_part(state.attitude_covariance - ka * state.attitude_covariance);
    return true;
}

// A measured vector: z = -[v x] dphi + noise of standard deviation sigma on each axis.
bool update_vector(AttitudeFilter& state, Vector expected, Vector measured, double sigma) {
    const Vector z = measured - expected;
    const Matrix h = -1.0 * skew(expected);
    const Matrix ht = transposed(h);
    const Matrix pht = state.attitude_covariance * ht;
    const double r = sigma * sigma;
    const Matrix s = inverse(h * pht + diagonal(r, r, r), determinant_min);
    if (!(dot(z, s * z) < gate)) return false;
    const Matrix cht = transposed(state.cross_covariance) * ht;
    const Matrix ka = pht * s;
    const Matrix kb = cht * s;
    correct(state, ka * z, kb * z);
    const Matrix hc = h * state.cross_covariance;
    state.bias_covariance = symmetric_part(state.bias_covariance - kb * hc);
    state.attitude_covariance = symmetric_part(state.attitude_covariance - ka * transposed(pht));
    state.cross_covariance = state.cross_covariance - ka * hc;
    return true;
}

// The mounting error counts as noise here: it evens the weights of the two trackers, which is best against a
// constant error of each.
Matrix tracker_noise(const Parameters& p, std::size_t unit, double extra) {
    const double cross_square = p.tracker_noise_cross_rad * p.tracker_noise_cross_rad + extra;
    const double roll_square = p.tracker_noise_roll_rad * p.tracker_noise_roll_rad + extra;
    const Vector b = spacecraft::tracker_boresights[unit];
    return diagonal(cross_square, cross_square, cross_square) + (roll_square - cross_square) * outer(b, b);
}

void start_from_tracker(AttitudeFilter& state, const Parameters& p, const Measurements& measured,
                        std::size_t unit) {
    const Quaternion turned =
        frame_turn(measured.rate_body_rad_s - state.bias_rad_s, measured.attitude_age_s[unit]);
    start(state, p, normalised(turned * measured.attitude_body_from_gcrf[unit]),
          tracker_noise(p, unit, 1.0e-10), 1);
    state.tracker_age_s[unit] = 0.0;
}

std::uint32_t use_trackers(AttitudeFilter& state, const Parameters& p, const Measurements& measured,
                           SensorVoting& voting, UnitCustody custody, EventList& events) {
    std::uint32_t rejected = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        if (!measured.attitude_new[i]) continue;
        const Vector rate = measured.rate_body_rad_s - state.bias_rad_s;
        const Quaternion then = frame_turn(rate, -measured.attitude_age_s[i]) * state.body_from_gcrf;
        const Vector z = rotation_vector(measured.attitude_body_from_gcrf[i] * conjugate(then));
        if (update_rotation(state, z,
                            tracker_noise(p, i, p.tracker_alignment_rad * p.tracker_alignment_rad))) {
            if (state.coarse != 0) {
                events.add(EventId::attitude_fine, attitude_sigma_rad(state, p),
                           least(state.tracker_age_s[0], state.tracker_age_s[1]));
            }
            state.coarse = 0;
            state.tracker_rejections[i] = 0;
            state.tracker_age_s[i] = 0.0;
            state.source |= 1U;
            continue;
        }
        ++rejected;
        ++state.tracker_rejections[i];
        if (state.tracker_rejections[i] < tracker_limit) continue;
        if (state.tracker_age_s[1 - i] < 2.0 && state.tracker_rejections[1 - i] == 0) {
            sensors_exclude_tracker(voting, custody, i, norm(z), events);
            state.tracker_rejections[i] = 0;
        } else {
            // Nobody agrees with the filter: the tracker is right, since nothing else measures attitude
            // directly.
            events.add(EventId::attitude_restarted, 1.0, state.tracker_rejections[i]);
            start_from_tracker(state, p, measured, i);
            const double b = restart_bias_sigma_rad_s * restart_bias_sigma_rad_s;
            state.bias_covariance = diagonal(b, b, b);
        }
    }
    return rejected;
}

std::uint32_t use_vectors(AttitudeFilter& state, const Parameters& p, const Measurements& measured,
                          const AttitudeReference& reference, EventList& events) {
    std::uint32_t rejected = 0;
    if (reference.field_valid && state.field_age_s >= field_period_s) {
        const Vector expected = rotate(state.body_from_gcrf, reference.field_gcrf_t);
        const bool used = update_vector(state, expected, measured.field_body_t, p.field_sigma_t);
        state.field_age_s = 0.0;
        state.vector_rejections = used ? 0 : state.vector_rejections + 1;
        rejected += used ? 0U : 1U;
    }
    if (reference.sun_valid && state.sun_age_s >= sun_period_s) {
        const Vector expected = rotate(state.body_from_gcrf, reference.sun_gcrf);
        const bool used = update_vector(state, expected, unit(measured.sun_body), p.sun_sensor_sigma);
        state.sun_age_s = 0.0;
        state.vector_rejections = used ? 0 : state.vector_rejections + 1;
        rejected += used ? 0U : 1U;
    }
    if (state.vector_rejections >= vector_limit) {
        events.add(EventId::attitude_restarted, 2.0, state.vector_rejections);
        state.running = 0;
        state.vector_rejections = 0;
    }
    return rejected;
}

void try_start(AttitudeFilter& state, const Parameters& p, const Measurements& measured,
               const AttitudeReference& reference, EventList& events) {
    for (std::size_t i = 0; i < 2; ++i) {
        if (!measured.attitude_new[i]) continue;
        start_from_tracker(state, p, measured, i);
        events.add(EventId::attitude_started, 1.0, attitude_sigma_rad(state, p));
        return;
    }
    if (!reference.coarse_start || !reference.sun_valid || !reference.field_valid) return;
    // The field is the better of the two directions: the Sun sensors see the Earth's light as well.
    const Triad found =
        triad(measured.field_body_t, measured.sun_body, reference.field_gcrf_t, reference.sun_gcrf);
    if (!found.valid) return;
    const double c = coarse_sigma_rad * coarse_sigma_rad;
    start(state, p, found.body_from_gcrf, diagonal(c, c, c), 2);
    events.add(EventId::attitude_started, 2.0, coarse_sigma_rad);
}

}  // namespace

Triad triad(Vector first_body, Vector second_body, Vector first_gcrf, Vector second_gcrf) {
    const Vector b1 = unit(first_body);
    const Vector g1 = unit(first_gcrf);
    const Vector b2 = cross(b1, unit(second_body));
    const Vector g2 = cross(g1, unit(second_gcrf));
    // Below 15 degrees between the directions the turn about the first one is too weak.
    if (!(norm(b2) > 0.26) || !(norm(g2) > 0.26)) return {no_rotation, false};
    const Vector b2u = unit(b2);
    const Vector g2u = unit(g2);
    const Matrix body = transposed(rows(b1, b2u, cross(b1, b2u)));
    const Matrix gcrf = rows(g1, g2u, cross(g1, g2u));
    return {quaternion_from_matrix(body * gcrf), true};
}

void attitude_init(AttitudeFilter& state) {
    state = AttitudeFilter{};
    state.body_from_gcrf = no_rotation;
    state.tracker_age_s = {1.0e9, 1.0e9};
    state.field_age_s = 1.0e9;
    state.sun_age_s = 1.0e9;
}

std::uint32_t attitude_step(AttitudeFilter& state, const Parameters& p, const Measurements& measured,
                            const AttitudeReference& reference, SensorVoting& voting, UnitCustody custody,
                            EventList& events) {
    const double dt = p.control_period_s;
    for (double& age : state.tracker_age_s)
        age = least(age + dt, 1.0e9);
    state.field_age_s = least(state.field_age_s + dt, 1.0e9);
    state.sun_age_s = least(state.sun_age_s + dt, 1.0e9);
    if (state.running == 0) {
        if (measured.rate_valid) try_start(state, p, measured, reference, events);
        return 0;
    }
    const Vector turn = dt * (measured.rate_body_rad_s - state.bias_rad_s);
    state.body_from_gcrf = quaternion_from_rotation_vector(-turn) * state.body_from_gcrf;
    state.turn_rad = state.turn_rad + turn;
    state.turn_s += dt;
    if (measured.gyro_set_changed) {
        const double b = p.gyro_bias_sigma_rad_s * p.gyro_bias_sigma_rad_s;
        for (std::size_t i = 0; i < 3; ++i)
            state.bias_covariance(i, i) += 0.5 * b;
    }
    const bool tracker = measured.attitude_new[0] || measured.attitude_new[1];
    const bool without_tracker = least(state.tracker_age_s[0], state.tracker_age_s[1]) > 10.0;
    if (!tracker && !without_tracker && state.turn_s < covariance_period_s) return 0;
    const bool vectors = without_tracker && (reference.field_valid || reference.sun_valid);
    if (tracker || vectors || state.turn_s >= covariance_period_s) {
        state.body_from_gcrf = normalised(state.body_from_gcrf);
        propagate_covariance(state, p, measured);
        if (!measured.rate_valid) {
            // No rate at all: a degree a second is possible.
            for (std::size_t i = 0; i < 3; ++i)
                state.attitude_covariance(i, i) += 7.6e-5;
        }
    }
    std::uint32_t rejected = 0;
    if (tracker) rejected += use_trackers(state, p, measured, voting, custody, events);
    if (vectors && state.running != 0) rejected += use_vectors(state, p, measured, reference, events);
    const double age = least(state.tracker_age_s[0], state.tracker_age_s[1]);
    if (state.coarse == 0 && age > 60.0) {
        state.coarse = 1;
        events.add(EventId::attitude_coarse, attitude_sigma_rad(state, p), age);
    }
    // A filter that has lost itself is stopped rather than believed.
    const double trace =
        state.attitude_covariance(0, 0) + state.attitude_covariance(1, 1) + state.attitude_covariance(2, 2);
    const bool sound = is_finite(state.body_from_gcrf) && is_finite(state.bias_rad_s) && is_finite(trace) &&
                       trace > 0.0 && norm(state.bias_rad_s) < 0.01;
    if (!sound || trace > 3.0) {
        events.add(EventId::attitude_stopped, 0.0, square_root(trace));
        attitude_init(state);
    }
    return rejected;
}

// A constant mounting error of each tracker ends up in the estimate by the weights that the filter gives the
// two. Both boresights lie in the plane of body y and z, mirrored in y, which leaves the share diagonal.
Matrix attitude_covariance(const AttitudeFilter& state, const Parameters& p) {
    const double a = p.tracker_alignment_rad * p.tracker_alignment_rad;
    if (state.tracker_age_s[0] > 60.0 || state.tracker_age_s[1] > 60.0) {
        return state.attitude_covariance + diagonal(a, a, a);
    }
    const double across = 1.0 / (p.tracker_noise_cross_rad * p.tracker_noise_cross_rad + a);
    const double about = 1.0 / (p.tracker_noise_roll_rad * p.tracker_noise_roll_rad + a);
    const Vector b = spacecraft::tracker_boresights[0];
    const double yy = across + (about - across) * b.y * b.y;
    const double zz = across + (about - across) * b.z * b.z;
    const double yz = (about - across) * b.y * b.z;
    const double y = 0.5 * a * (1.0 + yz * yz / (yy * yy));
    const double z = 0.5 * a * (1.0 + yz * yz / (zz * zz));
    return state.attitude_covariance + diagonal(0.5 * a, y, z);
}

double attitude_sigma_rad(const AttitudeFilter& state, const Parameters& p) {
    const Matrix c = attitude_covariance(state, p);
    return square_root(greatest(c(0, 0), greatest(c(1, 1), c(2, 2))));
}

}  // namespace safehold
