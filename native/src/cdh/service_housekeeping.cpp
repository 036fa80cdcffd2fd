// PUS 3, housekeeping: structures of the dictionary and a few that the ground defines.
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

bool built_in(std::uint8_t structure) {
    for (const TelemetryEntry& entry : telemetry_entries) {
        if (entry.structure == structure) return true;
    }
    return false;
}

// Only the first ones can be periodic; the others are there on request.
bool periodic(std::uint8_t structure) {
    return structure >= 1 && structure <= built_in_structures_max && built_in(structure);
}

UserStructure* find_user(HousekeepingControl& control, std::uint8_t id) {
    for (UserStructure& structure : control.user) {
        if (id != 0 && structure.id == id) return &structure;
    }
    return nullptr;
}

const UserStructure* find_user(const HousekeepingControl& control, std::uint8_t id) {
    for (const UserStructure& structure : control.user) {
        if (id != 0 && structure.id == id) return &structure;
    }
    return nullptr;
}

const TelemetryEntry* find_parameter(std::uint16_t id) {
    for (const TelemetryEntry& entry : telemetry_entries) {
        if (entry.id == id) return &entry;
    }
    return nullptr;
}

std::size_t octets_of_entry(const TelemetryEntry& entry) {
    return entry.count * octets_of(entry.type);
}

std::size_t parameters_of(const UserStructure& structure) {
    return structure.count < user_parameters_max ? structure.count : user_parameters_max;
}

void put_parameter(Writer& writer, const Telemetry& telemetry, const TelemetryEntry& entry) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(&telemetry) + entry.offset;
    for (std::size_t i = 0; i < entry.count; ++i)
        put_value(writer, at + i * octets_of(entry.type), entry.type);
}

void report_user(CdhAccount& account, std::int64_t clock_ns, const Telemetry& telemetry,
                 const UserStructure& structure) {
    Packet packet(account, Message::housekeeping, clock_ns);
    packet.data().u16(structure.id);
    for (std::size_t i = 0; i < parameters_of(structure); ++i) {
        const TelemetryEntry* entry = find_parameter(structure.parameters[i]);
        if (entry != nullptr) put_parameter(packet.data(), telemetry, *entry);
    }
    packet.finish();
}

// --- 3,1 create: one group a parameter
// ---------------------------------------------------------------------------------

Outcome check_create(const CommandContext& context, const Request& request, const Arguments& argument) {
    const HousekeepingControl& control = context.services.housekeeping;
    const std::uint8_t id = to_u8(argument[0]);
    if (request.groups > user_parameters_max) return {FailureCode::range, user_parameters_max};
    if (find_user(control, id) != nullptr || built_in(id)) return {FailureCode::duplicate, id};
    const std::uint16_t parameter = to_u16(argument[2]);
    if (find_parameter(parameter) == nullptr) return {FailureCode::unknown, parameter};
    for (const UserStructure& structure : control.user) {
        if (structure.id == 0) return {};
    }
    return {FailureCode::queue_full, user_structures_max};
}

// The first group takes a free place, the others add to it.
Outcome run_create(CommandContext& context, const Request&, const Arguments& argument) {
    HousekeepingControl& control = context.services.housekeeping;
    const std::uint8_t id = to_u8(argument[0]);
    UserStructure* structure = find_user(control, id);
    for (UserStructure& place : control.user) {
        if (structure != nullptr) break;
        if (place.id != 0) continue;
        place = UserStructure{};
        place.id = id;
        place.interval_ms = to_u32(argument[1]);
        structure = &place;
    }
    if (structure == nullptr) return {FailureCode::queue_full, user_structures_max};
    const std::uint16_t parameter = to_u16(argument[2]);
    const TelemetryEntry* entry = find_parameter(parameter);
    std::size_t octets = entry == nullptr ? 0 : octets_of_entry(*entry);
    for (std::size_t i = 0; i < parameters_of(*structure); ++i) {
        const TelemetryEntry* there = find_parameter(structure->parameters[i]);
        if (there != nullptr) octets += octets_of_entry(*there);
    }
    constexpr std::size_t room = tm_packet_octets_max - tm_packet_header_octets - 2 - 2;
    if (entry == nullptr || octets > room || structure->count >= user_parameters_max) {
        *structure = UserStructure{};  // all or nothing
        return {FailureCode::length, static_cast<std::uint32_t>(octets)};
    }
    structure->parameters[structure->count++] = parameter;
    return {};
}

// --- 3,3 delete, 3,5 enable, 3,6 disable, 3,31 interval, 3,27 send now, 3,9 structure
// ----------------------------------

Outcome check_delete(const CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t id = to_u8(argument[0]);
    const UserStructure* structure = find_user(context.services.housekeeping, id);
    if (structure == nullptr) return {FailureCode::unknown, id};
    return structure->enabled == 0 ? Outcome{} : Outcome{FailureCode::not_allowed, id};
}

Outcome run_delete(CommandContext& context, const Request&, const Arguments& argument) {
    UserStructure* structure = find_user(context.services.housekeeping, to_u8(argument[0]));
    if (structure != nullptr) *structure = UserStructure{};
    return {};
}

Outcome check_periodic(const CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t id = to_u8(argument[0]);
    if (periodic(id) || find_user(context.services.housekeeping, id) != nullptr) return {};
    return {FailureCode::unknown, id};
}

