// PUS 15, storage and retrieval: the ground's word to the recorder.
//
// Ranges are record numbers, not times: the number modulo 16,384 is the packet's sequence count, so that a
// gap in it says what to ask for (subtype 128, specific to this mission). What the ground has acknowledged is
// part of the control state; what is to be played back is not, for it decides about the downlink alone.
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"

namespace safehold::cdh {
namespace {

Outcome outcome_of(RecorderAnswer answer, std::uint32_t stream) {
    switch (answer) {
        case RecorderAnswer::done:
            return {};
        case RecorderAnswer::stream_unknown:
            return {FailureCode::unknown, stream};
        case RecorderAnswer::range_wrong:
            return {FailureCode::range, stream};
        case RecorderAnswer::full:
            return {FailureCode::queue_full, stream};
    }
    return {FailureCode::execution, stream};
}

// Events, verification and the black box are never left out.
Outcome check_disable(const CommandContext&, const Request&, const Arguments& argument) {
    const std::uint8_t stream = to_u8(argument[0]);
    const bool always = stream <= static_cast<std::uint8_t>(Stream::black_box);
    return always ? Outcome{FailureCode::not_allowed, stream} : Outcome{};
}

Outcome run_enable(CommandContext& context, const Request&, const Arguments& argument) {
    const unsigned bit = 1U << (to_u8(argument[0]) & 7U);
    context.services.storage_disabled = static_cast<std::uint8_t>(context.services.storage_disabled & ~bit);
    return {};
}

Outcome run_disable(CommandContext& context, const Request&, const Arguments& argument) {
    const unsigned bit = 1U << (to_u8(argument[0]) & 7U);
    context.services.storage_disabled = static_cast<std::uint8_t>(context.services.storage_disabled | bit);
    return {};
}

Outcome run_play_back(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t stream = to_u8(argument[0]);
    return outcome_of(request_playback(context.account.recorder, context.store, stream, to_u32(argument[1]),
                                       to_u32(argument[2])),
                      stream);
}

Outcome run_acknowledge(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t stream = to_u8(argument[0]);
    return outcome_of(acknowledge(context.recorder, context.store, stream, to_u32(argument[1])), stream);
}

Outcome run_report(CommandContext& context, const Request&, const Arguments& argument) {
    const std::uint8_t stream = to_u8(argument[0]);
    const StreamSummary summary =
        summarise(context.account.recorder, context.recorder, context.store, static_cast<Stream>(stream));
    Packet packet(context.account, Message::storage_summary, context.clock_ns);
    packet.data().u8(stream);
    packet.data().u8(is_stored(context.services, stream) ? 1 : 0);
    packet.data().u64(summary.first);
    packet.data().u64(summary.next);
    packet.data().u64(summary.sent);
    packet.data().u64(summary.acknowledged);
    packet.data().u64(summary.octets);
    packet.data().u64(summary.quota_octets);
    packet.data().u32(summary.given_up);
    return packet.finish() ? Outcome{} : Outcome{FailureCode::queue_full, stream};
}

constexpr std::array<Handler, 5> handlers = {{
    {TelecommandId::enable_storage, nullptr, run_enable},
    {TelecommandId::disable_storage, check_disable, run_disable},
    {TelecommandId::play_back, nullptr, run_play_back},
    {TelecommandId::acknowledge_records, nullptr, run_acknowledge},
    {TelecommandId::report_storage, nullptr, run_report},
}};

}  // namespace

HandlerTable storage_handlers() {
    return {handlers.data(), handlers.size()};
}

bool is_stored(const ServicesState& services, std::uint8_t stream) {
    return stream <= static_cast<std::uint8_t>(Stream::black_box) ||
           ((services.storage_disabled >> (stream & 7U)) & 1U) == 0;
}

}  // namespace safehold::cdh
