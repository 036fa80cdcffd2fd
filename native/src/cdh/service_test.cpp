// PUS 17, test.
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

Outcome run_ping(CommandContext& context, const Request&, const Arguments&) {
    report_alive(context.account, context.clock_ns);
    return {};
}

// There is one application process on board.
Outcome check_connection(const CommandContext&, const Request&, const Arguments& argument) {
    const std::uint16_t apid = to_u16(argument[0]);
    return apid == apid_flight ? Outcome{} : Outcome{FailureCode::unknown, apid};
}

Outcome run_connection(CommandContext& context, const Request&, const Arguments& argument) {
    Packet packet(context.account, Message::connection, context.clock_ns);
    packet.data().u16(to_u16(argument[0]));
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, 0};
}

constexpr std::array<Handler, 2> handlers = {{
    {TelecommandId::ping, nullptr, run_ping},
    {TelecommandId::test_connection, check_connection, run_connection},
}};

}  // namespace

HandlerTable test_handlers() {
    return {handlers.data(), handlers.size()};
}

}  // namespace safehold::cdh
