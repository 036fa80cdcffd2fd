#include "safehold/gnc/contacts.hpp"

#include "safehold/gnc/timing.hpp"

namespace safehold {
namespace {

constexpr double step_s = 30.0;
constexpr std::int64_t step_ns = 30'000'000'000;
constexpr std::uint32_t steps_a_slice = 24;
constexpr std::int64_t horizon_ns = 86'400'000'000'000;
constexpr std::int64_t search_again_ns = 5'700'000'000'000;  // about an orbit
constexpr std::int64_t doubt_ns = 60'000'000'000;
constexpr std::uint32_t halvings = 22;  // 30 s to 7 microseconds
constexpr double antenna_turn_s = 10.0;
constexpr double antenna_hysteresis = 0.05;
constexpr double flattening = 1.0 / 298.257223563;

struct Place {
    Vector position_itrs_m;
    Vector zenith;
    double mask_sine;
};

// WGS84.
Place place_of(const Parameters& p, std::size_t station) {
    const SineCosine latitude = sine_cosine(p.station_latitude_rad[station]);
    const SineCosine longitude = sine_cosine(p.station_longitude_rad[station]);
    const Vector zenith = {latitude.cosine * longitude.cosine, latitude.cosine * longitude.sine,
                           latitude.sine};
    constexpr double square = flattening * (2.0 - flattening);
    const double normal = earth_radius_m / square_root(1.0 - square * latitude.sine * latitude.sine);
    const double altitude = p.station_altitude_m[station];
    return {{(normal + altitude) * zenith.x, (normal + altitude) * zenith.y,
             (normal * (1.0 - square) + altitude) * zenith.z},
            zenith,
            sine(p.station_mask_rad[station])};
}

std::size_t station_count(const Parameters& p) {
    return p.station_count < stations_max ? p.station_count : stations_max;
}

double sine_elevation(const Place& place, Vector position_itrs_m) {
    const Vector line = position_itrs_m - place.position_itrs_m;
    const double distance = norm(line);
    return distance > 1.0 ? dot(line, place.zenith) / distance : -1.0;
}

// One step of the searching orbit, and the cubic between its ends.
struct Step {
    Vector r0, v0, r1, v1;
    std::int64_t start_ns;

    [[nodiscard]] Vector at(double part) const {
        const double rest = 1.0 - part;
        return ((1.0 + 2.0 * part) * rest * rest) * r0 + (part * rest * rest * step_s) * v0 +
               (part * part * (3.0 - 2.0 * part)) * r1 + (part * part * (part - 1.0) * step_s) * v1;
    }
};

struct Search {
    const Parameters& p;
    const Almanac& almanac;

    [[nodiscard]] double margin(const Place& place, const Step& step, double part) const {
        const std::int64_t time_ns = wrapping_add(step.start_ns, nanoseconds(part * step_s));
        const Vector position = itrs_from_gcrf(almanac, p, time_ns) * step.at(part);
        return sine_elevation(place, position) - place.mask_sine;
    }