void enable(HousekeepingControl& control, std::uint8_t id, bool on) {
    if (UserStructure* structure = find_user(control, id); structure != nullptr) {
        structure->enabled = on ? 1 : 0;
    } else if (id <= built_in_structures_max) {
        const std::uint32_t bit = 1U << id;
        control.enabled = on ? control.enabled | bit : control.enabled & ~bit;
    }
}

Outcome run_enable(CommandContext& context, const Request&, const Arguments& argument) {
    enable(context.services.housekeeping, to_u8(argument[0]), true);
    return {};
}

Outcome run_disable(CommandContext& context, const Request&, const Arguments& argument) {
    enable(context.services.housekeeping, to_u8(argument[0]), false);
    return {};
}

Outcome run_interval(CommandContext& context, const Request&, const Arguments& argument) {
    HousekeepingControl& control = context.services.housekeeping;
    const std::uint8_t id = to_u8(argument[0]);
    const std::uint32_t interval_ms = to_u32(argument[1]);
    if (UserStructure* structure = find_user(control, id); structure != nullptr) {
        structure->interval_ms = interval_ms;
    } else if (id >= 1 && id <= built_in_structures_max) {
        control.interval_ms[id - 1U] = interval_ms;
    }
    return {};
}

Outcome check_known(const CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t id = to_u8(argument[0]);
    if (built_in(id) || find_user(context.services.housekeeping, id) != nullptr) return {};
    return {FailureCode::unknown, id};
}

Outcome run_send(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t id = to_u8(argument[0]);
    const UserStructure* structure = find_user(context.services.housekeeping, id);
    if (structure != nullptr) {
        report_user(context.account, context.clock_ns, context.telemetry, *structure);
    } else {
        report_housekeeping(context.account, context.clock_ns, context.telemetry, id);
    }
    return {};
}

Outcome run_report(CommandContext& context, const Request&, const Arguments& argument) {
    const HousekeepingControl& control = context.services.housekeeping;
    const std::uint8_t id = to_u8(argument[0]);
    Packet packet(context.account, Message::structure, context.clock_ns);
    Writer& data = packet.data();
    data.u16(id);
    if (const UserStructure* structure = find_user(control, id); structure != nullptr) {
        data.u8(structure->enabled);
        data.u32(structure->interval_ms);
        data.u16(static_cast<std::uint16_t>(parameters_of(*structure)));
        for (std::size_t i = 0; i < parameters_of(*structure); ++i)
            data.u16(structure->parameters[i]);
    } else {
        const bool known = periodic(id);
        data.u8(known ? static_cast<std::uint8_t>((control.enabled >> id) & 1U) : std::uint8_t{0});
        data.u32(known ? control.interval_ms[id - 1U] : 0);
        std::uint16_t count = 0;
        for (const TelemetryEntry& entry : telemetry_entries)
            count = static_cast<std::uint16_t>(count + (entry.structure == id ? 1 : 0));
        data.u16(count);
        for (const TelemetryEntry& entry : telemetry_entries) {
            if (entry.structure == id) data.u16(entry.id);
        }
    }
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

constexpr std::array<Handler, 7> handlers = {{
    {TelecommandId::create_housekeeping, check_create, run_create},
    {TelecommandId::delete_housekeeping, check_delete, run_delete},
    {TelecommandId::enable_housekeeping, check_periodic, run_enable},
    {TelecommandId::disable_housekeeping, check_periodic, run_disable},
    {TelecommandId::set_housekeeping_interval, check_periodic, run_interval},
    {TelecommandId::request_housekeeping, check_known, run_send},
    {TelecommandId::report_housekeeping_structure, check_known, run_report},
}};

// Due in the first tick of each of its periods.
bool due(std::uint64_t ticks, std::int64_t tick_ns, std::uint64_t period_ns) {
    const auto tick = static_cast<std::uint64_t>(tick_ns);
    return period_ns != 0 && (ticks * tick) % period_ns < tick;
}

}  // namespace

HandlerTable housekeeping_handlers() {
    return {handlers.data(), handlers.size()};
}

void report_periodic(const ServicesState& services, CdhAccount& account, const Telemetry& telemetry,
                     std::int64_t clock_ns, std::uint64_t ticks, std::int64_t tick_ns) {
    constexpr std::uint64_t ns_per_ms = 1'000'000;
    const HousekeepingControl& control = services.housekeeping;
    for (std::uint8_t id = 1; id <= built_in_structures_max; ++id) {
        if (((control.enabled >> id) & 1U) == 0) continue;
        if (!due(ticks, tick_ns, control.interval_ms[id - 1U] * ns_per_ms) || !built_in(id)) continue;
        report_housekeeping(account, clock_ns, telemetry, id);
    }
    for (const UserStructure& structure : control.user) {
        if (structure.id == 0 || structure.enabled == 0) continue;
        if (!due(ticks, tick_ns, structure.interval_ms * ns_per_ms)) continue;
        report_user(account, clock_ns, telemetry, structure);
    }
    const unsigned exponent = services.time_report_exponent & 15U;
    if (due(ticks, tick_ns, (1'000'000'000ULL) << exponent)) {
        Packet packet(account, Message::time, clock_ns);
        packet.data().u8(static_cast<std::uint8_t>(exponent));
        packet.data().u8(account.downlink.channels[0].frame_count);
        put_time(packet.data(), clock_ns);
        packet.finish();
    }
}

}  // namespace safehold::cdh
