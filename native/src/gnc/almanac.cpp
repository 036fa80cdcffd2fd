#include "safehold/gnc/almanac.hpp"

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr double arc_second = pi / 648000.0;
constexpr double degree = pi / 180.0;

Matrix rotation_1(double angle_rad) {
    const SineCosine a = sine_cosine(angle_rad);
    return {{1.0, 0.0, 0.0, 0.0, a.cosine, a.sine, 0.0, -a.sine, a.cosine}};
}
Matrix rotation_2(double angle_rad) {
    const SineCosine a = sine_cosine(angle_rad);
    return {{a.cosine, 0.0, -a.sine, 0.0, 1.0, 0.0, a.sine, 0.0, a.cosine}};
}
Matrix rotation_3(double angle_rad) {
    const SineCosine a = sine_cosine(angle_rad);
    return {{a.cosine, a.sine, 0.0, -a.sine, a.cosine, 0.0, 0.0, 0.0, 1.0}};
}

double days_tt(const Parameters& p, std::int64_t time_ns) {
    return (p.epoch_utc_j2000_s + seconds(time_ns) + p.tt_minus_utc_s) / 86400.0;
}

void precession_and_nutation(Almanac& state, double centuries) {
    const double t = centuries;
    const double zeta = (2.650545 + t * (2306.083227 + t * (0.2988499 + t * 0.01801828))) * arc_second;
    const double z = (-2.650545 + t * (2306.077181 + t * (1.0927348 + t * 0.01826837))) * arc_second;
    const double theta = t * (2004.191903 + t * (-0.4294934 - t * 0.04182264)) * arc_second;
    const double obliquity = (84381.406 - t * 46.836769) * arc_second;
    const double node = wrap_angle((125.04452 - 1934.136261 * t) * degree);
    const double sun = wrap_angle((280.4665 + 36000.7698 * t) * degree);
    const double moon = wrap_angle((218.3165 + 481267.8813 * t) * degree);
    const double anomaly = wrap_angle((357.5277 + 35999.0503 * t) * degree);
    const SineCosine n1 = sine_cosine(node);
    const SineCosine n2 = sine_cosine(2.0 * node);
    const SineCosine s2 = sine_cosine(2.0 * sun);
    const SineCosine m2 = sine_cosine(2.0 * moon);
    const double longitude = (-17.2064 * n1.sine - 1.3171 * s2.sine - 0.2276 * m2.sine + 0.2075 * n2.sine +
                              0.1476 * sine(anomaly)) *
                             arc_second;
    const double tilt =
        (9.2052 * n1.cosine + 0.5730 * s2.cosine + 0.0978 * m2.cosine - 0.0897 * n2.cosine) * arc_second;
    const Matrix precession = rotation_3(-z) * (rotation_2(theta) * rotation_3(-zeta));
    const Matrix nutation = rotation_1(-obliquity - tilt) * (rotation_3(-longitude) * rotation_1(obliquity));
    state.true_equator_from_gcrf = nutation * precession;
    state.equation_of_equinoxes_rad = longitude * cosine(obliquity);
}

// Mean equator of date is close enough to the true one here: 17 arcsec of a 36 arcsec formula.
void sun(Almanac& state, double days) {
    const double mean_longitude = wrap_angle((280.460 + 0.9856474 * days) * degree);
    const double anomaly = wrap_angle((357.528 + 0.9856003 * days) * degree);
    const double longitude = mean_longitude + (1.915 * sine(anomaly) + 0.020 * sine(2.0 * anomaly)) * degree;
    const double obliquity = (23.439 - 0.0000004 * days) * degree;
    const SineCosine l = sine_cosine(longitude);
    const SineCosine e = sine_cosine(obliquity);
    state.sun_direction_gcrf =
        transposed_times(state.true_equator_from_gcrf, {l.cosine, e.cosine * l.sine, e.sine * l.sine});
}

}  // namespace

void almanac_init(Almanac& state) {
    state = Almanac{};
    state.true_equator_from_gcrf = identity;
    state.precession_age_s = 1.0e9;
    state.sun_age_s = 1.0e9;
}

void almanac_step(Almanac& state, const Parameters& parameters, std::int64_t time_ns) {
    state.precession_age_s = least(state.precession_age_s + parameters.control_period_s, 1.0e9);
    state.sun_age_s = least(state.sun_age_s + parameters.control_period_s, 1.0e9);
    if (!(state.precession_age_s < 600.0)) {
        precession_and_nutation(state, days_tt(parameters, time_ns) / 36525.0);
        state.precession_age_s = 0.0;
    } else if (!(state.sun_age_s < 10.0)) {
        sun(state, days_tt(parameters, time_ns));
        state.sun_age_s = 0.0;
    }
}

double sidereal_angle_rad(const Almanac& state, const Parameters& parameters, std::int64_t time_ns) {
    const double days_ut1 =
        (parameters.epoch_utc_j2000_s + seconds(time_ns) + parameters.ut1_minus_utc_s) / 86400.0;
    if (!(absolute(days_ut1) < 1.0e6)) return 0.0;
    const double whole = static_cast<double>(static_cast<std::int64_t>(days_ut1));
    const double turns = 0.7790572732640 + 0.00273781191135448 * days_ut1 + (days_ut1 - whole);
    const double t = days_tt(parameters, time_ns) / 36525.0;
    const double accumulated = (0.014506 + t * (4612.156534 + t * 1.3915817)) * arc_second;
    return wrap_angle(turns * 2.0 * pi + accumulated + state.equation_of_equinoxes_rad);
}

Matrix itrs_from_gcrf(const Almanac& state, const Parameters& parameters, std::int64_t time_ns) {
    return rotation_3(sidereal_angle_rad(state, parameters, time_ns)) * state.true_equator_from_gcrf;
}

bool in_shadow(Vector position_gcrf_m, Vector sun_direction_gcrf) {
    const double along = dot(position_gcrf_m, sun_direction_gcrf);
    if (along > 0.0) return false;
    const Vector across = position_gcrf_m - along * sun_direction_gcrf;
    return dot(across, across) < earth_radius_m * earth_radius_m;
}

}  // namespace safehold
