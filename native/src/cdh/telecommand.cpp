// The dispatcher of telecommands: checks by the dictionary's tables, the four stages of PUS 1, the services.
//
// Steps of a packet: header -> CRC, version, APID -> known service -> lengths and ranges (acceptance) -> mode
// and arming, then the service's own check (start) -> each group of arguments (progress) -> completion. A
// failure at any stage is reported whatever the acknowledgement flags say, and ends it there.
#include "safehold/cdh/telecommand.hpp"

#include "safehold/cdh/files.hpp"
#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

constexpr std::size_t packet_header_octets = 11;
constexpr std::uint8_t acknowledge_acceptance = 1;
constexpr std::uint8_t acknowledge_start = 2;
constexpr std::uint8_t acknowledge_progress = 4;
constexpr std::uint8_t acknowledge_completion = 8;

const TelecommandEntry* find(std::uint8_t service, std::uint8_t subtype, std::uint16_t function) {
    for (const TelecommandEntry& entry : telecommand_entries) {
        if (entry.service == service && entry.subtype == subtype && (service != 8 || entry.id == function)) {
            return &entry;
        }
    }
    return nullptr;
}

bool serves(std::uint8_t service, std::uint8_t subtype) {
    for (const TelecommandEntry& entry : telecommand_entries) {
        if (entry.service == service && entry.subtype == subtype) return true;
    }
    return false;
}

const Handler* find_handler(std::uint16_t id) {
    const std::array tables = {housekeeping_handlers(), event_handlers(), memory_handlers(),
                               function_handlers(),     time_handlers(),  schedule_handlers(),
                               storage_handlers(),      test_handlers(),  setting_handlers(),
                               security_handlers(),     file_handlers()};
    for (const HandlerTable& table : tables) {
        for (std::size_t i = 0; i < table.count; ++i) {
            if (static_cast<std::uint16_t>(table.first[i].id) == id) return &table.first[i];
        }
    }
    return nullptr;
}

double read_argument(Reader& reader, Type type) {
    switch (type) {
        case Type::f64:
            return reader.f64();
        case Type::i64:
            return static_cast<double>(static_cast<std::int64_t>(reader.u64()));
        case Type::u64:
            return static_cast<double>(reader.u64());
        case Type::f32:
            return static_cast<double>(reader.f32());
        case Type::u32:
            return static_cast<double>(reader.u32());
        case Type::u16:
            return static_cast<double>(reader.u16());
        case Type::i16:
            return static_cast<double>(static_cast<std::int16_t>(reader.u16()));
        case Type::u8:
            return static_cast<double>(reader.u8());
    }
    return 0.0;
}

// Reads arguments [first, last) of the entry; counts every argument of the packet in `index`, and keeps the
// place of the first one outside its limits, plus one, in `outside`.
void read_arguments(Reader& reader, const TelecommandEntry& entry, std::size_t first, std::size_t last,
                    Arguments& arguments, std::uint32_t& index, std::uint32_t& outside) {
    for (std::size_t i = first; i < last && i < telecommand_arguments_max; ++i) {
        const ArgumentEntry& argument = entry.arguments[i];
        const double value = read_argument(reader, argument.type);
        const bool inside = value >= argument.min && value <= argument.max;  // false for NaN
        ++index;
        if (!inside && outside == 0) outside = index;
        arguments[i] = value;
    }
}

// The arguments of one group, the ones before the groups among them.
Arguments arguments_of(const Request& request, std::size_t group) {
    const TelecommandEntry& entry = *request.entry;
    Arguments arguments{};
    Reader reader(request.data, request.octets);
    std::uint32_t index = 0;
    std::uint32_t outside = 0;
    const bool counted = entry.counted_from != not_counted;
    const std::size_t fixed = counted ? entry.counted_from : entry.argument_count;
    read_arguments(reader, entry, 0, fixed, arguments, index, outside);
    if (!counted) return arguments;
    reader.u8();
    for (std::size_t i = 0; i <= group; ++i) {
        read_arguments(reader, entry, fixed, entry.argument_count, arguments, index, outside);
    }
    return arguments;
}

void tell(CommandContext& context, const VerificationReport& report) {
    hold_verification(context.services.held, context.account, context.clock_ns, report, context.persist_next);
}

// The modes in which it may start, and the arming that a dangerous one needs and uses up.
Outcome check_start(const CommandContext& context, const Request& request) {
    const std::uint32_t mode = context.autonomy.modes.mode;
    const bool allowed =
        mode < mode_count && ((static_cast<std::uint32_t>(request.entry->modes) >> mode) & 1U) != 0;
    if (request.entry->modes != 0xFFFFU && !allowed) return {FailureCode::not_allowed, mode};
    if (request.entry->dangerous == 0 || request.waived != 0) return {};
    const Arming& arming = context.services.arming;
    if (arming.command != request.entry->id || arming.left_ms == 0) {
        return {FailureCode::not_armed, request.entry->id};
    }
    return {};
}

