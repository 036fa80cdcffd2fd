// Packets and TM transfer frames: from reports, events and housekeeping to frames that leave.
//
// Rate: every control tick; frames leave only while a transmitter is on. Outputs: TM transfer frames of 1,115
// octets (CCSDS 132.0-B) with space packets (133.0-B) under PUS-C headers, as docs/wire.md has them. Meets
// L2.2, S3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/services_state.hpp"
#include "safehold/cdh/state.hpp"

namespace safehold::cdh {

inline constexpr std::size_t tm_frames_max = 11;  // 1 Mbit/s for 100 ms

struct RequestId {
    std::uint32_t value;
};

// One report of PUS 1. The failure's code and parameter and the step are sent where the message has them.
struct VerificationReport {
    Message message;
    RequestId request;
    std::uint16_t code = 0;
    std::uint32_t parameter = 0;
    std::uint8_t step = 0;
};

// Keeps the report until persistence has carried out what `sequence` asked for; one that finds no room is
// lost and counted.
void hold_verification(CdhAccount& account, std::int64_t clock_ns, const VerificationReport& report,
                       std::uint32_t sequence);
// Queues the held reports whose time has come. True if they had to wait so long that they left without.
[[nodiscard]] bool release_verification(CdhAccount& account, std::uint32_t persisted, std::int64_t tick_ns);

// Each queues one packet; a packet that finds no room is lost and counted.
void report_alive(CdhAccount& account, std::int64_t clock_ns);
void report_housekeeping(CdhAccount& account, std::int64_t clock_ns, const Telemetry& telemetry,
                         std::uint8_t structure);

// Puts a step's events, but those whose reports are off, into the ring that waits for a contact.
void keep_events(CdhAccount& account, std::int64_t clock_ns, const EventList& events,
                 const EventReportControl& control);

// Moves waiting events to the packet queue as far as they fit.
void report_events(CdhAccount& account);

// Makes the frames of this tick, at most `frames_max`; returns how many.
[[nodiscard]] std::size_t make_frames(
    CdhAccount& account, bool receiver_lock,
    std::array<std::array<std::uint8_t, tm_frame_octets>, tm_frames_max>& frames, std::size_t frames_max);

}  // namespace safehold::cdh
