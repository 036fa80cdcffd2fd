#include "safehold/gnc/array_drive.hpp"

#include "safehold/gnc/spacecraft.hpp"
#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr double gain_1_s = 0.2;
constexpr double dead_band_rad = 0.002;
constexpr double follows_within = 0.3;        // of the commanded rate
constexpr double rate_judged_rad_s = 5.0e-4;  // below this, quantisation hides the motion
constexpr double lost_after_s = 60.0;

}  // namespace

void array_drive_init(ArrayDrive& state) {
    state = ArrayDrive{};
}

void array_drive_observe(ArrayDrive& state, const Parameters& p, const Measurements& measured, bool powered,
                         UnitCustody custody, EventList& events) {
    const double dt = p.control_period_s;
    const double expected = wrap_angle(state.angle_rad + state.rate_rad_s * dt);
    const bool commanded = powered && absolute(state.rate_rad_s) > rate_judged_rad_s;
    if (!measured.array_angle_valid) {
        state.angle_rad = expected;
        return;
    }
    const double moved = wrap_angle(measured.array_angle_rad - state.angle_rad);
    const double wanted = state.rate_rad_s * dt;
    // Motion is averaged by asking for persistence of the sign and size over many ticks.
    const bool followed = moved * wanted > follows_within * wanted * wanted;
    if (commanded) {
        // One good step outweighs several that the potentiometer's resolution hid.
        state.unmoved_s = followed ? 0.0 : least(state.unmoved_s + dt, 1.0e9);
        state.followed_s = followed ? least(state.followed_s + dt, 1.0e9) : state.followed_s;
    }
    state.angle_rad = wrap_angle(measured.array_angle_rad);
    if (custody.out(UnitKind::array_drive, 0) || custody.in(UnitKind::array_drive, 0)) {
        state.lost = custody.out(UnitKind::array_drive, 0) ? 1 : 0;
        if (state.lost != 0) state.followed_s = 0.0;  // a retest counts from its beginning
    } else if (state.lost == 0 && state.unmoved_s > lost_after_s) {
        state.lost = 1;
        state.followed_s = 0.0;
        events.add(EventId::array_drive_lost, state.angle_rad, expected);
    } else if (state.lost != 0 && state.followed_s > 5.0) {
        state.lost = 0;
        events.add(EventId::array_drive_recovered, state.angle_rad);
    }
}

void array_drive_to(ArrayDrive& state, double angle_rad, double rate_rad_s) {
    const double difference = wrap_angle(angle_rad - state.angle_rad);
    const double wanted =
        absolute(difference) < dead_band_rad ? rate_rad_s : rate_rad_s + gain_1_s * difference;
    const double limit = spacecraft::array_rate_max_rad_s;
    state.rate_rad_s = is_finite(wanted) ? clamp(wanted, -limit, limit) : 0.0;
}

void array_drive_idle(ArrayDrive& state) {
    state.rate_rad_s = 0.0;
}

double array_angle_towards(const ArrayDrive& state, Vector direction_body) {
    if (direction_body.x * direction_body.x + direction_body.z * direction_body.z < 1.0e-4)
        return state.angle_rad;
    return arc_tangent(-direction_body.x, -direction_body.z);
}

Vector array_normal_body(double angle_rad) {
    const SineCosine a = sine_cosine(angle_rad);
    return {-a.sine, 0.0, -a.cosine};
}

}  // namespace safehold