Outcome start(CommandContext& context, const Request& request, const Handler& handler) {
    Outcome outcome = check_start(context, request);
    if (outcome.code != FailureCode::none) return outcome;
    if (request.entry->dangerous != 0 && request.waived == 0) {
        constexpr double used = 1.0;
        context.events.add(EventId::command_disarmed, request.entry->id, used);
        context.services.arming = {};
    }
    for (std::size_t group = 0; handler.check != nullptr && group < request.groups; ++group) {
        outcome = handler.check(context, request, arguments_of(request, group));
        if (outcome.code != FailureCode::none) return outcome;
    }
    return {};
}

// Every group in its turn; one that fails ends it.
Outcome run(CommandContext& context, const Request& request, const Handler& handler) {
    Outcome outcome;
    for (std::size_t group = 0; group < request.groups; ++group) {
        outcome = handler.run(context, request, arguments_of(request, group));
        if (request.groups == 1) break;
        const auto step = static_cast<std::uint8_t>(group + 1);
        if (outcome.code != FailureCode::none) {
            tell(context, {Message::progress_failure, request.id, static_cast<std::uint16_t>(outcome.code),
                           outcome.parameter, step});
            break;
        }
        if ((request.acknowledge & acknowledge_progress) != 0) {
            tell(context, {Message::progress_success, request.id, 0, 0, step});
        }
    }
    return outcome;
}

void fail(CommandContext& context, const Request& request, Message message, const Outcome& outcome) {
    ++context.account.commands_failed;
    tell(context, {message, request.id, static_cast<std::uint16_t>(outcome.code), outcome.parameter});
}

void carry_out(CommandContext& context, const Request& request) {
    const Handler* handler = find_handler(request.entry->id);
    if (handler == nullptr)
        return fail(context, request, Message::start_failure, {FailureCode::execution, 0});
    Outcome outcome = start(context, request, *handler);
    if (outcome.code != FailureCode::none) return fail(context, request, Message::start_failure, outcome);
    if ((request.acknowledge & acknowledge_start) != 0) tell(context, {Message::start_success, request.id});
    outcome = run(context, request, *handler);
    if (outcome.code != FailureCode::none) {
        return fail(context, request, Message::completion_failure, outcome);
    }
    const auto told = static_cast<std::uint8_t>((request.acknowledge & acknowledge_completion) != 0 ? 1 : 0);
    if (outcome.later == Later::mode) {
        context.pending = {request.id, 1, told};
        return;
    }
    if (outcome.later == Later::key) {
        context.services.key_change = {request.id.value, context.security_request.select, 1, told};
        return;
    }
    ++context.account.commands_completed;
    if ((request.acknowledge & acknowledge_completion) != 0) {
        tell(context, {Message::completion_success, request.id});
    }
}

std::uint64_t to_whole(double value, double limit) {
    if (!(value > 0.0)) return 0;  // NaN too
    return static_cast<std::uint64_t>(value < limit ? value : limit);
}

}  // namespace

std::uint32_t to_u32(double value) {
    return static_cast<std::uint32_t>(to_whole(value, 4294967295.0));
}

std::uint16_t to_u16(double value) {
    return static_cast<std::uint16_t>(to_whole(value, 65535.0));
}

std::uint8_t to_u8(double value) {
    return static_cast<std::uint8_t>(to_whole(value, 255.0));
}

RequestId request_id(const std::uint8_t* packet) {
    Reader reader(packet, 4);
    return {reader.u32()};
}

