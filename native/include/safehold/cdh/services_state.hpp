// The control half of the PUS services: what they decide by, and what a reset must not lose.
//
// Purpose: housekeeping structures (PUS 3), events that are not reported (5), the rate of time reports (9),
// the schedule of time-tagged telecommands (11) and the arming of dangerous ones. Fixed size, no padding; any
// bit may flip, so that every count and index is bounded where it is used. Meets L2.6, L6.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace safehold::cdh {

// --- 1, verification
// ---------------------------------------------------------------------------------------------------

// A verification report that waits until what it tells is kept over a reset. It is itself part of what is
// kept, so that a reset does not lose the outcome of what it does not repeat.
struct HeldReport {
    std::int64_t clock_ns;
    std::uint32_t request;
    std::uint32_t parameter;
    std::uint32_t sequence;  // of the persistence that it waits for
    std::uint16_t code;
    std::uint8_t message;
    std::uint8_t step;
};
static_assert(sizeof(HeldReport) == 24);

struct HeldReports {
    static constexpr std::size_t capacity = 40;
    std::array<HeldReport, capacity> items;
    std::uint32_t count;
    std::uint32_t age_ms;  // how long the oldest has waited
};
static_assert(sizeof(HeldReports) == HeldReports::capacity * sizeof(HeldReport) + 8);
inline constexpr std::uint32_t held_for_the_rest = 16;  // places that what can wait, or be left out, leaves

// --- 3, housekeeping
// ---------------------------------------------------------------------------------------------------

inline constexpr std::size_t built_in_structures_max = 15;  // those of the dictionary that can be periodic
inline constexpr std::size_t user_structures_max = 4;
inline constexpr std::size_t user_parameters_max = 24;
inline constexpr std::uint8_t user_structure_first = 128;

struct UserStructure {
    std::uint32_t interval_ms;
    std::uint8_t id;  // 0: none
    std::uint8_t enabled;
    std::uint8_t count;
    std::uint8_t spare;
    std::array<std::uint16_t, user_parameters_max> parameters;  // ids, in the order of the report
};
static_assert(sizeof(UserStructure) == 56);

struct HousekeepingControl {
    std::array<std::uint32_t, built_in_structures_max> interval_ms;  // of structure 1 at index 0
    std::uint32_t enabled;  // bit by structure, bit 1 for structure 1
    std::array<UserStructure, user_structures_max> user;
};
static_assert(sizeof(HousekeepingControl) == 64 + user_structures_max * sizeof(UserStructure));

// --- 5, events
// ---------------------------------------------------------------------------------------------------------

// A bit for each row of the dictionary's event table.
struct EventReportControl {
    static constexpr std::size_t events_max = 512;
    std::array<std::uint64_t, events_max / 64> disabled;
};
static_assert(sizeof(EventReportControl) == 64);

// --- 11, time-tagged telecommands
// --------------------------------------------------------------------------------------

enum class ActivityState : std::uint8_t {
    none = 0,
    waiting = 1,
    open = 2,  // the intent to execute it is noted; once that is persisted it is executed, and never again
    // It is over, and only its report is still to be made, once there is room for it.
    deleted = 3,
    interrupted = 4,
};

inline constexpr std::size_t activity_octets_max = 96;

struct Activity {
    std::int64_t time_ns;
    std::uint32_t request;
    std::uint32_t intent;  // of an open one: the persistence sequence that carries the intent
    std::uint16_t length;
    std::uint8_t state;
    std::uint8_t armed;  // 1: it was inserted within an arming
    std::uint32_t spare;
    std::array<std::uint8_t, activity_octets_max> octets;  // the telecommand packet
};
static_assert(sizeof(Activity) == 24 + activity_octets_max);

struct Schedule {
    static constexpr std::size_t capacity = 32;
    std::array<Activity, capacity> activities;  // in order of time; the used ones come first
    std::int64_t last_ns;                       // on-board time of the last tick
    std::uint32_t hold_ms;                      // left to wait after a jump of time
    std::uint8_t count;
    std::uint8_t enabled;
    std::uint8_t started;
    std::uint8_t
        suspect;  // 1 after a checkpoint was restored: what was due since then may have been executed
};
static_assert(sizeof(Schedule) == Schedule::capacity * sizeof(Activity) + 16);

// --- arming
// -----------------------------------------------------------------------------------------------------------

struct Arming {
    std::uint32_t left_ms;
    std::uint16_t command;  // 0: none
    std::uint16_t spare;
};
static_assert(sizeof(Arming) == 8);

// --- 8, a change of key
// --------------------------------------------------------------------------------------------------------

// `select_key` between the tick that asked the crypto stage and the next one, which sees what has become of
// it.
struct KeyChange {
    std::uint32_t request;
    std::uint16_t key;
    std::uint8_t waiting;
    std::uint8_t report_completion;
};
static_assert(sizeof(KeyChange) == 8);

struct ServicesState {
    HousekeepingControl housekeeping;
    EventReportControl events;
    Schedule schedule;
    Arming arming;
    HeldReports held;
    KeyChange key_change;
    std::uint8_t time_report_exponent;  // 9: one time report every 2^n seconds
    std::uint8_t storage_disabled;      // 15: bit by stream of mass memory
    std::array<std::uint8_t, 6> spare;
};
static_assert(sizeof(ServicesState) == sizeof(HousekeepingControl) + sizeof(EventReportControl) +
                                           sizeof(Schedule) + sizeof(Arming) + sizeof(HeldReports) +
                                           sizeof(KeyChange) + 8);
static_assert(std::is_trivially_copyable_v<ServicesState> && sizeof(ServicesState) % 8 == 0);
static_assert(sizeof(ServicesState) < 6 * 1024);

// Structure 1 once a second, the schedule enabled, everything else off.
void services_init(ServicesState& state);

}  // namespace safehold::cdh
