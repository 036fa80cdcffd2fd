// What the services have in common: their start, their telemetry, and what is told of what was not executed.
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {

void services_init(ServicesState& state) {
    constexpr std::uint32_t one_second_ms = 1000;
    constexpr std::uint8_t every_8_seconds = 3;
    state = ServicesState{};
    state.housekeeping.interval_ms.fill(one_second_ms);
    state.housekeeping.enabled = 1U << 1U;
    state.schedule.enabled = 1;
    state.time_report_exponent = every_8_seconds;
}

void fill_service_telemetry(const ServicesState& services, const CdhAccount& account, Telemetry& telemetry) {
    telemetry.schedule_activities = services.schedule.count;
    telemetry.schedule_enabled = services.schedule.enabled;
    telemetry.armed_command = services.arming.command;
    unsigned disabled = 0;
    for (std::uint64_t word : services.events.disabled) {
        disabled += static_cast<unsigned>(std::popcount(word));
    }
    telemetry.event_reports_disabled = static_cast<std::uint16_t>(disabled);
    telemetry.activities_executed = account.activities_executed;
    telemetry.activities_expired = account.activities_expired;
    telemetry.activities_interrupted = account.activities_interrupted;
}

void report_not_executed(CommandContext& context, RequestId request, Message message, FailureCode code) {
    ++context.account.commands_failed;
    context.control_dirty = true;
    hold_verification(context.services.held, context.account, context.clock_ns,
                      {message, request, static_cast<std::uint16_t>(code)}, context.persist_next);
}

void report_interrupted(CommandContext& context, RequestId request) {
    ++context.account.activities_interrupted;
    context.events.add(EventId::activity_interrupted, request.value & 0x3FFFU);
    report_not_executed(context, request, Message::completion_failure, FailureCode::interrupted);
}

}  // namespace safehold::cdh
