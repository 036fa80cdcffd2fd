// PUS 6, memory management, over a whitelist of areas.
//
// The ground names an area and an offset, never an address. Settings alone can be written, and only if all of
// them are sound afterwards; the rest is read.
#include <cstring>

#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

enum class AreaId : std::uint8_t { settings = 1, control = 2, telemetry = 3 };

struct Area {
    const std::uint8_t* octets;
    std::size_t size;
};

Area find_area(const CommandContext& context, std::uint8_t id) {
    switch (static_cast<AreaId>(id)) {
        case AreaId::settings:
            return {reinterpret_cast<const std::uint8_t*>(&context.parameters), sizeof(Parameters)};
        case AreaId::control:
            return {context.control, context.control_octets};
        case AreaId::telemetry:
            return {reinterpret_cast<const std::uint8_t*>(&context.telemetry), sizeof(Telemetry)};
    }
    return {nullptr, 0};
}

Outcome check_range(const CommandContext& context, const Arguments& argument) {
    const std::uint8_t id = to_u8(argument[0]);
    const Area area = find_area(context, id);
    if (area.octets == nullptr) return {FailureCode::unknown, id};
    const std::uint32_t offset = to_u32(argument[1]);
    const std::uint32_t length = to_u32(argument[2]);
    if (offset > area.size || length > area.size - offset) {
        return {FailureCode::outside_area, static_cast<std::uint32_t>(area.size)};
    }
    return {};
}

// --- 6,2 load
// ------------------------------------------------------------------------------------------------------

// Every setting within its limits, the host's own control period unchanged, nothing in the spare octets.
bool is_sound(const Parameters& candidate, const Parameters& now) {
    if (candidate.control_period_s != now.control_period_s) return false;
    Parameters rebuilt = now;
    for (const SettingEntry& entry : setting_entries) {
        for (std::uint16_t i = 0; i < entry.count; ++i) {
            const double value = setting_value(candidate, entry, i);
            if (set_setting(rebuilt, entry.id, i, value) != FailureCode::none) return false;
        }
    }
    return std::memcmp(&rebuilt, &candidate, sizeof rebuilt) == 0;
}

// The parameters as they would be.
Parameters loaded(const CommandContext& context, const Request& request, const Arguments& argument) {
    Parameters candidate = context.parameters;
    std::memcpy(reinterpret_cast<std::uint8_t*>(&candidate) + to_u32(argument[1]), request.tail,
                to_u16(argument[2]));
    return candidate;
}

Outcome check_load(const CommandContext& context, const Request& request, const Arguments& argument) {
    const std::uint8_t id = to_u8(argument[0]);
    const std::size_t length = to_u16(argument[2]);
    if (request.tail_octets != length + 2) {
        return {FailureCode::length, static_cast<std::uint32_t>(request.tail_octets)};
    }
    const Outcome range = check_range(context, argument);
    if (range.code != FailureCode::none) return range;
    if (id != static_cast<std::uint8_t>(AreaId::settings)) return {FailureCode::not_allowed, id};
    if (crc16(request.tail, request.tail_octets) != 0) return {FailureCode::checksum, 0};
    if (!is_sound(loaded(context, request, argument), context.parameters)) return {FailureCode::unsound, id};
    return {};
}

Outcome run_load(CommandContext& context, const Request& request, const Arguments& argument) {
    context.parameters = loaded(context, request, argument);
    context.events.add(EventId::memory_loaded, argument[0], argument[1], argument[2]);
    return {};
}

// --- 6,5 dump and 6,9 check: one report a range
// ---------------------------------------------------------------------------

constexpr std::size_t ranges_max = 8;  // in one telecommand: work in a tick is bounded

Outcome check_read(const CommandContext& context, const Request& request, const Arguments& argument) {
    if (request.groups > ranges_max) return {FailureCode::range, ranges_max};
    return check_range(context, argument);
}

Outcome run_dump(CommandContext& context, const Request&, const Arguments& argument) {
    const Area area = find_area(context, to_u8(argument[0]));
    const std::uint8_t* at = area.octets + to_u32(argument[1]);
    const std::size_t length = to_u16(argument[2]);
    Packet packet(context.account, Message::memory_dump, context.clock_ns);
    packet.data().u8(to_u8(argument[0]));
    packet.data().u32(to_u32(argument[1]));
    packet.data().u16(static_cast<std::uint16_t>(length));
    for (std::size_t i = 0; i < length; ++i)
        packet.data().u8(at[i]);
    packet.data().u16(crc16(at, length));
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

Outcome run_check(CommandContext& context, const Request&, const Arguments& argument) {
    const Area area = find_area(context, to_u8(argument[0]));
    Packet packet(context.account, Message::memory_check, context.clock_ns);
    packet.data().u8(to_u8(argument[0]));
    packet.data().u32(to_u32(argument[1]));
    packet.data().u32(to_u32(argument[2]));
    packet.data().u16(crc16(area.octets + to_u32(argument[1]), to_u32(argument[2])));
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

// A refused one is an event too: writing to a wrong address is how a spacecraft was lost (Mars Global
// Surveyor, 2006).
template <Outcome (*check)(const CommandContext&, const Request&, const Arguments&)>
Outcome check_and_tell(const CommandContext& context, const Request& request, const Arguments& argument) {
    const Outcome outcome = check(context, request, argument);
    if (outcome.code != FailureCode::none) {
        context.events.add(EventId::memory_refused, argument[0], argument[1], argument[2],
                           static_cast<double>(outcome.code));
    }
    return outcome;
}

constexpr std::array<Handler, 3> handlers = {{
    {TelecommandId::load_memory, check_and_tell<check_load>, run_load},
    {TelecommandId::dump_memory, check_and_tell<check_read>, run_dump},
    {TelecommandId::check_memory, check_and_tell<check_read>, run_check},
}};

}  // namespace

HandlerTable memory_handlers() {
    return {handlers.data(), handlers.size()};
}

}  // namespace safehold::cdh
