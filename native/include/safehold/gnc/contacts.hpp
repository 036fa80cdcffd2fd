// When the next contacts are, by the satellite's own orbit, and which patch looks at the station.
//
// Purpose: for each station of the settings the next pass above its mask, found by propagating the orbit
// filter's estimate (J2, 30 s steps) up to a day ahead; the patch that the transmitters feed. Rate: a slice
// of the search at 0.1 Hz, the patch every tick. Inputs: orbit, attitude, stations. Outputs: telemetry, the
// antenna of the actuator frame, the place to track in DOWNLINK. A pass shorter than a step may be missed.
// Meets L2.1, L3.5.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/gnc/almanac.hpp"
#include "safehold/gnc/orbit_filter.hpp"
#include "safehold/math/quaternion.hpp"

namespace safehold {

inline constexpr std::size_t stations_max = 8;
inline constexpr std::uint8_t no_station = 255;

struct PredictedContact {
    std::int64_t aos_ns;
    std::int64_t los_ns;
    double sine_max;  // of the elevation
    std::uint32_t known;
    std::uint32_t spare;
};
static_assert(sizeof(PredictedContact) == 32);

struct ContactPlan {
    std::array<PredictedContact, stations_max> contacts;
    // The search: an orbit that runs ahead, and what each station saw of it.
    Vector position_gcrf_m;
    Vector velocity_gcrf_m_s;
    std::array<double, stations_max> margin;  // sine of elevation less that of the mask, at `search_ns`
    std::array<double, stations_max> sine_max;
    std::array<std::int64_t, stations_max> rise_ns;
    std::int64_t search_ns;
    std::int64_t begun_ns;
    double antenna_s;     // how long the patch has been chosen
    std::uint32_t open;   // stations that see the searching orbit, bit by station
    std::uint32_t found;  // stations whose next pass this search has found
    std::uint32_t searching;
    std::uint32_t begun;  // 1 once any search has begun
    std::uint32_t stale;  // 1 when a contact has passed since the search began
    std::uint32_t antenna;
};
static_assert(sizeof(ContactPlan) ==
              stations_max * (sizeof(PredictedContact) + 3 * 8) + 2 * sizeof(Vector) + 3 * 8 + 6 * 4);
static_assert(std::is_trivially_copyable_v<ContactPlan>);

void contacts_init(ContactPlan& state);
// A slice of the search: at most 24 steps of the orbit.
void contacts_search(ContactPlan& state, const Parameters& parameters, const Almanac& almanac,
                     const OrbitEstimate& orbit, std::int64_t time_ns);

// The contact that begins first of those that are not over; `no_station` without one.
[[nodiscard]] std::uint8_t next_contact(const ContactPlan& state, std::int64_t time_ns);
// Whether a contact is predicted for now, a minute of doubt on either side; its station's place.
[[nodiscard]] bool contact_place(const ContactPlan& state, const Parameters& parameters, std::int64_t time_ns,
                                 Vector& place_itrs_m);

// Chooses the patch: the one that looks at the station in contact, else at the Earth; in turns while attitude
// or orbit are unknown.
void contacts_antenna(ContactPlan& state, const Parameters& parameters, const Almanac& almanac,
                      const OrbitEstimate& orbit, bool attitude_known, Quaternion body_from_gcrf,
                      std::int64_t time_ns);

}  // namespace safehold
