// A cycle's commands: uplink frames to packets, packets to what they ask for.
#include "safehold/cdh/services.hpp"
#include "safehold/cdh/tc_frames.hpp"
#include "safehold/computer/cycle.hpp"

namespace safehold::computer {
namespace {

constexpr auto mode_safe = static_cast<std::uint8_t>(Mode::safe);

// Frames to packets in the command buffer.
void take_uplink(Cycle& cycle) {
    cdh::UplinkState& uplink = cycle.state.control.uplink;
    cdh::CdhAccount& account = cycle.state.account.cdh;
    for (std::size_t i = 0; i < cycle.input.uplink_count && i < uplink_frames_max; ++i) {
        if (!cycle.budget.spend(10)) return;
        const UplinkFrame& frame = cycle.input.uplink[i];
        const bool sound =
            frame.length <= frame.octets.size() && crc32(frame.octets.data(), frame.length) == frame.crc;
        if (!sound) {
            ++account.frames_dropped[static_cast<std::size_t>(cdh::FrameDrop::integrity)];
            continue;
        }
        if (!cdh::accept_frame(uplink, account, frame.octets.data(), frame.length)) continue;
        modes_contact(cycle.state.control.autonomy.modes);
        cycle.control_dirty = true;
    }
}

// A bounded number of the packets that wait.
void execute_packets(Cycle& cycle, cdh::CommandContext& context) {
    cdh::UplinkState& uplink = cycle.state.control.uplink;
    std::array<std::uint8_t, cdh::tc_packet_octets_max> packet;
    for (std::size_t i = 0; i < cdh::packets_per_tick; ++i) {
        const std::size_t octets = cdh::next_packet(uplink, cycle.state.account.cdh, packet);
        if (octets == 0 || !cycle.budget.spend(20)) break;
        cycle.control_dirty = true;
        cdh::handle_packet(context, packet.data(), octets);
    }
    cdh::release_buffer(uplink);
}

// What mass memory answered goes to whoever asked: files, or the payload.
void answer_files(Cycle& cycle) {
    const auto& asked = cycle.state.control.files.asked;
    for (std::size_t i = 0; i < asked.size() && i < cycle.input.store.file_answers; ++i) {
        if (asked[i] == static_cast<std::uint8_t>(cdh::FileAsked::expose))
            cycle.state.control.imaging.answer = 1U + cycle.input.store.file_answer[i];
    }
    cdh::files_answers(cycle.files);
}

}  // namespace

cdh::CommandContext command_context(Cycle& cycle) {
    ControlState& control = cycle.state.control;
    AccountState& account = cycle.state.account;
    return {account.cdh,
            account.telemetry,
            control.parameters,
            control.autonomy,
            control.services,
            control.recorder,
            cycle.input.store,
            cycle.mode_request,
            cycle.pending,
            cycle.output.events,
            cycle.control_dirty,
            reinterpret_cast<const std::uint8_t*>(&control),
            sizeof control,
            *cycle.input.security,
            cycle.output.security,
            cycle.output.reset,
            cycle.input.sensor.clock_ns,
            cycle.input.tick_ns,
            cycle.input.store.persisted,
            static_cast<std::uint32_t>(control.executive.ticks + 1),
            cycle.input.boot.fresh != 0 && cycle.input.boot.warm != 0,
            cycle.input.status.restored != 0,
            cycle.input.autonomy != 0,
            &cycle.files,
            &control.imaging};
}

void run_commands(Cycle& cycle) {
    cdh::CommandContext context = command_context(cycle);
    if (cdh::release_verification(context.services.held, context.account, context.persisted,
                                  context.tick_ns)) {
        cycle.output.events.add(EventId::persistence_late, cycle.state.control.executive.heartbeat);
    }
    answer_files(cycle);
    cdh::finish_key_change(context);
    cdh::arming_step(context);
    cdh::schedule_step(context);
    take_uplink(cycle);
    execute_packets(cycle, context);
    // The computer's own reasons come before what the ground asked.
    const bool overrun = cycle.state.control.executive.overruns_consecutive == overruns_safe;
    if (cycle.input.status.restored != 0 || overrun) {
        // A request of the ground in the same cycle gives way, and is told so.
        cdh::refuse_mode_request(context, mode_safe);
        cycle.mode_request = ModeRequest{};
        cycle.mode_request.valid = 1;
        cycle.mode_request.mode = mode_safe;
        cycle.mode_request.by_computer = 1;
    }
}

}  // namespace safehold::computer