Outcome read_request(const std::uint8_t* packet, std::size_t octets, Request& request) {
    const auto crc = static_cast<std::uint16_t>((packet[octets - 2] << 8) | packet[octets - 1]);
    if (crc16(packet, octets - 2) != crc) return {FailureCode::crc, 0};
    const auto version = static_cast<std::uint32_t>(packet[6] >> 4);
    if (version != 2) return {FailureCode::pus_version, version};
    const auto apid = static_cast<std::uint32_t>(((packet[0] & 7U) << 8) | packet[1]);
    if (apid != apid_flight) return {FailureCode::apid, apid};
    const std::uint8_t service = packet[7];
    const std::uint8_t subtype = packet[8];
    Reader reader(packet + packet_header_octets, octets - packet_header_octets - 2);
    std::uint16_t function = 0;
    if (!serves(service, subtype)) return {FailureCode::service, service * 256U + subtype};
    if (service == 8) {
        function = reader.u16();
        if (reader.failed()) return {FailureCode::length, 0};
    }
    request.entry = find(service, subtype, function);
    if (request.entry == nullptr) return {FailureCode::function, function};
    const TelecommandEntry& entry = *request.entry;
    const auto came = static_cast<std::uint32_t>(reader.left());
    request.octets = came;
    request.data = packet + octets - 2 - came;
    const bool counted = entry.counted_from != not_counted;
    const std::size_t fixed = counted ? entry.counted_from : entry.argument_count;
    Arguments arguments{};
    std::uint32_t index = 0;
    std::uint32_t outside = 0;
    read_arguments(reader, entry, 0, fixed, arguments, index, outside);
    request.groups = counted ? reader.u8() : 1U;
    for (std::size_t i = 0; counted && i < request.groups; ++i) {
        read_arguments(reader, entry, fixed, entry.argument_count, arguments, index, outside);
    }
    request.tail_octets = reader.left();
    request.tail = packet + octets - 2 - request.tail_octets;
    const bool rest = request.tail_octets != 0 && entry.tail == 0;
    if (reader.failed() || rest || request.groups == 0) return {FailureCode::length, came};
    if (outside != 0) return {FailureCode::range, outside - 1};
    return {};
}

void execute_packet(CommandContext& context, const std::uint8_t* packet, std::size_t octets,
                    const PacketOrigin& origin) {
    CdhAccount& account = context.account;
    const bool telecommand =
        octets >= packet_header_octets + 2 && (packet[0] & 0xF8U) == 0x18U && (packet[2] & 0xC0U) == 0xC0U;
    if (!telecommand) {
        ++account.frames_dropped[static_cast<std::size_t>(FrameDrop::header)];
        return;
    }
    context.control_dirty = true;
    Request request{};
    request.id = request_id(packet);
    request.acknowledge = packet[6] & 0x0FU;
    if (origin.scheduled) request.acknowledge |= acknowledge_completion;  // its outcome is always told
    request.waived = origin.armed ? 1 : 0;
    const Outcome outcome = read_request(packet, octets, request);
    if (outcome.code != FailureCode::none) {
        ++account.commands_refused;
        tell(context, {Message::acceptance_failure, request.id, static_cast<std::uint16_t>(outcome.code),
                       outcome.parameter});
        return;
    }
    ++account.commands_accepted;
    if ((request.acknowledge & acknowledge_acceptance) != 0) {
        tell(context, {Message::acceptance_success, request.id});
    }
    carry_out(context, request);
}

void handle_packet(CommandContext& context, const std::uint8_t* packet, std::size_t octets) {
    // PDUs of files have no secondary header; they are neither executed nor verified.
    constexpr std::size_t primary_octets = 6;
    const auto apid = octets > primary_octets ? static_cast<unsigned>((packet[0] & 7U) << 8 | packet[1]) : 0U;
    if (apid == apid_files && (packet[0] & 0xF8U) == 0x10U && context.files != nullptr) {
        files_pdu(*context.files, packet + primary_octets, octets - primary_octets);
        return;
    }
    execute_packet(context, packet, octets, {});
}

void refuse_mode_request(CommandContext& context, std::uint8_t mode) {
    const PendingMode pending = context.pending;
    context.pending = {};
    if (pending.waiting == 0) return;
    ++context.account.commands_failed;
    tell(context, {Message::completion_failure, pending.request,
                   static_cast<std::uint16_t>(FailureCode::execution), mode});
}

void finish_mode_request(CommandContext& context, std::uint8_t mode) {
    const PendingMode pending = context.pending;
    if (pending.waiting == 0) return;
    FailureCode code = FailureCode::execution;  // the autonomy said nothing
    for (std::size_t i = 0; i < context.events.count && i < EventList::capacity; ++i) {
        const Event& event = context.events.items[i];
        if (event.id == static_cast<std::uint16_t>(EventId::mode_request_accepted)) code = FailureCode::none;
        if (event.id == static_cast<std::uint16_t>(EventId::mode_request_refused))
            code = FailureCode::not_allowed;
    }
    context.pending = {};
    if (code != FailureCode::none) {
        ++context.account.commands_failed;
        tell(context, {Message::completion_failure, pending.request, static_cast<std::uint16_t>(code), mode});
        return;
    }
    ++context.account.commands_completed;
    if (pending.report_completion != 0) tell(context, {Message::completion_success, pending.request});
}

}  // namespace safehold::cdh
