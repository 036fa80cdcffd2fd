// PUS 9, time: how often time reports are sent. The reports themselves are made with the periodic ones.
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

Outcome run_rate(CommandContext& context, const Request&, const Arguments& argument) {
    context.services.time_report_exponent = to_u8(argument[0]);
    return {};
}

constexpr std::array<Handler, 1> handlers = {{
    {TelecommandId::set_time_report_rate, nullptr, run_rate},
}};

}  // namespace

HandlerTable time_handlers() {
    return {handlers.data(), handlers.size()};
}

}  // namespace safehold::cdh
