// The satellite's own prediction of contacts, against a circular orbit worked out on the side, and under bits
// turned anywhere in its state. Over a real orbit it is compared with the plant in tests/system.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "safehold/gnc/autonomy.hpp"
#include "safehold/gnc/contacts.hpp"

using namespace safehold;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr double radius_m = 6.928e6;

// An equatorial orbit, for which J2 has no plane to turn; its angular rate follows from the acceleration.
OrbitEstimate equatorial(double angle_rad) {
    const double pull = norm(orbit_acceleration({radius_m, 0.0, 0.0}, {0.0, 0.0, 1.0}));
    const double speed = std::sqrt(pull * radius_m);
    return {{radius_m * std::cos(angle_rad), radius_m * std::sin(angle_rad), 0.0},
            {-speed * std::sin(angle_rad), speed * std::cos(angle_rad), 0.0},
            true};
}

Almanac almanac_now() {
    Almanac almanac{};
    almanac_init(almanac);
    almanac.true_equator_from_gcrf = identity;
    return almanac;
}

Parameters with_station(double longitude_rad) {
    Parameters p = parameters_default;
    p.station_count = 1;
    p.station_longitude_rad[0] = longitude_rad;
    p.station_mask_rad[0] = 0.1;
    return p;
}

void search(ContactPlan& plan, const Parameters& p, const Almanac& almanac, int slices) {
    for (int i = 0; i < slices; ++i)
        contacts_search(plan, p, almanac, equatorial(0.0), 0);
}

}  // namespace

TEST_CASE("a pass over an equatorial station begins where geometry has it [L2.1]") {
    const Almanac almanac = almanac_now();
    const Parameters p = with_station(1.0);
    ContactPlan plan{};
    contacts_init(plan);
    CHECK(next_contact(plan, 0) == no_station);
    search(plan, p, almanac, 20);
    REQUIRE(next_contact(plan, 0) == 0);
    const PredictedContact contact = plan.contacts[0];
    // Half of the visible arc: the angle at the Earth's centre under which the satellite stands at 0.1 rad.
    const double half = std::acos(earth_radius_m * std::cos(0.1) / radius_m) - 0.1;
    const double pull = norm(orbit_acceleration({radius_m, 0.0, 0.0}, {0.0, 0.0, 1.0}));
    const double rate = std::sqrt(pull / radius_m) - earth_rate_rad_s;
    const double station = sidereal_angle_rad(almanac, p, 0) + 1.0;  // in GCRF, at time 0
    double lead = std::fmod(station - half, 2.0 * pi);
    if (lead < 0.0) lead += 2.0 * pi;
    CHECK(static_cast<double>(contact.aos_ns) * 1e-9 == doctest::Approx(lead / rate).epsilon(1e-5));
    CHECK(static_cast<double>(contact.los_ns - contact.aos_ns) * 1e-9 ==
          doctest::Approx(2.0 * half / rate).epsilon(1e-4));
    CHECK(contact.sine_max > 0.99);

    Vector place{};
    CHECK_FALSE(contact_place(plan, p, contact.aos_ns - 61 * second, place));
    CHECK(contact_place(plan, p, contact.aos_ns - 59 * second, place));
    CHECK(norm(place) == doctest::Approx(earth_radius_m));
    CHECK(next_contact(plan, contact.los_ns) == no_station);

    // After its end the search finds the next one, a synodic revolution later.
    contacts_search(plan, p, almanac, equatorial(0.0), 0);
    CHECK(plan.searching == 0);
    const double gone_s = static_cast<double>(contact.los_ns) * 1e-9 + 60.0;
    const double orbit_rate = rate + earth_rate_rad_s;
    for (int i = 0; i < 20; ++i)
        contacts_search(plan, p, almanac, equatorial(orbit_rate * gone_s), contact.los_ns + 60 * second);
    REQUIRE(plan.contacts[0].known == 1);
    CHECK(static_cast<double>(plan.contacts[0].aos_ns - contact.aos_ns) * 1e-9 ==
          doctest::Approx(2.0 * pi / rate).epsilon(1e-4));
}

