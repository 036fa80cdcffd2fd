// The account half of command and data handling: what waits for the downlink, and counters.
//
// Purpose: nothing here is read by a decision; scrambling it changes telemetry, never an actuator. Every
// index and length in it is checked before use, because a bit may flip anywhere. Meets L2.2, L6.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/interface.hpp"

namespace safehold::cdh {

inline constexpr std::size_t tc_frame_octets_max = 256;
inline constexpr std::size_t tm_frame_octets = 1115;
inline constexpr std::size_t tm_data_octets = 1103;
inline constexpr std::size_t tm_packet_octets_max = 1024;
inline constexpr std::uint16_t spacecraft_id = 0x15A;
inline constexpr std::uint16_t apid_flight = 100;
inline constexpr std::uint16_t apid_idle = 2047;

// Why a TC frame was dropped, in the order of the checks.
enum class FrameDrop : std::uint8_t {
    length,
    fecf,
    version,
    scid,
    vcid,
    type,
    segment,
    packet,
    header,
    count
};

// TM messages, each with a counter of its own.
enum class Message : std::uint8_t {
    acceptance_success,  // 1,1
    acceptance_failure,  // 1,2
    start_success,       // 1,3
    start_failure,       // 1,4
    progress_success,    // 1,5
    progress_failure,    // 1,6
    completion_success,  // 1,7
    completion_failure,  // 1,8
    structure,           // 3,10
    housekeeping,        // 3,25
    event_info,          // 5,1
    event_low,           // 5,2
    event_medium,        // 5,3
    event_high,          // 5,4
    events_disabled,     // 5,8
    memory_dump,         // 6,6
    memory_check,        // 6,10
    time,                // 9,2
    schedule_detail,     // 11,10
    schedule_summary,    // 11,13
    storage_summary,     // 15,13
    alive,               // 17,2
    connection,          // 17,4
    settings,            // 20,2
    count
};

// A verification report that waits until what it tells is kept over a reset.
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
    static constexpr std::size_t capacity = 64;
    std::array<HeldReport, capacity> items;
    std::uint32_t count;
    std::uint32_t age_ms;  // how long the oldest has waited
};
static_assert(sizeof(HeldReports) == HeldReports::capacity * sizeof(HeldReport) + 8);

// Packets that wait for the downlink, back to back. The first `rest` octets finish a packet begun in an
// earlier frame; if that was an idle packet, they wait for a real one.
struct PacketQueue {
    static constexpr std::size_t capacity = 8192;
    std::array<std::uint8_t, capacity> octets;
    std::uint32_t length;
    std::uint16_t rest;
    std::uint16_t rest_is_idle;
};
static_assert(sizeof(PacketQueue) == PacketQueue::capacity + 8);

struct WaitingEvent {
    Event event;
    std::int64_t clock_ns;
    std::uint32_t counter;
    std::uint32_t spare;
};
static_assert(sizeof(WaitingEvent) == sizeof(Event) + 16);

// Events that wait for a contact; a full ring loses its oldest, which the gap in the counter tells the
// ground.
struct EventQueue {
    static constexpr std::size_t capacity = 64;
    std::array<WaitingEvent, capacity> items;
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t counter;  // events since start
    std::uint32_t lost;
};
static_assert(sizeof(EventQueue) == EventQueue::capacity * sizeof(WaitingEvent) + 16);

struct CdhAccount {
    PacketQueue packets;
    EventQueue events;
    HeldReports held;
    std::array<std::uint32_t, static_cast<std::size_t>(FrameDrop::count)> frames_dropped;
    std::uint32_t frames_accepted;
    std::uint32_t commands_accepted;
    std::uint32_t commands_refused;
    std::uint32_t commands_completed;
    std::uint32_t commands_failed;
    std::uint32_t packets_lost;  // no room in the queue
    std::uint32_t frames_sent;
    std::uint32_t activities_executed;
    std::uint32_t activities_expired;
    std::uint32_t activities_interrupted;
    std::array<std::uint16_t, static_cast<std::size_t>(Message::count)> message_counters;
    std::uint16_t packet_sequence_count;
    std::uint8_t master_frame_count;
    std::uint8_t channel_frame_count;
    std::uint8_t farm_b_counter;
    std::array<std::uint8_t, 7> spare;
};
static_assert(sizeof(CdhAccount) ==
              sizeof(PacketQueue) + sizeof(EventQueue) + sizeof(HeldReports) + 19 * 4 + 25 * 2 + 10);
static_assert(std::is_trivially_copyable_v<CdhAccount>);

}  // namespace safehold::cdh
