// PUS 5, event reporting: which events are reported.
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

static_assert(event_entries.size() <= EventReportControl::events_max);

// The event's row in the table; the number of rows if there is none.
std::size_t row_of(std::uint16_t id) {
    std::size_t low = 0;
    std::size_t high = event_entries.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (event_entries[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < event_entries.size() && event_entries[low].id == id ? low : event_entries.size();
}

bool is_disabled(const EventReportControl& control, std::size_t row) {
    return row < event_entries.size() && ((control.disabled[row / 64] >> (row % 64)) & 1U) != 0;
}

Outcome check_enable(const CommandContext&, const Request&, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    return row_of(id) < event_entries.size() ? Outcome{} : Outcome{FailureCode::unknown, id};
}

// What is of high severity is always told.
Outcome check_disable(const CommandContext& context, const Request& request, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    const Outcome known = check_enable(context, request, argument);
    if (known.code != FailureCode::none) return known;
    if (event_entries[row_of(id)].severity == Severity::high) return {FailureCode::not_allowed, id};
    return {};
}

Outcome run_enable(CommandContext& context, const Request&, const Arguments& argument) {
    const std::size_t row = row_of(to_u16(argument[0]));
    context.services.events.disabled[row / 64] &= ~(std::uint64_t{1} << (row % 64));
    return {};
}

Outcome run_disable(CommandContext& context, const Request&, const Arguments& argument) {
    const std::size_t row = row_of(to_u16(argument[0]));
    context.services.events.disabled[row / 64] |= std::uint64_t{1} << (row % 64);
    return {};
}

Outcome run_report(CommandContext& context, const Request&, const Arguments&) {
    Packet packet(context.account, Message::events_disabled, context.clock_ns);
    std::uint16_t count = 0;
    for (std::size_t row = 0; row < event_entries.size(); ++row)
        count = static_cast<std::uint16_t>(count + (is_disabled(context.services.events, row) ? 1 : 0));
    packet.data().u16(count);
    for (std::size_t row = 0; row < event_entries.size(); ++row) {
        if (is_disabled(context.services.events, row)) packet.data().u16(event_entries[row].id);
    }
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

constexpr std::array<Handler, 3> handlers = {{
    {TelecommandId::enable_event_reports, check_enable, run_enable},
    {TelecommandId::disable_event_reports, check_disable, run_disable},
    {TelecommandId::report_disabled_events, nullptr, run_report},
}};

}  // namespace

HandlerTable event_handlers() {
    return {handlers.data(), handlers.size()};
}

bool is_reported(const EventReportControl& control, std::uint16_t event_id) {
    const std::size_t row = row_of(event_id);
    if (row >= event_entries.size()) return true;
    return event_entries[row].severity == Severity::high || !is_disabled(control, row);
}

}  // namespace safehold::cdh
