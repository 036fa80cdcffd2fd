// What leaves a cycle: periodic reports, records and frames; and the slow search and repair beside them.
#include "safehold/cdh/downlink.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/cdh/tc_frames.hpp"
#include "safehold/computer/cycle.hpp"

namespace safehold::computer {
void run_reports(Cycle& cycle) {
    if (cycle.output.actuator.transmitter_on == 0) return;
    const ControlState& control = cycle.state.control;
    cdh::report_periodic(control.services, cycle.state.account.cdh, cycle.state.account.telemetry,
                         cycle.input.sensor.clock_ns, control.executive.ticks, cycle.input.tick_ns);
    cdh::report_file_list(cycle.state.account.cdh, cycle.state.account.files, cycle.input.store,
                          cycle.input.readback, cycle.input.sensor.clock_ns);
}

void run_planning(Cycle& cycle) {
    autonomy_plan(cycle.state.control.autonomy, cycle.state.control.parameters);
}

void run_settings(Cycle& cycle) {
    Parameters& parameters = cycle.state.control.parameters;
    for (const SettingEntry& entry : setting_entries) {
        for (std::uint16_t i = 0; i < entry.count; ++i) {
            const double value = cdh::setting_value(parameters, entry, i);
            if (value >= entry.min && value <= entry.max) continue;
            const double restored = cdh::setting_value(*cycle.input.configured, entry, i);
            if (cdh::set_setting(parameters, entry.id, i, restored) != cdh::FailureCode::none) continue;
            ++cycle.state.account.computer.settings_repaired;
            cycle.output.events.add(EventId::setting_repaired, entry.id, i);
        }
    }
}

// Records are committed whether or not anything is radiated.
void run_downlink(Cycle& cycle) {
    cdh::CdhAccount& account = cycle.state.account.cdh;
    StepOutput& output = cycle.output;
    const StepInput& input = cycle.input;
    const bool on = output.actuator.transmitter_on != 0;
    cdh::recorder_step(account.recorder, cycle.state.control.recorder, input.store, input.boot, on,
                       output.drop, output.events);
    for (std::size_t i = 0; i < output.events.count && i < EventList::capacity; ++i) {
        output.events.items[i].tick = static_cast<std::uint32_t>(cycle.state.control.executive.ticks);
        if (output.events.items[i].severity != static_cast<std::uint8_t>(Severity::high)) continue;
        cdh::sample_fast(account.batches, cycle.state.control.parameters.batch_fast_s);
    }
    cdh::report_events(account, input.sensor.clock_ns, output.events, cycle.state.control.services.events);
    cdh::commit_records(account, input.store, on, output.records);
    if (!on) return;
    constexpr std::int64_t frame_ns = cdh::tm_frame_octets * 8 * 1000;  // at 1 Mbit/s
    const std::int64_t fitting = input.tick_ns / frame_ns;
    const std::size_t frames_max = fitting < 1 ? 1 : static_cast<std::size_t>(fitting);
    cdh::FilePdus files(cycle.state.control.files, cycle.state.account.files, input.readback, on);
    cdh::DownlinkContext context{
        account,        input.store,
        output.records, input.readback,
        &files,         cdh::clcw(cycle.state.control.uplink.farm, input.sensor.receiver_lock != 0),
        input.tick_ns,  input.telemetry_protection};
    output.frame_count = static_cast<std::uint32_t>(cdh::make_frames(context, output.frames, frames_max));
    output.read = cdh::next_read(context, frames_max);
}

}  // namespace safehold::computer
