// The account half of command and data handling: what waits for the downlink, and counters.
//
// Purpose: nothing here is read by a decision; scrambling it changes telemetry, never an actuator. Every
// index and length in it is checked before use, because a bit may flip anywhere. Meets L2.2, L6.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/cdh/batches.hpp"
#include "safehold/cdh/recorder.hpp"
#include "safehold/computer/interface.hpp"

namespace safehold::cdh {

inline constexpr std::size_t tc_frame_octets_max = 256;
inline constexpr std::size_t tm_frame_octets = 1115;
inline constexpr std::size_t tm_header_octets = 6;
inline constexpr std::size_t tm_data_octets = 1103;
inline constexpr std::size_t tm_security_header_octets = 14;
inline constexpr std::size_t tm_mac_octets = 16;
inline constexpr std::size_t tm_packet_octets_max = 1024;
inline constexpr std::size_t tm_frames_max = 11;  // 1 Mbit/s for 100 ms
inline constexpr std::uint16_t spacecraft_id = 0x15A;
inline constexpr std::uint16_t apid_flight = 100;
inline constexpr std::uint16_t apid_critical = 101;
inline constexpr std::uint16_t apid_housekeeping = 102;
inline constexpr std::uint16_t apid_debug = 103;
inline constexpr std::uint16_t apid_files = 110;
inline constexpr std::uint16_t apid_idle = 2047;

// How TM frames are protected on the link (CCSDS 355.0-B), as configured for a whole flight.
enum class TelemetryProtection : std::uint16_t { none = 0, authenticated = 1, encrypted = 2 };

// Where a TM frame's data field begins, and how long it is: a protected one leaves room for the security
// header before it and for the MAC behind it.
struct TmLayout {
    std::size_t data_at;
    std::size_t data_octets;
};
[[nodiscard]] constexpr TmLayout tm_layout(TelemetryProtection protection) {
    return protection == TelemetryProtection::none
               ? TmLayout{tm_header_octets, tm_data_octets}
               : TmLayout{tm_header_octets + tm_security_header_octets,
                          tm_data_octets - tm_security_header_octets - tm_mac_octets};
}

// Why an authenticated TC frame or its packet was dropped, in the order of the checks.
enum class FrameDrop : std::uint8_t {
    integrity,  // the CRC-32 under which the crypto stage handed it on
    length,     // no data
    type,       // sequence-controlled control command
    control,    // neither Unlock nor Set V(R)
    map,        // MAP not 0
    ahead,      // FARM: behind a gap
    behind,     // FARM: come before
    lockout,    // FARM: locked, or outside the windows
    wait,       // FARM: no room in the command buffer
    segment,    // out of sequence, or given up unfinished
    packet,     // longer than a packet may be, or not what its own length says
    buffer,     // expedited, and no room even so
    damaged,    // the command buffer was not what it had been left as
    header,     // no telecommand packet
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
    file_list,           // 23,13
    batch,               // 3,128
    summary,             // 3,129
    count
};

// Packets that wait for virtual channel 0, back to back. Those from `seen` on came in this tick.
struct PacketQueue {
    static constexpr std::size_t capacity = 8192;
    static constexpr std::size_t kept_for_records = 4096;  // room that no other packet may take
    std::array<std::uint8_t, capacity> octets;
    std::uint32_t length;
    std::uint32_t seen;
};
static_assert(sizeof(PacketQueue) == PacketQueue::capacity + 8);

enum class VirtualChannel : std::uint8_t { real_time = 0, playback = 1, files = 2, idle = 7 };
inline constexpr std::size_t packet_channels = 3;  // those that carry packets

// A virtual channel between two frames: the rest of the packet that its last frame could not finish.
struct Channel {
    std::array<std::uint8_t, tm_packet_octets_max> rest;
    std::uint16_t rest_length;
    std::uint8_t rest_is_idle;
    std::uint8_t frame_count;
    std::uint32_t frames_sent;
};
static_assert(sizeof(Channel) == tm_packet_octets_max + 8);

struct DownlinkAccount {
    std::array<Channel, packet_channels> channels;
    std::uint32_t clcw;  // of the last frame
    std::uint32_t silent_ms;
    std::uint32_t idle_frames;
    std::uint16_t file_sequence_count;
    std::uint8_t idle_frame_count;
    std::uint8_t master_frame_count;
};
static_assert(sizeof(DownlinkAccount) == sizeof(Channel) * packet_channels + 16);

struct CdhAccount {
    PacketQueue packets;
    DownlinkAccount downlink;
    RecorderAccount recorder;
    BatchAccount batches;
    std::array<std::uint32_t, static_cast<std::size_t>(FrameDrop::count)> frames_dropped;
    std::uint32_t frames_accepted;
    std::uint32_t commands_accepted;
    std::uint32_t commands_refused;
    std::uint32_t commands_completed;
    std::uint32_t commands_failed;
    std::uint32_t packets_lost;   // no room in the queue
    std::uint32_t event_counter;  // events since start, lost ones too
    std::uint32_t events_lost;    // more in one tick than its list takes
    std::uint32_t activities_executed;
    std::uint32_t activities_expired;
    std::uint32_t activities_interrupted;
    std::array<std::uint16_t, static_cast<std::size_t>(Message::count)> message_counters;
    std::uint16_t packet_sequence_count;
    std::array<std::uint8_t, 4> spare;
};
static_assert(sizeof(CdhAccount) == sizeof(PacketQueue) + sizeof(DownlinkAccount) + sizeof(RecorderAccount) +
                                        sizeof(BatchAccount) + 25 * 4 + 28 * 2 + 4);
static_assert(std::is_trivially_copyable_v<CdhAccount>);

}  // namespace safehold::cdh
