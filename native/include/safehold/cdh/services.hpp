// The PUS services (ECSS-E-ST-70-41C): what each does with a telecommand that has been accepted.
//
// Purpose: one file a service, service_*.cpp. The dispatcher (telecommand.cpp) has checked packet, length and
// ranges by the dictionary's tables; it asks `check` for every group of arguments before it has `run` carry
// them out, one after another. What is all or nothing refuses in `check`. Meets L2.6, L6.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/files.hpp"
#include "safehold/cdh/telecommand.hpp"

namespace safehold::cdh {

using Arguments = std::array<double, telecommand_arguments_max>;

// Who reports completion, if not the dispatcher at once.
enum class Later : std::uint8_t {
    no,
    mode,  // `finish_mode_request`, in the same tick
    key,   // `finish_key_change`, in the next one
};

struct Outcome {
    FailureCode code = FailureCode::none;
    std::uint32_t parameter = 0;
    Later later = Later::no;
};

// An accepted telecommand.
struct Request {
    RequestId id;
    std::uint8_t acknowledge;
    std::uint8_t waived;  // 1: it was armed when it was put into the schedule
    const TelecommandEntry* entry;
    const std::uint8_t* data;  // the arguments' octets
    std::size_t octets;
    std::size_t groups;  // how often `run` is called
    const std::uint8_t* tail;
    std::size_t tail_octets;
};

// Where a telecommand comes from decides who reports and whether the arming counts.
struct PacketOrigin {
    bool scheduled = false;
    bool armed = false;
};

// What `check` and `run` of a telecommand are.
struct Handler {
    TelecommandId id;
    Outcome (*check)(const CommandContext&, const Request&, const Arguments&);  // may be null
    Outcome (*run)(CommandContext&, const Request&, const Arguments&);
};

// Reads and checks a whole packet; nothing is executed.
[[nodiscard]] Outcome read_request(const std::uint8_t* packet, std::size_t octets, Request& request);
// Checks, executes and reports a whole packet.
void execute_packet(CommandContext& context, const std::uint8_t* packet, std::size_t octets,
                    const PacketOrigin& origin);
// The request id of a packet of at least four octets.
[[nodiscard]] RequestId request_id(const std::uint8_t* packet);

// Within their types, because the dispatcher has checked the ranges; bounded all the same.
[[nodiscard]] std::uint32_t to_u32(double value);
[[nodiscard]] std::uint16_t to_u16(double value);
[[nodiscard]] std::uint8_t to_u8(double value);

// The handlers of a service, and how many they are.
struct HandlerTable {
    const Handler* first;
    std::size_t count;
};
[[nodiscard]] HandlerTable housekeeping_handlers();
[[nodiscard]] HandlerTable event_handlers();
[[nodiscard]] HandlerTable memory_handlers();
[[nodiscard]] HandlerTable function_handlers();
[[nodiscard]] HandlerTable time_handlers();
[[nodiscard]] HandlerTable schedule_handlers();
[[nodiscard]] HandlerTable storage_handlers();
[[nodiscard]] HandlerTable test_handlers();
[[nodiscard]] HandlerTable setting_handlers();
[[nodiscard]] HandlerTable security_handlers();
[[nodiscard]] HandlerTable file_handlers();

// --- what runs without a telecommand
// -----------------------------------------------------------------------------------

// 3 and 9: the reports that are due in this tick, to be called while a transmitter is on.
void report_periodic(const ServicesState& services, CdhAccount& account, const Telemetry& telemetry,
                     std::int64_t clock_ns, std::uint64_t ticks, std::int64_t tick_ns);
// 5: false for an event whose reports are off.
[[nodiscard]] bool is_reported(const EventReportControl& control, std::uint16_t event_id);
// 15: false for a stream whose records are not to be committed.
[[nodiscard]] bool is_stored(const ServicesState& services, std::uint8_t stream);
// 8: time runs on an arming.
void arming_step(CommandContext& context);
// 8: what has become of the key that the last tick asked for.
void finish_key_change(CommandContext& context);
// 11: releases, expires, and answers for what a reset left open.
void schedule_step(CommandContext& context);
// One that is not executed, or of which nobody knows: reported whatever its flags say.
void report_not_executed(CommandContext& context, RequestId request, Message message, FailureCode code);
// Begun before a reset, its outcome unknown, and not repeated.
void report_interrupted(CommandContext& context, RequestId request);
// 23: the next part of the directory, if it was asked for and mass memory has answered; to be called while a
// transmitter is on.
void report_file_list(CdhAccount& cdh, FilesAccount& files, const computer::StoreStatus& store,
                      const computer::Readback* readback, std::int64_t clock_ns);
// What the services say of themselves in telemetry.
void fill_service_telemetry(const ServicesState& services, const CdhAccount& account, Telemetry& telemetry);

}  // namespace safehold::cdh
