// The crypto stage's telecommands: functions of PUS 8. The stage is outside the replicas; it is asked by a
// voted request.
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

// One change at a time, so that each is known to be in force or not.
Outcome check_key(const CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    if (context.services.key_change.waiting != 0) return {FailureCode::queue_full, 1};
    return security::holds_key(context.security, id) ? Outcome{} : Outcome{FailureCode::unknown, id};
}

Outcome run_select(CommandContext& context, const Request&, const Arguments& argument) {
    context.security_request.select = to_u16(argument[0]);
    return {FailureCode::none, 0, Later::key};
}

constexpr std::array<Handler, 1> handlers = {{
    {TelecommandId::select_key, check_key, run_select},
}};

}  // namespace

HandlerTable security_handlers() {
    return {handlers.data(), handlers.size()};
}

// It is in force once it is kept. After a reset in between, what is in force is what was kept.
void finish_key_change(CommandContext& context) {
    const KeyChange change = context.services.key_change;
    if (change.waiting == 0) return;
    context.services.key_change = {};
    context.control_dirty = true;
    const RequestId request{change.request};
    if (context.security.kept.active != change.key) {
        report_not_executed(context, request, Message::completion_failure, FailureCode::execution);
        return;
    }
    ++context.account.commands_completed;
    if (change.report_completion == 0) return;
    hold_verification(context.services.held, context.account, context.clock_ns,
                      {Message::completion_success, request}, context.persist_next);
}

}  // namespace safehold::cdh