    [[nodiscard]] std::int64_t crossing(const Place& place, const Step& step, bool rising) const {
        double low = 0.0;
        double high = 1.0;
        for (std::uint32_t i = 0; i < halvings; ++i) {
            const double middle = 0.5 * (low + high);
            ((margin(place, step, middle) > 0.0) == rising ? high : low) = middle;
        }
        return wrapping_add(step.start_ns, nanoseconds(0.5 * (low + high) * step_s));
    }
};

Vector pole_of(const Almanac& almanac) {
    return {almanac.true_equator_from_gcrf(2, 0), almanac.true_equator_from_gcrf(2, 1),
            almanac.true_equator_from_gcrf(2, 2)};
}

// The orbit's classical Runge-Kutta step under the filter's own model of gravity.
void advance(Vector& r, Vector& v, Vector pole) {
    constexpr double h = step_s;
    const Vector a1 = orbit_acceleration(r, pole);
    const Vector v2 = v + (0.5 * h) * a1;
    const Vector a2 = orbit_acceleration(r + (0.5 * h) * v, pole);
    const Vector v3 = v + (0.5 * h) * a2;
    const Vector a3 = orbit_acceleration(r + (0.5 * h) * v2, pole);
    const Vector v4 = v + h * a3;
    const Vector a4 = orbit_acceleration(r + h * v3, pole);
    r = r + (h / 6.0) * (v + 2.0 * (v2 + v3) + v4);
    v = v + (h / 6.0) * (a1 + 2.0 * (a2 + a3) + a4);
}

bool plausible(Vector r, Vector v) {
    const double square = dot(r, r);
    return square > 4.0e13 && square < 1.0e14 && dot(v, v) < 1.5e8;
}

bool over(const PredictedContact& contact, std::int64_t time_ns) {
    return wrapping_subtract(time_ns, contact.los_ns) >= 0;
}

void expire(ContactPlan& state, const Parameters& p, std::int64_t time_ns) {
    const std::size_t count = station_count(p);
    for (std::size_t i = 0; i < stations_max; ++i) {
        PredictedContact& contact = state.contacts[i];
        if (contact.known == 0) continue;
        const bool far = wrapping_subtract(contact.los_ns, time_ns) > 2 * horizon_ns;  // time has jumped
        if (i >= count || over(contact, time_ns) || far) {
            contact.known = 0;
            state.stale = 1;
        }
    }
}

void begin(ContactPlan& state, const Search& search, const OrbitEstimate& orbit, std::int64_t time_ns) {
    state.position_gcrf_m = orbit.position_gcrf_m;
    state.velocity_gcrf_m_s = orbit.velocity_gcrf_m_s;
    state.search_ns = state.begun_ns = time_ns;
    state.open = state.found = state.stale = 0;
    state.searching = state.begun = 1;
    const Vector position = itrs_from_gcrf(search.almanac, search.p, time_ns) * orbit.position_gcrf_m;
    for (std::size_t i = 0; i < station_count(search.p); ++i) {
        const Place place = place_of(search.p, i);
        state.margin[i] = sine_elevation(place, position) - place.mask_sine;
        state.sine_max[i] = -1.0;
        if (state.margin[i] > 0.0) {
            state.open |= 1U << i;
            // Of a pass that goes on its beginning is known from before.
            const PredictedContact& contact = state.contacts[i];
            const bool same = contact.known != 0 && wrapping_subtract(time_ns, contact.aos_ns) >= 0;
            state.rise_ns[i] = same ? contact.aos_ns : time_ns;
            state.sine_max[i] = same ? contact.sine_max : state.margin[i] + place.mask_sine;
        }
    }
}

void see(ContactPlan& state, const Search& search, const Place& place, const Step& step, std::size_t i,
         Vector position_itrs_m) {
    const double after = sine_elevation(place, position_itrs_m) - place.mask_sine;
    const bool was_open = ((state.open >> i) & 1U) != 0;
    state.margin[i] = after;
    if (!was_open && after > 0.0) {
        state.open |= 1U << i;
        state.rise_ns[i] = search.crossing(place, step, true);
        state.sine_max[i] = -1.0;
    }
    state.sine_max[i] = greatest(state.sine_max[i], after + place.mask_sine);
    if (was_open && !(after > 0.0)) {
        state.open &= ~(1U << i);
        state.found |= 1U << i;
        state.contacts[i] = {state.rise_ns[i], search.crossing(place, step, false), state.sine_max[i], 1, 0};
    }
}

}  // namespace

void contacts_init(ContactPlan& state) {
    state = ContactPlan{};
}

void contacts_search(ContactPlan& state, const Parameters& p, const Almanac& almanac,
                     const OrbitEstimate& orbit, std::int64_t time_ns) {
    const std::size_t count = station_count(p);
    const Search search{p, almanac};
    expire(state, p, time_ns);
    if (state.searching == 0) {
        const std::int64_t age_ns = wrapping_subtract(time_ns, state.begun_ns);
        const bool due = state.begun == 0 || state.stale != 0 || age_ns > search_again_ns || age_ns < 0;
        if (!due || !orbit.valid || count == 0) return;
        begin(state, search, orbit, time_ns);
    }
    std::array<Place, stations_max> places{};
    for (std::size_t i = 0; i < count; ++i)
        places[i] = place_of(p, i);
    const Vector pole = pole_of(almanac);
    for (std::uint32_t n = 0; n < steps_a_slice; ++n) {
        const std::int64_t ahead_ns = wrapping_subtract(state.search_ns, state.begun_ns);
        const bool all = (state.found & ((1U << count) - 1U)) == (1U << count) - 1U;
        if (all || ahead_ns < 0 || ahead_ns >= horizon_ns ||
            !plausible(state.position_gcrf_m, state.velocity_gcrf_m_s)) {
            state.searching = 0;
            return;
        }
        Step step{state.position_gcrf_m, state.velocity_gcrf_m_s, {}, {}, state.search_ns};
        advance(state.position_gcrf_m, state.velocity_gcrf_m_s, pole);
        step.r1 = state.position_gcrf_m;
        step.v1 = state.velocity_gcrf_m_s;
        state.search_ns = wrapping_add(state.search_ns, step_ns);
        const Vector position = itrs_from_gcrf(almanac, p, state.search_ns) * state.position_gcrf_m;
        for (std::size_t i = 0; i < count; ++i) {
            if (((state.found >> i) & 1U) == 0) see(state, search, places[i], step, i, position);
        }
    }
}

std::uint8_t next_contact(const ContactPlan& state, std::int64_t time_ns) {
    std::uint8_t next = no_station;
    for (std::size_t i = 0; i < stations_max; ++i) {
        const PredictedContact& contact = state.contacts[i];
        if (contact.known == 0 || over(contact, time_ns)) continue;
        if (next == no_station || wrapping_subtract(contact.aos_ns, state.contacts[next].aos_ns) < 0) {
            next = static_cast<std::uint8_t>(i);
        }
    }
    return next;
}

bool contact_place(const ContactPlan& state, const Parameters& p, std::int64_t time_ns,
                   Vector& place_itrs_m) {
    const std::uint8_t station = next_contact(state, time_ns);
    if (station >= station_count(p)) return false;
    if (wrapping_subtract(state.contacts[station].aos_ns, time_ns) > doubt_ns) return false;
    place_itrs_m = place_of(p, station).position_itrs_m;
    return true;
}

void contacts_antenna(ContactPlan& state, const Parameters& p, const Almanac& almanac,
                      const OrbitEstimate& orbit, bool attitude_known, Quaternion body_from_gcrf,
                      std::int64_t time_ns) {
    state.antenna_s = least(state.antenna_s + p.control_period_s, 1.0e9);
    if (!(state.antenna_s >= 1.0)) return;
    if (!attitude_known || !orbit.valid) {
        if (!(state.antenna_s >= antenna_turn_s)) return;
        state.antenna = state.antenna == 0 ? 1 : 0;
        state.antenna_s = 0.0;
        return;
    }
    Vector line = -orbit.position_gcrf_m;
    Vector place = {0.0, 0.0, 0.0};
    if (contact_place(state, p, time_ns, place)) {
        line = transposed_times(itrs_from_gcrf(almanac, p, time_ns), place) - orbit.position_gcrf_m;
    }
    const double ahead = rotate(body_from_gcrf, unit(line)).z;
    if (ahead > antenna_hysteresis) state.antenna = 0;
    if (ahead < -antenna_hysteresis) state.antenna = 1;
    state.antenna_s = 0.0;
}

}  // namespace safehold
