#include "safehold/gnc/guidance.hpp"

namespace safehold {
namespace {

constexpr double slewing_above_rad = 0.0087;  // half a degree
constexpr double slewing_below_rad = 0.0017;
constexpr double slope_1_s = 0.1;          // the reference's approach when near
constexpr double beta_hysteresis = 0.025;  // of the angle's sine
constexpr std::uint32_t yaw_check_ticks = 100;
constexpr double difference_s = 0.5;

// Body z along the unit vector `down`, body x as near as possible to `ahead`.
Quaternion attitude_from(Vector down, Vector ahead) {
    const Vector side = cross(down, ahead);
    // Straight ahead and down: any turn about z will do.
    const bool clear = dot(side, side) > 1.0e-12 * dot(ahead, ahead);
    const Vector y = unit(clear ? side : cross(down, {down.y, down.z, down.x}));
    return quaternion_from_matrix(rows(cross(y, down), y, down));
}

Vector rate_between(Quaternion now, Quaternion later, double duration_s) {
    return (-1.0 / duration_s) * rotation_vector(later * conjugate(now));
}

// With yaw steering the Sun lies in body x-z, on the side of +x, so that the drive about y reaches it. Far
// from the orbit's plane the Sun's horizontal direction only swings about the orbit normal: the body never
// has to turn over.
Vector yaw_direction(Vector down, Vector sun_gcrf) {
    return sun_gcrf - dot(sun_gcrf, down) * down;
}

Quaternion nadir_attitude(Vector down, Vector velocity, Vector sun_gcrf, bool yaw_steering) {
    return attitude_from(down, yaw_steering ? yaw_direction(down, sun_gcrf) : velocity);
}

}  // namespace

void guidance_init(Guidance& state) {
    state = Guidance{};
    state.reference_body_from_gcrf = no_rotation;
    state.hold_body_from_gcrf = no_rotation;
}

void guidance_stop(Guidance& state) {
    state.active = 0;
    state.slewing = 0;
    state.acceleration_body_rad_s2 = {0.0, 0.0, 0.0};
}

void guidance_step(Guidance& state, const Parameters& p, const AttitudeTarget& target,
                   Quaternion estimate_body_from_gcrf, Vector rate_body_rad_s) {
    const double dt = p.control_period_s;
    if (state.active == 0) {
        state.reference_body_from_gcrf = estimate_body_from_gcrf;
        state.rate_body_rad_s = limited(rate_body_rad_s, p.slew_rate_rad_s);
        state.integral_rad_s = {0.0, 0.0, 0.0};
        state.yaw_check = 0;
        state.active = 1;
        state.slewing = 1;
    }
    // The turn from the reference to the target, in the reference's body axes; a body rate of -turn/dt closes
    // it.
    const Quaternion difference = target.body_from_gcrf * conjugate(state.reference_body_from_gcrf);
    const Vector turn = rotation_vector(difference);
    const double angle = norm(turn);
    const double a = p.slew_acceleration_rad_s2;
    const double linear = a / (slope_1_s * slope_1_s);
    double speed = slope_1_s * angle;
    if (angle > linear) speed = square_root(2.0 * a * (angle - 0.5 * linear));
    speed = least(speed, p.slew_rate_rad_s);
    const Vector target_rate = rotate(conjugate(difference), target.rate_body_rad_s);
    const Vector wanted = angle > 1.0e-12 ? target_rate - (speed / angle) * turn : target_rate;
    // Half as much again is left to follow the braking curve.
    const Vector change = limited(wanted - state.rate_body_rad_s, 1.5 * a * dt);
    state.rate_body_rad_s = state.rate_body_rad_s + change;
    state.acceleration_body_rad_s2 = (1.0 / dt) * change;
    state.reference_body_from_gcrf =
        renormalised(frame_turn(state.rate_body_rad_s, dt) * state.reference_body_from_gcrf);
    if (state.slewing == 0 && angle > slewing_above_rad) state.slewing = 1;
    if (state.slewing != 0 && angle < slewing_below_rad) state.slewing = 0;
    if (!is_finite(state.reference_body_from_gcrf) || !is_finite(state.rate_body_rad_s)) guidance_init(state);
}

AttitudeTarget nadir_target(Guidance& state, const Parameters& p, const OrbitEstimate& orbit,
                            Vector sun_gcrf) {
    const Vector r = orbit.position_gcrf_m;
    const Vector v = orbit.velocity_gcrf_m_s;
    const double distance = greatest(norm(r), 1.0);
    const Vector down = (-1.0 / distance) * r;
    const Vector side = cross(down, v);  // against the orbit normal; its length is the speed across
    const double across = norm(side);
    // The Sun moves a degree a day against the orbit's plane: looking now and then is enough.
    if (state.yaw_check == 0) {
        const double out_of_plane = absolute(dot(side, sun_gcrf));
        const double limit = sine(p.yaw_steering_beta_rad);
        if (out_of_plane > limit * across) state.yaw_steering = 1;
        if (out_of_plane < (limit - beta_hysteresis) * across) state.yaw_steering = 0;
    }
    state.yaw_check = state.yaw_check + 1 < yaw_check_ticks ? state.yaw_check + 1 : 0;
    const bool yaw_steering = state.yaw_steering != 0;
    const Quaternion now = nadir_attitude(down, v, sun_gcrf, yaw_steering);
    // Body y is minus the orbit normal, about which the body turns backwards.
    if (!yaw_steering) return {now, {0.0, -across / distance, 0.0}};
    const Vector r_later = r + difference_s * v;
    const double weight = -difference_s * 3.986004418e14 / (distance * distance * distance);
    const Quaternion later = nadir_attitude(-unit(r_later), v + weight * r, sun_gcrf, true);
    return {now, rate_between(now, later, difference_s)};
}

AttitudeTarget place_target(const Guidance& state, const Parameters& p, const Almanac& almanac,
                            std::int64_t time_ns, const OrbitEstimate& orbit) {
    const Vector place = transposed_times(itrs_from_gcrf(almanac, p, time_ns), state.place_itrs_m);
    const Vector pole = {almanac.true_equator_from_gcrf(2, 0), almanac.true_equator_from_gcrf(2, 1),
                         almanac.true_equator_from_gcrf(2, 2)};
    const Vector drift = cross(earth_rate_rad_s * pole, place);
    const Vector line = place - orbit.position_gcrf_m;
    const Quaternion now = attitude_from(unit(line), orbit.velocity_gcrf_m_s);
    const Quaternion later =
        attitude_from(unit(line + difference_s * (drift - orbit.velocity_gcrf_m_s)), orbit.velocity_gcrf_m_s);
    return {now, rate_between(now, later, difference_s)};
}

AttitudeTarget hold_target(const Guidance& state) {
    return {state.hold_body_from_gcrf, {0.0, 0.0, 0.0}};
}

}  // namespace safehold
