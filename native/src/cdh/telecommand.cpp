#include "safehold/cdh/telecommand.hpp"

#include "safehold/cdh/octets.hpp"
#include "safehold/gnc/overrides.hpp"

namespace safehold::cdh {
namespace {

constexpr std::size_t packet_header_octets = 11;
constexpr std::uint16_t setting_control_period = 1000;  // the host's alone: it is how often a step is made
constexpr std::uint8_t acknowledge_acceptance = 1;
constexpr std::uint8_t acknowledge_completion = 8;

struct Failure {
    FailureCode code;
    std::uint32_t parameter;
};

struct Request {
    RequestId id;
    std::uint8_t acknowledge;
    const TelecommandEntry* entry;
    std::array<double, telecommand_arguments_max> arguments;
};

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

// Reads a whole telecommand packet into a request; nothing is executed here.
Failure read_request(const std::uint8_t* packet, std::size_t octets, Request& request) {
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
    const auto came = static_cast<std::uint32_t>(reader.left());
    std::uint32_t outside = 0;
    for (std::size_t i = 0; i < request.entry->argument_count; ++i) {
        const ArgumentEntry& argument = request.entry->arguments[i];
        const double value = read_argument(reader, argument.type);
        const bool inside = value >= argument.min && value <= argument.max;  // false for NaN
        if (!inside && outside == 0) outside = static_cast<std::uint32_t>(i) + 1;
        request.arguments[i] = value;
    }
    if (reader.failed() || reader.left() != 0) return {FailureCode::length, came};
    if (outside != 0) return {FailureCode::range, outside - 1};
    return {FailureCode::none, 0};
}

// The mode and its target become a request that the autonomy answers later in the tick; one a tick.
Failure request_mode(CommandContext& context, const Request& request, std::uint8_t mode,
                     std::uint8_t submode) {
    if (context.pending.waiting != 0) return {FailureCode::queue_full, 1};
    context.mode_request.mode = mode;
    context.mode_request.submode = submode;
    context.mode_request.valid = 1;
    context.pending = {
        request.id, 1,
        static_cast<std::uint8_t>((request.acknowledge & acknowledge_completion) != 0 ? 1 : 0)};
    return {FailureCode::none, 0};
}

std::uint16_t to_u16(double value) {
    return value >= 0.0 && value <= 65535.0 ? static_cast<std::uint16_t>(value) : std::uint16_t{0};
}

std::uint8_t to_u8(double value) {
    return static_cast<std::uint8_t>(to_u16(value));
}

Failure set_unit_health(CommandContext& context, std::uint8_t kind, std::uint8_t unit, std::uint8_t to) {
    switch (override_unit(context.autonomy, context.parameters, static_cast<UnitKind>(kind), unit,
                          static_cast<UnitOverride>(to), context.autonomous, context.events)) {
        case OverrideAnswer::done:
            return {FailureCode::none, 0};
        case OverrideAnswer::unit_unknown:
            return {FailureCode::range, 1};
        case OverrideAnswer::last_good:
            return {FailureCode::not_allowed, unit};
    }
    return {FailureCode::execution, 0};
}

Failure execute(CommandContext& context, const Request& request) {
    constexpr auto mode_mission = static_cast<std::uint8_t>(Mode::mission);
    constexpr auto submode_target = static_cast<std::uint8_t>(Submode::target);
    constexpr auto submode_inertial_hold = static_cast<std::uint8_t>(Submode::inertial_hold);
    const auto& argument = request.arguments;
    switch (static_cast<TelecommandId>(request.entry->id)) {
        case TelecommandId::ping:
            report_alive(context.account, context.clock_ns);
            return {FailureCode::none, 0};
        case TelecommandId::set_mode:
            return request_mode(context, request, to_u8(argument[0]), 0);
        case TelecommandId::point_at_target: {
            const Failure failure = request_mode(context, request, mode_mission, submode_target);
            if (failure.code == FailureCode::none) {
                context.mode_request.target_itrs_m = {argument[0], argument[1], argument[2]};
            }
            return failure;
        }
        case TelecommandId::hold_attitude: {
            const Failure failure = request_mode(context, request, mode_mission, submode_inertial_hold);
            if (failure.code == FailureCode::none) {
                context.mode_request.attitude_body_from_gcrf = {argument[0], argument[1], argument[2],
                                                                argument[3]};
            }
            return failure;
        }
        case TelecommandId::request_housekeeping:
            report_housekeeping(context.account, context.clock_ns, context.telemetry, to_u8(argument[0]));
            return {FailureCode::none, 0};
        case TelecommandId::set_setting: {
            const std::uint16_t id = to_u16(argument[0]);
            if (id == setting_control_period) return {FailureCode::not_allowed, id};
            const FailureCode code = set_setting(context.parameters, id, to_u16(argument[1]), argument[2]);
            if (code == FailureCode::none)
                context.events.add(EventId::setting_changed, id, argument[1], argument[2]);
            return {code, id};
        }
        case TelecommandId::set_unit_health:
            return set_unit_health(context, to_u8(argument[0]), to_u8(argument[1]), to_u8(argument[2]));
    }
    return {FailureCode::execution, 0};
}

}  // namespace

void handle_packet(CommandContext& context, const std::uint8_t* packet, std::size_t octets) {
    CdhAccount& account = context.account;
    const bool telecommand = octets >= packet_header_octets + 2 && (packet[0] & 0xF8U) == 0x18U &&
                             (packet[2] & 0xC0U) == 0xC0U;
    if (!telecommand) {
        ++account.frames_dropped[static_cast<std::size_t>(FrameDrop::header)];
        return;
    }
    Request request{};
    request.id.value = (static_cast<std::uint32_t>(packet[0]) << 24) |
                       (static_cast<std::uint32_t>(packet[1]) << 16) |
                       (static_cast<std::uint32_t>(packet[2]) << 8) | packet[3];
    request.acknowledge = packet[6] & 0x0FU;
    Failure failure = read_request(packet, octets, request);
    if (failure.code != FailureCode::none) {
        ++account.commands_refused;
        report_failure(account, context.clock_ns, Message::acceptance_failure, request.id,
                       static_cast<std::uint16_t>(failure.code), failure.parameter);
        return;
    }
    ++account.commands_accepted;
    if ((request.acknowledge & acknowledge_acceptance) != 0) {
        report_verification(account, context.clock_ns, Message::acceptance_success, request.id);
    }
    const std::uint8_t waiting_before = context.pending.waiting;
    failure = execute(context, request);
    if (failure.code != FailureCode::none) {
        ++account.commands_failed;
        report_failure(account, context.clock_ns, Message::completion_failure, request.id,
                       static_cast<std::uint16_t>(failure.code), failure.parameter);
        return;
    }
    if (context.pending.waiting != waiting_before) return;  // completed by finish_mode_request
    ++account.commands_completed;
    if ((request.acknowledge & acknowledge_completion) != 0) {
        report_verification(account, context.clock_ns, Message::completion_success, request.id);
    }
}

void finish_mode_request(CdhAccount& account, std::int64_t clock_ns, const PendingMode& pending,
                         const EventList& events, std::uint8_t mode) {
    if (pending.waiting == 0) return;
    FailureCode code = FailureCode::execution;  // the autonomy said nothing
    for (std::size_t i = 0; i < events.count && i < EventList::capacity; ++i) {
        const Event& event = events.items[i];
        if (event.id == static_cast<std::uint16_t>(EventId::mode_request_accepted)) code = FailureCode::none;
        if (event.id == static_cast<std::uint16_t>(EventId::mode_request_refused))
            code = FailureCode::not_allowed;
    }
    if (code != FailureCode::none) {
        ++account.commands_failed;
        report_failure(account, clock_ns, Message::completion_failure, pending.request,
                       static_cast<std::uint16_t>(code), mode);
        return;
    }
    ++account.commands_completed;
    if (pending.report_completion != 0) {
        report_verification(account, clock_ns, Message::completion_success, pending.request);
    }
}

}  // namespace safehold::cdh
