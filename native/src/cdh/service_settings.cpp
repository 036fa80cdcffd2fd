// PUS 20, on-board parameters: the settings, range-checked stores and loads within the struct Parameters.
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

constexpr std::uint16_t setting_control_period = 1000;  // the host's alone: it is how often a step is made

const SettingEntry* find_setting(std::uint16_t id) {
    for (const SettingEntry& entry : setting_entries) {
        if (entry.id == id) return &entry;
    }
    return nullptr;
}

Outcome check_set(const CommandContext&, const Request&, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    const SettingEntry* entry = find_setting(id);
    if (entry == nullptr) return {FailureCode::unknown, id};
    if (id == setting_control_period) return {FailureCode::not_allowed, id};
    const bool inside = argument[2] >= entry->min && argument[2] <= entry->max;  // false for NaN
    if (to_u16(argument[1]) >= entry->count || !inside) return {FailureCode::range, id};
    return {};
}

Outcome run_set(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    const FailureCode code = set_setting(context.parameters, id, to_u16(argument[1]), argument[2]);
    if (code != FailureCode::none) return {code, id};
    context.events.add(EventId::setting_changed, id, argument[1], argument[2]);
    return {};
}

Outcome check_report(const CommandContext&, const Request&, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    return find_setting(id) != nullptr ? Outcome{} : Outcome{FailureCode::unknown, id};
}

// One report a setting, with every value of an array.
Outcome run_report(CommandContext& context, const Request&, const Arguments& argument) {
    const SettingEntry& entry = *find_setting(to_u16(argument[0]));
    Packet packet(context.account, Message::settings, context.clock_ns);
    packet.data().u16(entry.id);
    packet.data().u16(entry.count);
    for (std::uint16_t i = 0; i < entry.count; ++i)
        packet.data().f64(setting_value(context.parameters, entry, i));
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

constexpr std::array<Handler, 2> handlers = {{
    {TelecommandId::set_setting, check_set, run_set},
    {TelecommandId::report_settings, check_report, run_report},
}};

}  // namespace

HandlerTable setting_handlers() {
    return {handlers.data(), handlers.size()};
}

FailureCode set_setting(Parameters& parameters, std::uint16_t id, std::uint16_t index, double value) {
    const SettingEntry* entry = find_setting(id);
    if (entry == nullptr) return FailureCode::execution;
    if (index >= entry->count) return FailureCode::range;
    if (!(value >= entry->min && value <= entry->max)) return FailureCode::range;  // NaN fails both
    auto* base = reinterpret_cast<std::uint8_t*>(&parameters);
    store_number(base + entry->offset + index * octets_of(entry->type), entry->type, value);
    return FailureCode::none;
}

double setting_value(const Parameters& parameters, const SettingEntry& entry, std::size_t index) {
    if (index >= entry.count) return 0.0;
    const auto* base = reinterpret_cast<const std::uint8_t*>(&parameters);
    return load_number(base + entry.offset + index * octets_of(entry.type), entry.type);
}

}  // namespace safehold::cdh
