// Modes, guidance submodes, and the reasons that events carry. The dictionary's enumerations list the same
// names.
#pragma once

#include <cstdint>

namespace safehold {

enum class Mode : std::uint8_t {
    boot = 0,
    separation = 1,
    detumble = 2,
    safe = 3,
    standby = 4,
    mission = 5,
    downlink = 6,
    manoeuvre = 7,
    survival = 8,
};
inline constexpr std::uint8_t mode_count = 9;

enum class Submode : std::uint8_t {
    none = 0,
    rate_damping = 1,
    wheel_capture = 2,
    sun = 3,
    nadir = 4,
    target = 5,
    inertial_hold = 6,
};

enum class ModeReason : std::uint8_t {
    none = 0,
    power_on = 1,
    boot_complete = 2,
    boot_timeout = 3,
    already_deployed = 4,
    deployment_complete = 5,
    deployment_given_up = 6,
    separation_timeout = 7,
    rates_captured = 8,
    detumble_timeout = 9,
    attitude_and_orbit_known = 10,
    rate_excess = 11,
    attitude_lost = 12,
    orbit_lost = 13,
    pointing_lost = 14,
    wheels_lost = 15,
    charge_low = 16,
    charge_critical = 17,
    charge_recovered = 18,
    receiver_locked = 19,
    receiver_released = 20,
    mode_timeout = 21,
    commanded = 22,
    sensors_lost = 23,
    external = 24,
    contact_lost = 25,
    state_corrupt = 26,
    charge_forecast = 27,
    computer_reset = 28,
};

enum class Refusal : std::uint8_t {
    none = 0,
    mode_unknown = 1,
    not_reachable = 2,
    attitude_unknown = 3,
    orbit_unknown = 4,
    charge_low = 5,
    not_deployed = 6,
    argument_invalid = 7,
    wheels_lost = 8,
    rate_excess = 9,
};

enum class Exclusion : std::uint8_t {
    none = 0,
    not_finite = 1,
    out_of_range = 2,
    stuck = 3,
    stale = 4,
    disagrees = 5,
    not_valid = 6,
    commanded = 7,
};

// Switches, a bit each, of the sensor frame's switch_status and the actuator frame's switch_command.
namespace power_switch {
inline constexpr std::uint16_t lanes = 1U << 0U;
inline constexpr std::uint16_t sensors = 1U << 1U;
inline constexpr std::uint16_t trackers = 1U << 2U;
inline constexpr std::uint16_t gps = 1U << 3U;
inline constexpr std::uint16_t wheels = 1U << 4U;
inline constexpr std::uint16_t array_drive = 1U << 5U;
inline constexpr std::uint16_t payload_bus = 1U << 6U;
inline constexpr std::uint16_t payload = 1U << 7U;
}  // namespace power_switch

}  // namespace safehold
