#include "safehold/gnc/imaging.hpp"

#include "safehold/math/elementary.hpp"

namespace safehold {
namespace {

constexpr double sine_rise = 0.42261826174069944;  // 25 deg: pointing begins
constexpr double sine_set = 0.3420201433256687;    // 20 deg: it ends
constexpr double sine_sun = 0.17364817766693033;   // 10 deg: the least height of the Sun over the place
constexpr double close_enough_rad = 0.005;
constexpr double at_rest_rad_s = 0.001;
constexpr double charge_needed = 0.5;
constexpr std::uint32_t warm_up_ms = 3000;
constexpr std::uint32_t longest_ms = 360'000;
constexpr std::uint32_t answer_ms = 5000;
constexpr std::uint32_t images_max = 0x3F'FFFF;
constexpr std::uint8_t tries_max = 3;
constexpr std::uint16_t payload_closed = power_switch::payload;

struct View {
    double sine_elevation;  // of the satellite above the place's horizon
    double sine_sun;        // of the Sun
    bool shadow;            // the satellite
    bool valid;
};

// Where the satellite and the Earth are: the same for every place.
struct Scene {
    Vector position_gcrf_m;
    Vector sun_gcrf;
    Matrix itrs_from_gcrf;
    bool shadow;
    bool valid;
};

Scene scene_of(const ImagingContext& c) {
    const AutonomyState& s = c.autonomy;
    const OrbitEstimate orbit = orbit_at(s.orbit, c.parameters, s.clock.time_ns);
    if (!orbit.valid) return {};
    const Vector sun = s.almanac.sun_direction_gcrf;
    return {orbit.position_gcrf_m, sun, itrs_from_gcrf(s.almanac, c.parameters, s.clock.time_ns),
            in_shadow(orbit.position_gcrf_m, sun), true};
}

View look(const Scene& scene, const ImagePlan& plan) {
    if (!scene.valid) return {0.0, 0.0, false, false};
    const Vector place = transposed_times(scene.itrs_from_gcrf, plan.place_itrs_m);
    const Vector up = unit(place);
    return {dot(unit(scene.position_gcrf_m - place), up), dot(scene.sun_gcrf, up), scene.shadow, true};
}

ImagingState state_of(const ImagingControl& control) {
    return static_cast<ImagingState>(control.state);
}

// Any bit may have flipped.
void repair(ImagingControl& control) {
    if (control.count > ImagingControl::plans_max) control.count = 0;
    if (control.state > static_cast<std::uint32_t>(ImagingState::exposing) ||
        (control.state != 0 && control.current >= control.count)) {
        control.state = 0;
        control.current = 0;
    }
}

void remove(ImagingControl& control, std::size_t place) {
    --control.count;
    for (std::size_t i = place; i < control.count; ++i)
        control.plans[i] = control.plans[i + 1];
    control.plans[control.count] = {};
}

void tell(ImagingContext& c, EventId event, std::size_t plan, ImagingReason reason) {
    c.events.add(event, static_cast<double>(plan), static_cast<double>(reason));
}

// Back to where it came from, unless something else has taken the mode.
void end(ImagingContext& c) {
    c.control.state = 0;
    c.control.waited_ms = 0;
    c.control.answer = 0;
    if (mode_of(c.autonomy.modes) != Mode::mission || c.mode_request.valid != 0) return;
    c.mode_request = {};
    c.mode_request.valid = 1;
    c.mode_request.mode = static_cast<std::uint8_t>(Mode::standby);
    c.mode_request.by_computer = 1;
}

// A try that came to nothing: the place waits for another pass.
void fail(ImagingContext& c, ImagingReason reason) {
    const std::size_t place = c.control.current;
    ImagePlan& plan = c.control.plans[place];
    tell(c, EventId::image_missed, place, reason);
    if (++plan.tries >= tries_max) {
        tell(c, EventId::image_given_up, place, reason);
        remove(c.control, place);
    }
    end(c);
}

void count_down(ImagingContext& c) {
    for (std::size_t i = c.control.count; i-- > 0;) {
        ImagePlan& plan = c.control.plans[i];
        if (plan.left_s != 0) --plan.left_s;
        if (plan.left_s != 0 || (c.control.state != 0 && c.control.current == i)) continue;
        tell(c, EventId::image_given_up, i, ImagingReason::expired);
        remove(c.control, i);
        if (c.control.state != 0 && c.control.current > i) --c.control.current;
    }
}

// What speaks against a pass that geometry allows; expired stands for nothing.
ImagingReason against(const ImagingContext& c, const View& view) {
    if (view.sine_sun < sine_sun) return ImagingReason::place_dark;
    if (view.shadow) return ImagingReason::eclipse;
    const bool charged = c.autonomy.power.charge >= charge_needed && c.autonomy.power.low == 0;
    return charged ? ImagingReason::expired : ImagingReason::charge_low;
}

void look_for_a_pass(ImagingContext& c) {
    if (c.mode_request.valid != 0 || mode_of(c.autonomy.modes) != Mode::standby) return;
    const Scene scene = scene_of(c);
    for (std::size_t i = 0; i < c.control.count; ++i) {
        ImagePlan& plan = c.control.plans[i];
        const View view = look(scene, plan);
        if (!view.valid || view.sine_elevation < sine_rise) {
            plan.told = 0;
            continue;
        }
        const ImagingReason reason = against(c, view);
        if (reason != ImagingReason::expired) {
            if (plan.told == 0) tell(c, EventId::image_missed, i, reason);
            plan.told = 1;
            continue;
        }
        c.mode_request = {};
        c.mode_request.valid = 1;
        c.mode_request.mode = static_cast<std::uint8_t>(Mode::mission);
        c.mode_request.submode = static_cast<std::uint8_t>(Submode::target);
        c.mode_request.by_computer = 1;
        const Vector& place = plan.place_itrs_m;
        c.mode_request.target_itrs_m = {place.x, place.y, place.z};
        c.control.state = static_cast<std::uint32_t>(ImagingState::pointing);
        c.control.current = static_cast<std::uint32_t>(i);
        c.control.waited_ms = 0;
        c.control.powered_ms = 0;
        return;
    }
}

// On the place and moving with it. The reference never quite rests on a place that passes by, so that the
// slew need not have ended.
bool on_target(const ImagingContext& c) {
    const AutonomyState& s = c.autonomy;
    if (s.attitude.running == 0) return false;
    const OrbitEstimate orbit = orbit_at(s.orbit, c.parameters, s.clock.time_ns);
    const AttitudeTarget target = place_target(s.guidance, c.parameters, s.almanac, s.clock.time_ns, orbit);
    const Vector error = rotation_vector(target.body_from_gcrf * conjugate(s.attitude.body_from_gcrf));
    const Vector drift = target.rate_body_rad_s - s.guidance.rate_body_rad_s;
    return dot(error, error) < close_enough_rad * close_enough_rad &&
           dot(drift, drift) < at_rest_rad_s * at_rest_rad_s;
}

void point(ImagingContext& c, std::uint32_t tick_ms) {
    ImagingControl& control = c.control;
    const ImagePlan& plan = control.plans[control.current];
    const bool there =
        mode_of(c.autonomy.modes) == Mode::mission && submode_of(c.autonomy.modes) == Submode::target;
    control.waited_ms += tick_ms;
    if (!there) return fail(c, ImagingReason::mode_left);
    const bool powered = (c.sensor.switch_status & payload_closed) != 0;
    control.powered_ms = powered ? control.powered_ms + tick_ms : 0;
    const View view = look(scene_of(c), plan);
    if (view.sine_elevation < sine_set || control.waited_ms > longest_ms)
        return fail(c, powered ? ImagingReason::passed : ImagingReason::eclipse);
    if (control.powered_ms < warm_up_ms || !on_target(c)) return;
    // A number is never used twice: mass memory refuses one that it has.
    control.images = control.images < images_max ? control.images + 1 : 1;
    c.expose = true;
    c.file = control.images;
    c.exposure_ms = plan.exposure_ms;
    control.state = static_cast<std::uint32_t>(ImagingState::exposing);
    control.waited_ms = 0;
    control.answer = 0;
    c.control_dirty = true;
}

void await_image(ImagingContext& c, std::uint32_t tick_ms) {
    ImagingControl& control = c.control;
    control.waited_ms += tick_ms;
    if (control.answer == 0 && control.waited_ms < answer_ms) return;
    if (control.answer != 1U + static_cast<std::uint32_t>(computer::FileAnswer::done))
        return fail(c, ImagingReason::refused);
    c.events.add(EventId::image_taken, control.images, static_cast<double>(control.current));
    remove(control, control.current);
    c.control_dirty = true;
    end(c);
}

}  // namespace

bool imaging_plan(ImagingControl& control, double latitude_deg, double longitude_deg, double altitude_m,
                  std::uint32_t exposure_ms, std::uint32_t within_s) {
    repair(control);
    if (control.count >= ImagingControl::plans_max) return false;
    constexpr double flattening = 1.0 / 298.257223563;
    constexpr double squared = flattening * (2.0 - flattening);
    const SineCosine latitude = sine_cosine(latitude_deg * (pi / 180.0));
    const SineCosine longitude = sine_cosine(longitude_deg * (pi / 180.0));
    const double normal = earth_radius_m / square_root(1.0 - squared * latitude.sine * latitude.sine);
    const double across = (normal + altitude_m) * latitude.cosine;
    ImagePlan& plan = control.plans[control.count++];
    plan = {};
    plan.place_itrs_m = {across * longitude.cosine, across * longitude.sine,
                         (normal * (1.0 - squared) + altitude_m) * latitude.sine};
    plan.exposure_ms = static_cast<std::uint16_t>(exposure_ms < 1000U ? exposure_ms : 1000U);
    plan.left_s = within_s;
    return true;
}

void imaging_step(ImagingContext& c, std::uint32_t tick_ms) {
    repair(c.control);
    if (c.control.count == 0) return;
    if (c.control.second_ms > tick_ms && c.control.second_ms <= 1000U) {
        c.control.second_ms -= tick_ms;
    } else {
        c.control.second_ms = 1000;
        count_down(c);
        if (state_of(c.control) == ImagingState::idle) {
            look_for_a_pass(c);
            return;  // the mode is answered later in this tick
        }
    }
    if (state_of(c.control) == ImagingState::pointing) {
        point(c, tick_ms);
    } else if (state_of(c.control) == ImagingState::exposing) {
        await_image(c, tick_ms);
    }
}

}  // namespace safehold
