// PUS 8, functions: modes, pointing, units, the arming of dangerous telecommands,
// and the reset of the computer.
#include "safehold/cdh/services.hpp"
#include "safehold/gnc/overrides.hpp"

namespace safehold::cdh {
namespace {

// The mode and its target become a request that the autonomy answers later in the tick; one a tick.
Outcome check_mode(const CommandContext& context, const Request&, const Arguments&) {
    return context.pending.waiting == 0 ? Outcome{} : Outcome{FailureCode::queue_full, 1};
}

Outcome request_mode(CommandContext& context, Mode mode, Submode submode) {
    context.mode_request.mode = static_cast<std::uint8_t>(mode);
    context.mode_request.submode = static_cast<std::uint8_t>(submode);
    context.mode_request.valid = 1;
    return {FailureCode::none, 0, Later::mode};
}

Outcome run_set_mode(CommandContext& context, const Request&, const Arguments& argument) {
    return request_mode(context, static_cast<Mode>(to_u8(argument[0])), Submode::none);
}

Outcome run_point(CommandContext& context, const Request&, const Arguments& argument) {
    context.mode_request.target_itrs_m = {argument[0], argument[1], argument[2]};
    return request_mode(context, Mode::mission, Submode::target);
}

Outcome run_hold(CommandContext& context, const Request&, const Arguments& argument) {
    context.mode_request.attitude_body_from_gcrf = {argument[0], argument[1], argument[2], argument[3]};
    return request_mode(context, Mode::mission, Submode::inertial_hold);
}

Outcome run_unit_health(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t unit = to_u8(argument[1]);
    switch (override_unit(context.autonomy, context.parameters, static_cast<UnitKind>(to_u8(argument[0])),
                          unit, static_cast<UnitOverride>(to_u8(argument[2])), context.autonomous,
                          context.events)) {
        case OverrideAnswer::done:
            return {};
        case OverrideAnswer::unit_unknown:
            return {FailureCode::range, 1};
        case OverrideAnswer::last_good:
            return {FailureCode::not_allowed, unit};
    }
    return {FailureCode::execution, 0};
}

// --- arm and fire
// --------------------------------------------------------------------------------------------------

bool is_dangerous(std::uint16_t command) {
    for (const TelecommandEntry& entry : telecommand_entries) {
        if (entry.id == command) return entry.dangerous != 0;
    }
    return false;
}

Outcome check_arm(const CommandContext&, const Request&, const Arguments& argument) {
    const std::uint16_t command = to_u16(argument[0]);
    return is_dangerous(command) ? Outcome{} : Outcome{FailureCode::unknown, command};
}

Outcome run_arm(CommandContext& context, const Request&, const Arguments& argument) {
    context.services.arming = {to_u32(argument[1]) * 1000U, to_u16(argument[0]), 0};
    context.events.add(EventId::command_armed, argument[0], argument[1]);
    return {};
}

void end_arming(CommandContext& context, double reason) {
    Arming& arming = context.services.arming;
    if (arming.command != 0) context.events.add(EventId::command_disarmed, arming.command, reason);
    arming = {};
}

// The reports wait in the state that is kept at the end of this tick, and leave after the start.
Outcome run_reset(CommandContext& context, const Request&, const Arguments&) {
    context.reset_request = 1;
    return {};
}

Outcome run_disarm(CommandContext& context, const Request&, const Arguments&) {
    constexpr double commanded = 3.0;
    end_arming(context, commanded);
    return {};
}

constexpr std::array<Handler, 7> handlers = {{
    {TelecommandId::set_mode, check_mode, run_set_mode},
    {TelecommandId::point_at_target, check_mode, run_point},
    {TelecommandId::hold_attitude, check_mode, run_hold},
    {TelecommandId::set_unit_health, nullptr, run_unit_health},
    {TelecommandId::arm, check_arm, run_arm},
    {TelecommandId::disarm, nullptr, run_disarm},
    {TelecommandId::reset_computer, nullptr, run_reset},
}};

}  // namespace

HandlerTable function_handlers() {
    return {handlers.data(), handlers.size()};
}

void arming_step(CommandContext& context) {
    constexpr double timed_out = 2.0;
    constexpr double reset = 4.0;
    constexpr std::uint32_t longest_ms = 600'000;
    Arming& arming = context.services.arming;
    if (arming.command == 0 && arming.left_ms == 0) return;
    const auto tick_ms = static_cast<std::uint32_t>(context.tick_ns / 1'000'000);
    if (context.restarted || context.restored) return end_arming(context, reset);
    if (arming.left_ms <= tick_ms || arming.left_ms > longest_ms) return end_arming(context, timed_out);
    arming.left_ms -= tick_ms;
}

}  // namespace safehold::cdh