TEST_CASE("no orbit, no stations or an orbit inside the Earth predicts nothing [L2.1]") {
    const Almanac almanac = almanac_now();
    ContactPlan plan{};
    contacts_init(plan);
    OrbitEstimate unknown = equatorial(0.0);
    unknown.valid = false;
    contacts_search(plan, with_station(1.0), almanac, unknown, 0);
    CHECK(plan.begun == 0);
    contacts_search(plan, parameters_default, almanac, equatorial(0.0), 0);
    CHECK(plan.begun == 0);
    contacts_search(plan, with_station(1.0), almanac, {{1.0, 2.0, 3.0}, {0, 0, 0}, true}, 0);
    CHECK(plan.searching == 0);
    CHECK(next_contact(plan, 0) == no_station);
}

TEST_CASE("the patch looks at the station, else at the Earth; unknown attitude takes turns [L3.5]") {
    const Almanac almanac = almanac_now();
    Parameters p = with_station(1.0);
    p.control_period_s = 1.0;
    ContactPlan plan{};
    contacts_init(plan);
    const OrbitEstimate orbit = equatorial(0.0);
    // Body z along GCRF -x is down; a half turn about y points it up.
    const Quaternion down = {std::sqrt(0.5), 0.0, std::sqrt(0.5), 0.0};
    REQUIRE(rotate(down, {-1.0, 0.0, 0.0}).z > 0.99);
    const Quaternion up = Quaternion{0.0, 0.0, 1.0, 0.0} * down;
    contacts_antenna(plan, p, almanac, orbit, true, up, 0);
    CHECK(plan.antenna == 1);
    contacts_antenna(plan, p, almanac, orbit, true, down, 0);
    CHECK(plan.antenna == 0);

    // A station ahead of the satellite: which patch sees it is decided by the line to it, not by the nadir.
    search(plan, p, almanac, 20);
    const std::int64_t rise = plan.contacts[0].aos_ns;
    const double orbit_rate =
        std::sqrt(norm(orbit_acceleration({radius_m, 0.0, 0.0}, {0.0, 0.0, 1.0})) / radius_m);
    const OrbitEstimate there = equatorial(orbit_rate * static_cast<double>(rise) * 1e-9);
    // Tilted back by 60 degrees: +z looks behind and down, the station stands 66 degrees off nadir ahead.
    const Vector ahead = unit(there.velocity_gcrf_m_s);
    const Vector below = -unit(there.position_gcrf_m);
    const Vector z = std::cos(pi / 3.0) * below - std::sin(pi / 3.0) * ahead;
    const Vector y = {0.0, 0.0, 1.0};
    const Quaternion tilted = quaternion_from_matrix(rows(cross(y, z), y, z));
    contacts_antenna(plan, p, almanac, there, true, tilted, rise - 3600 * second);
    CHECK(plan.antenna == 0);
    contacts_antenna(plan, p, almanac, there, true, tilted, rise);
    CHECK(plan.antenna == 1);

    int changes = 0;
    for (int i = 0; i < 100; ++i) {
        const std::uint32_t before = plan.antenna;
        contacts_antenna(plan, p, almanac, there, false, tilted, rise);
        changes += plan.antenna != before ? 1 : 0;
    }
    CHECK(changes == 10);
}

TEST_CASE("any bit of the plan may flip: the search ends and stays in its bounds [L3.1]") {
    const Almanac almanac = almanac_now();
    const Parameters p = with_station(1.0);
    std::mt19937_64 random(1100);
    for (int trial = 0; trial < 4000; ++trial) {
        ContactPlan plan{};
        contacts_init(plan);
        search(plan, p, almanac, trial % 6);
        auto* octets = reinterpret_cast<unsigned char*>(&plan);
        const std::size_t bit = random() % (sizeof plan * 8);
        octets[bit / 8] = static_cast<unsigned char>(octets[bit / 8] ^ (1U << (bit % 8)));
        Vector place{};
        for (int i = 0; i < 3; ++i) {
            const std::int64_t time = static_cast<std::int64_t>(i) * 10 * second;
            contacts_search(plan, p, almanac, equatorial(0.0), time);
            (void)contact_place(plan, p, time, place);
            contacts_antenna(plan, p, almanac, equatorial(0.0), true, no_rotation, time);
            REQUIRE(next_contact(plan, time) <= no_station);
        }
        // It finds the way back: an orbit later, at the latest, it has searched anew.
        for (int i = 0; i < 130; ++i)
            contacts_search(plan, p, almanac, equatorial(0.0),
                            (6000 + 10 * static_cast<std::int64_t>(i)) * second);
        REQUIRE(is_finite(plan.position_gcrf_m));
    }
}
