// What the autonomy and the rest of the computer say to each other in one step.
//
// Purpose: the events raised in a step, with their reasons, and the mode requests that come from
// telecommands. Rate: every control tick. Meets L6.1 (decisions and why).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/dictionary.hpp"

namespace safehold {

// One event; unused arguments are zero. NaN is never stored: a non-finite argument becomes zero and is
// counted.
struct Event {
    std::array<double, event_arguments_max> arguments;
    std::uint16_t id;
    std::uint8_t severity;
    std::uint8_t argument_count;
    std::uint32_t tick;  // control tick modulo 2^32, filled by the computer
};
static_assert(sizeof(Event) == 40 && std::is_trivially_copyable_v<Event>);

// The events of one step. A full list drops the newest and counts it.
struct EventList {
    static constexpr std::size_t capacity = 16;
    std::array<Event, capacity> items;
    std::uint32_t count;
    std::uint32_t dropped;

    void add(EventId id, double a = 0.0, double b = 0.0, double c = 0.0, double d = 0.0);
};
static_assert(sizeof(EventList) == 40 * EventList::capacity + 8);

// What the ground asked of the autonomy in this tick; `valid` is 0 when it asked nothing.
struct ModeRequest {
    std::array<double, 3> target_itrs_m;            // the place to point at in MISSION with submode target
    std::array<double, 4> attitude_body_from_gcrf;  // the attitude of an inertial hold, scalar first
    std::uint8_t valid;
    std::uint8_t mode;
    std::uint8_t submode;
    std::uint8_t by_computer;  // 1 when the computer asks by itself, not the ground
    std::array<std::uint8_t, 4> spare;
};
static_assert(sizeof(ModeRequest) == 64 && std::is_trivially_copyable_v<ModeRequest>);

}  // namespace safehold
