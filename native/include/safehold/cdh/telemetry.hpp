// Packets: from reports, events and housekeeping to what waits for virtual channel 0 and the recorder.
//
// Rate: every control tick. Outputs: space packets (CCSDS 133.0-B) under PUS-C headers, as docs/wire.md has
// them. Meets L2.2, S3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/services_state.hpp"
#include "safehold/cdh/state.hpp"

namespace safehold::cdh {

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
void hold_verification(HeldReports& held, CdhAccount& account, std::int64_t clock_ns,
                       const VerificationReport& report, std::uint32_t sequence);
// Queues the held reports whose time has come. True if they had to wait so long that they left without.
[[nodiscard]] bool release_verification(HeldReports& held, CdhAccount& account, std::uint32_t persisted,
                                        std::int64_t tick_ns);

// Each queues one packet; a packet that finds no room is lost and counted.
void report_alive(CdhAccount& account, std::int64_t clock_ns);
void report_housekeeping(CdhAccount& account, std::int64_t clock_ns, const Telemetry& telemetry,
                         std::uint8_t structure);

// Queues a step's events, but those whose reports are off.
void report_events(CdhAccount& account, std::int64_t clock_ns, const EventList& events,
                   const EventReportControl& control);

}  // namespace safehold::cdh
