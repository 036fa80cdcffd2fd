// The crypto stage's telecommands: functions of PUS 8. The stage is outside the replicas; it is asked by a
// voted request.
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

Outcome check_key(const CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint16_t id = to_u16(argument[0]);
    return security::holds_key(context.security, id) ? Outcome{} : Outcome{FailureCode::unknown, id};
}

Outcome run_select(CommandContext& context, const Request&, const Arguments& argument) {
    context.security_request.select = to_u16(argument[0]);
    return {};
}

constexpr std::array<Handler, 1> handlers = {{
    {TelecommandId::select_key, check_key, run_select},
}};

}  // namespace

HandlerTable security_handlers() {
    return {handlers.data(), handlers.size()};
}

}  // namespace safehold::cdh
