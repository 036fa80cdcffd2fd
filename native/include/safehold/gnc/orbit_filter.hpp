// Where the satellite is: a Kalman filter on GPS fixes that goes on by itself when they stop.
//
// Purpose: position and velocity in GCRF with covariance; propagation with J2 about the true pole (about 1 km
// after a few hours without a fix). Rate: a fix or a step once a second, interpolation every tick. Inputs:
// fixes in ITRS, on-board time. Outputs: OrbitEstimate. Meets L1.1, L2.1.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/gnc/almanac.hpp"
#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct OrbitFilter {
    Vector position_gcrf_m;  // at node_time_ns
    Vector velocity_gcrf_m_s;
    Vector acceleration_gcrf_m_s2;
    std::array<double, 36> covariance;  // position, velocity; row-major
    std::int64_t node_time_ns;
    double fix_age_s;  // since the last accepted fix
    std::uint32_t known;
    std::uint32_t rejections;  // fixes rejected on end
    std::uint32_t blind;       // 1 once blindness was reported
    std::uint32_t spare;
};
static_assert(sizeof(OrbitFilter) == 72 + 288 + 16 + 16);
static_assert(std::is_trivially_copyable_v<OrbitFilter>);

struct OrbitEstimate {
    Vector position_gcrf_m;
    Vector velocity_gcrf_m_s;
    bool valid;
};

void orbit_init(OrbitFilter& state);
void orbit_step(OrbitFilter& state, const Parameters& parameters, const Almanac& almanac,
                std::int64_t time_ns, const Measurements& measured, EventList& events);
[[nodiscard]] OrbitEstimate orbit_at(const OrbitFilter& state, const Parameters& parameters,
                                     std::int64_t time_ns);
// Two-body attraction and J2 about the pole of date.
[[nodiscard]] Vector orbit_acceleration(Vector position_gcrf_m, Vector pole_gcrf);
[[nodiscard]] double orbit_sigma_m(const OrbitFilter& state);

}  // namespace safehold
