// Telecommands: packets to executed functions with their reports.
//
// Rate: every control tick with uplink. Inputs: telecommand packets, all hostile. Outputs:
// verification reports (PUS 1), answers (PUS 17), settings changed (PUS 20), one mode request a tick and
// units left out or taken back (PUS 8), as docs/wire.md has them. Every drop and refusal is counted under its
// reason. Meets L2.3, S3.
#pragma once

#include <cstddef>
#include <cstdint>

#include "safehold/cdh/services_state.hpp"
#include "safehold/cdh/telemetry.hpp"
#include "safehold/gnc/autonomy.hpp"
#include "safehold/security/stage.hpp"

namespace safehold {
struct ImagingControl;
}

namespace safehold::cdh {

struct FilesContext;

enum class FailureCode : std::uint16_t {
    none = 0,
    crc = 1,
    pus_version = 2,
    apid = 3,
    service = 4,
    function = 5,
    length = 6,
    range = 7,
    not_allowed = 8,
    queue_full = 9,
    execution = 10,
    not_armed = 11,
    interrupted = 12,
    expired = 13,
    time_tag = 14,
    duplicate = 15,
    unknown = 16,
    outside_area = 17,
    checksum = 18,
    unsound = 19,
    deleted = 20,
};

// A mode request that waits, within the tick, for the autonomy's answer.
struct PendingMode {
    RequestId request;
    std::uint8_t waiting;
    std::uint8_t report_completion;
};

struct CommandContext {
    CdhAccount& account;
    const Telemetry& telemetry;  // only to answer a request for housekeeping
    Parameters& parameters;
    AutonomyState& autonomy;  // only for the ground's word on units, and for the time
    ServicesState& services;
    RecorderControl& recorder;
    const computer::StoreStatus& store;
    ModeRequest& mode_request;
    PendingMode& pending;
    EventList& events;
    bool& control_dirty;  // set by whatever must not be undone by a reset; the tick then asks to persist
    const std::uint8_t* control;  // the whole control state, only to be dumped
    std::size_t control_octets;
    const security::SecurityState& security;  // which keys there are
    security::SecurityRequest& security_request;
    std::uint8_t& reset_request;  // 1: the computer is to be reset at the end of the tick
    std::int64_t clock_ns;
    std::int64_t tick_ns;
    std::uint32_t persisted;     // sequence of what is known to be kept
    std::uint32_t persist_next;  // sequence under which this tick's state will be kept
    bool restarted;              // the first step after a warm start
    bool restored;               // the first step after a checkpoint was restored
    bool autonomous;
    FilesContext* files = nullptr;
    ImagingControl* imaging = nullptr;
};

// Takes one whole telecommand packet: the seam between the uplink path (tc_frames.hpp) and the services.
void handle_packet(CommandContext& context, const std::uint8_t* packet, std::size_t octets);

// Reports the mode request's outcome: the autonomy's answer is among the step's events, accepted or refused
// in the mode that it is in.
void finish_mode_request(CommandContext& context, std::uint8_t mode);
// The request gives way to the computer's own, and is told so.
void refuse_mode_request(CommandContext& context, std::uint8_t mode);

// Sets one value of `parameters`; refuses an unknown id, a bad index, and what is outside the limits or not
// finite.
[[nodiscard]] FailureCode set_setting(Parameters& parameters, std::uint16_t id, std::uint16_t index,
                                      double value);

// The value of a setting as a double; 0 for an unknown one.
[[nodiscard]] double setting_value(const Parameters& parameters, const SettingEntry& entry,
                                   std::size_t index);

}  // namespace safehold::cdh
