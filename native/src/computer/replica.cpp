// The cyclic executive of one replica.
//
// Each cycle, in this order, a table of tasks in three rate groups:
//   commands      every tick   uplink frames -> reports, settings, at most one mode request
//   imaging       every tick   places to image -> at most one mode request, exposures
//   control       every tick   sensors -> estimate, mode, actuators (the autonomy)
//   files         every tick   timers of file transfer, the directory
//   gate          every tick   nothing leaves that is not finite or beyond what a unit can do
//   status        every tick   the computer's own parameters and events
//   housekeeping  1 Hz         what is told once a second
//   reports       every tick   periodic reports that are due, while a transmitter is on
//   planning      0.1 Hz       a slice of the search for the next contacts
//   settings      0.1 Hz       settings that left their limits get the values that they started with
//   downlink      every tick   events and packets -> records, and frames while a transmitter is on
// A cycle that ended asks for its control state to be kept over a reset: every 30 s, when the mode has
// changed, and whenever something happened that a reset may not undo (`control_dirty`).
// A cycle whose work budget runs out stops there and is silent: its output does not vote.
#include "safehold/computer/replica.hpp"

#include <cstring>

#include "safehold/cdh/downlink.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/cdh/tc_frames.hpp"

namespace safehold::computer {
namespace {

constexpr std::uint32_t overruns_degrade = 3;
constexpr std::uint32_t overruns_safe = 10;
constexpr std::uint32_t successive_safe = 4;  // the starts in succession that end fine pointing
constexpr auto mode_safe = static_cast<std::uint8_t>(Mode::safe);

struct Cycle {
    ReplicaState& state;
    const StepInput& input;
    StepOutput& output;
    WorkBudget& budget;
    ModeRequest mode_request;
    cdh::PendingMode pending;
    bool control_dirty;
    cdh::FilesContext files;
};

// --- commands
// ------------------------------------------------------------------------------------------------

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

// What mass memory answered goes to whoever asked: files, or the payload.
void answer_files(Cycle& cycle) {
    const auto& asked = cycle.state.control.files.asked;
    for (std::size_t i = 0; i < asked.size() && i < cycle.input.store.file_answers; ++i) {
        if (asked[i] == static_cast<std::uint8_t>(cdh::FileAsked::expose))
            cycle.state.control.imaging.answer = 1U + cycle.input.store.file_answer[i];
    }
    cdh::files_answers(cycle.files);
}

void run_commands(Cycle& cycle) {
    cdh::CommandContext context = command_context(cycle);
    if (cdh::release_verification(context.services.held, context.account, context.persisted,
                                  context.tick_ns)) {
        cycle.output.events.add(EventId::persistence_late, cycle.state.control.executive.heartbeat);
    }
    answer_files(cycle);
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

// --- files and payload
// ---------------------------------------------------------------------------------------

void run_imaging(Cycle& cycle) {
    ControlState& control = cycle.state.control;
    ImagingContext context{control.imaging,
                           control.autonomy,
                           control.parameters,
                           cycle.input.sensor,
                           cycle.mode_request,
                           cycle.output.events,
                           cycle.control_dirty,
                           false,
                           0,
                           0};
    imaging_step(context, static_cast<std::uint32_t>(cycle.input.tick_ns / 1'000'000));
    if (!context.expose) return;
    const auto kind = static_cast<std::uint8_t>(cdh::FileKind::science);
    if (cycle.output.files.expose(context.file, kind, context.exposure_ms))
        cdh::note_asked(cycle.files, cdh::FileAsked::expose);
}

void run_files(Cycle& cycle) {
    cdh::files_step(cycle.files, cycle.input.boot, cycle.input.readback,
                    cycle.output.actuator.transmitter_on != 0, cycle.input.tick_ns);
}

// --- control
// -------------------------------------------------------------------------------------------------

void run_control(Cycle& cycle) {
    ControlState& control = cycle.state.control;
    const std::uint32_t mode_before = control.autonomy.modes.mode;
    const Deployment deployment_before = control.autonomy.deployment;
    autonomy_step(control.autonomy, control.parameters, cycle.input.sensor, cycle.mode_request,
                  cycle.input.autonomy != 0, cycle.output.actuator, cycle.state.account.telemetry,
                  cycle.output.events);
    if (cycle.pending.waiting != 0) {
        cdh::CommandContext context = command_context(cycle);
        cdh::finish_mode_request(context, cycle.output.actuator.mode);
    }
    const Deployment& deployment = control.autonomy.deployment;
    cycle.control_dirty = cycle.control_dirty || control.autonomy.modes.mode != mode_before ||
                          deployment.separated != deployment_before.separated ||
                          deployment.wing != deployment_before.wing ||
                          deployment.attempt != deployment_before.attempt;
}

// --- gate
// ----------------------------------------------------------------------------------------------------

struct Gate {
    std::uint32_t stopped = 0;

    void limit(float& value, float low, float high) {
        if (value >= low && value <= high) return;
        ++stopped;
        value = value > high ? high : (value < low ? low : 0.0F);  // NaN compares false twice
    }
};

void run_gate(Cycle& cycle) {
    constexpr float wheel_n_m = 0.0201F;
    constexpr float dipole_a_m2 = 10.01F;
    constexpr float array_rad_s = 0.0175F;
    const float tick_s = static_cast<float>(cycle.input.tick_ns) * 1e-9F;
    ActuatorFrame& actuator = cycle.output.actuator;
    Gate gate;
    for (float& torque : actuator.wheel_torque_n_m)
        gate.limit(torque, -wheel_n_m, wheel_n_m);
    for (float& dipole : actuator.torquer_dipole_body_a_m2)
        gate.limit(dipole, -dipole_a_m2, dipole_a_m2);
    for (float& on : actuator.thruster_on_s)
        gate.limit(on, 0.0F, tick_s);
    gate.limit(actuator.array_rate_rad_s, -array_rad_s, array_rad_s);
    for (float& part : actuator.attitude_command_body_from_gcrf)
        gate.limit(part, -1.001F, 1.001F);
    actuator.sequence = cycle.input.sensor.sequence;
    actuator.heartbeat = cycle.state.control.executive.heartbeat;
    if (gate.stopped == 0) return;
    std::uint32_t& count = cycle.state.account.computer.actuators_gated;
    if (count == 0) cycle.output.events.add(EventId::actuator_gated, gate.stopped);
    count += gate.stopped;
}

// --- status
// --------------------------------------------------------------------------------------------------

// Changes in what the voter says become events, once each.
void report_changes(const ComputerStatus& seen, const ComputerStatus& now, EventList& events) {
    for (std::size_t i = 0; i < replicas_max; ++i) {
        const auto replica = static_cast<double>(i);
        if (now.divergences[i] != seen.divergences[i]) {
            events.add(EventId::replica_diverged, replica, now.divergences[i]);
        }
        if (now.resynchronisations[i] != seen.resynchronisations[i]) {
            events.add(EventId::replica_resynchronised, replica, now.resynchronisations[i]);
        }
        const unsigned retired_now = (static_cast<unsigned>(now.retired) >> i) & 1U;
        if (retired_now > ((static_cast<unsigned>(seen.retired) >> i) & 1U)) {
            events.add(EventId::replica_retired, replica, now.resynchronisations[i]);
        }
    }
    if (now.restorations != seen.restorations) events.add(EventId::computer_restored, now.restorations);
}

std::uint32_t total_dropped(const cdh::CdhAccount& account, const StepInput& input) {
    std::uint32_t total = input.status.uplink_overflow + security::total_rejected(*input.security);
    for (const std::uint32_t count : account.frames_dropped)
        total += count;
    return total;
}

void fill_telemetry(Telemetry& telemetry, const ExecutiveState& executive, const AccountState& account,
                    const StepInput& input) {
    const ComputerStatus& status = input.status;
    telemetry.tick = static_cast<std::uint32_t>(executive.ticks);
    telemetry.boot_count = static_cast<std::uint16_t>(input.boot.count);
    telemetry.boot_cause = input.boot.cause;
    telemetry.boot_warm = input.boot.warm;
    telemetry.boot_down_s = static_cast<float>(static_cast<double>(input.boot.down_ns) * 1e-9);
    telemetry.persist_refused = input.store.persist_refused;
    for (std::size_t i = 0; i < replicas_max; ++i) {
        telemetry.replica_divergences[i] = static_cast<std::uint16_t>(status.divergences[i]);
        telemetry.replica_resynchronisations[i] = static_cast<std::uint16_t>(status.resynchronisations[i]);
    }
    telemetry.replicas_retired = status.retired;
    telemetry.computer_restorations = static_cast<std::uint8_t>(status.restorations);
    telemetry.overruns = account.computer.overruns;
    telemetry.work_max = account.computer.work_max;
    telemetry.frames_accepted = account.cdh.frames_accepted;
    telemetry.frames_dropped = total_dropped(account.cdh, input);
    telemetry.uplink_overflow = status.uplink_overflow;
    telemetry.commands_accepted = account.cdh.commands_accepted;
    telemetry.commands_refused = account.cdh.commands_refused;
    telemetry.commands_failed = account.cdh.commands_failed;
    telemetry.events_lost = account.cdh.events_lost;
    telemetry.packets_lost = account.cdh.packets_lost;
}

void fill_security(Telemetry& telemetry, const security::SecurityState& now, const cdh::UplinkState& uplink) {
    telemetry.key_active = now.kept.active;
    telemetry.key_counter = security::counter_of(now, now.kept.active);
    telemetry.frames_authenticated = now.accepted;
    for (std::size_t i = 0; i < telemetry.frames_rejected.size() && i < now.rejected.size(); ++i) {
        telemetry.frames_rejected[i] = static_cast<std::uint16_t>(now.rejected[i]);
    }
    telemetry.farm_mode = uplink.farm.mode;
    telemetry.farm_expected = uplink.farm.expected;
    telemetry.commands_waiting = static_cast<std::uint16_t>(uplink.commands.packets);
}

// Another key in force is told at once.
void report_security(ComputerAccount& account, const security::SecurityState& now, EventList& events) {
    if (now.kept.active == account.key_seen) return;
    if (account.key_seen != 0) events.add(EventId::key_changed, account.key_seen, now.kept.active);
    account.key_seen = now.kept.active;
}

void run_status(Cycle& cycle) {
    AccountState& account = cycle.state.account;
    ExecutiveState& executive = cycle.state.control.executive;
    const ComputerStatus& status = cycle.input.status;
    if (std::memcmp(&account.computer.seen, &status, sizeof status) != 0) {
        report_changes(account.computer.seen, status, cycle.output.events);
        account.computer.seen = status;
    }
    if (status.overrun != 0) {
        ++account.computer.overruns;
        if (executive.overruns_consecutive == 1 || executive.overruns_consecutive == overruns_safe) {
            cycle.output.events.add(EventId::control_overrun, account.computer.overruns,
                                    executive.overruns_consecutive);
        }
    }
    const std::uint32_t spent = cycle.budget.spent();
    if (spent > account.computer.work_max) account.computer.work_max = spent;
    fill_telemetry(account.telemetry, executive, account, cycle.input);
    fill_security(account.telemetry, *cycle.input.security, cycle.state.control.uplink);
    report_security(account.computer, *cycle.input.security, cycle.output.events);
}

// --- housekeeping, settings, downlink
// ------------------------------------------------------------------------

// Events of what was refused. Anyone can send what has no MAC: of that each doubling of the count is told, so
// that no transmitter fills the store with events; telemetry has the counts.
void report_refusals(Cycle& cycle) {
    AccountState& account = cycle.state.account;
    std::uint32_t dropped = 0;
    for (const std::uint32_t count : account.cdh.frames_dropped)
        dropped += count;
    const std::uint32_t refused = account.cdh.commands_refused;
    if (refused != account.computer.refused_reported || dropped != account.computer.dropped_reported) {
        cycle.output.events.add(EventId::command_refused, refused, total_dropped(account.cdh, cycle.input));
        account.computer.refused_reported = refused;
        account.computer.dropped_reported = dropped;
    }
    const security::SecurityState& security = *cycle.input.security;
    const std::uint32_t rejected = security::total_rejected(security);
    const std::uint32_t told = account.computer.rejected_reported;
    if (rejected < told || (rejected != told && rejected - told >= told)) {
        cycle.output.events.add(EventId::frames_rejected, rejected - told, security.last_reject, rejected);
        account.computer.rejected_reported = rejected;
    }
}

void run_housekeeping(Cycle& cycle) {
    AccountState& account = cycle.state.account;
    report_refusals(cycle);
    report_units(cycle.input.sensor, account.telemetry);
    cdh::fill_service_telemetry(cycle.state.control.services, account.cdh, account.telemetry);
    cdh::retry_reads(account.cdh.recorder);
    cdh::fill_recorder_telemetry(account.cdh, cycle.state.control.recorder, cycle.input.store,
                                 account.telemetry);
    constexpr auto stored = static_cast<std::uint8_t>(Stream::housekeeping);
    if (!cdh::is_stored(cycle.state.control.services, stored)) return;
    cdh::sample_housekeeping(account.cdh, account.telemetry, cycle.input.store, cycle.input.sensor.clock_ns,
                             static_cast<std::uint32_t>(cycle.state.control.executive.ticks),
                             cycle.state.control.parameters.batch_interval_s, cycle.output.records);
}

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
        input.tick_ns};
    output.frame_count = static_cast<std::uint32_t>(cdh::make_frames(context, output.frames, frames_max));
    output.read = cdh::next_read(context, frames_max);
}

// --- persistence
// ---------------------------------------------------------------------------------------------

constexpr std::int64_t persist_interval_ns = 30'000'000'000;
constexpr std::int64_t persist_retry_ns = 1'000'000'000;

std::uint32_t milestones(const ControlState& control) {
    const Deployment& deployment = control.autonomy.deployment;
    if (deployment.separated == 0) return 0;
    return milestone::separated |
           (deployment.separated_s >= control.parameters.radio_silence_s ? milestone::silence_over : 0U) |
           (deployment.wing >= 2 ? milestone::deployment_ended : 0U);
}

// The last thing in a cycle, so that what is kept is the state that the next one starts from.
void ask_to_persist(const Cycle& cycle) {
    ControlState& control = cycle.state.control;
    ExecutiveState& executive = control.executive;
    const bool kept = is_persisted(executive.persist_sequence, cycle.input.store.persisted);
    const auto interval =
        static_cast<std::uint64_t>((kept ? persist_interval_ns : persist_retry_ns) / cycle.input.tick_ns);
    if (!cycle.control_dirty && executive.ticks % (interval > 0 ? interval : 1) != 0) return;
    executive.persist_sequence = static_cast<std::uint32_t>(executive.ticks);
    cycle.output.persist = {1, executive.persist_sequence, crc32(&control, sizeof control),
                            milestones(control)};
}

// --- start
// -----------------------------------------------------------------------------------------------

// The first step after a start: what a reset has lost is begun anew, what it has not is gone on with.
void begin(Cycle& cycle) {
    const BootStatus& boot = cycle.input.boot;
    ControlState& control = cycle.state.control;
    const double down_s = static_cast<double>(boot.down_ns) * 1e-9;
    if (boot.warm != 0) {
        control.executive.overruns_consecutive = 0;
        autonomy_restart(control.autonomy, control.parameters, {down_s, boot.successive >= successive_safe},
                         cycle.output.events);
    } else {
        deployment_take_over(control.autonomy.deployment, (boot.milestones & milestone::separated) != 0,
                             (boot.milestones & milestone::silence_over) != 0,
                             (boot.milestones & milestone::deployment_ended) != 0);
    }
    if (boot.count <= 1) return;
    if (boot.warm == 0) cdh::start_cold(control.uplink);
    cycle.control_dirty = true;
    cycle.output.events.add(EventId::computer_reset, boot.cause, boot.count, boot.warm, down_s);
}

// Records that a start has found to be gone, a range of each stream in each step.
void tell_gaps(Cycle& cycle) {
    for (std::size_t i = 0; i < stream_count; ++i) {
        const StreamStatus& stream = cycle.input.store.streams[i];
        if (stream.lost == 0) continue;
        cycle.output.events.add(EventId::recorder_gap, static_cast<double>(i),
                                static_cast<double>(stream.lost_from), stream.lost);
    }
}

// --- the executive
// -------------------------------------------------------------------------------------------

struct Task {
    void (*run)(Cycle&);
    std::int64_t period_ns;  // 0 is every tick
    std::uint32_t work;
};

constexpr std::int64_t one_second_ns = 1'000'000'000;
constexpr std::array<Task, 11> tasks = {{
    {run_commands, 0, 10},
    {run_imaging, 0, 5},
    {run_control, 0, 200},
    {run_files, 0, 10},
    {run_gate, 0, 10},
    {run_status, 0, 10},
    {run_housekeeping, one_second_ns, 50},
    {run_reports, 0, 10},
    {run_settings, 10 * one_second_ns, 50},
    {run_planning, 10 * one_second_ns, 100},
    {run_downlink, 0, 100},
}};

// A slow task is due in the first tick of each of its periods, which are whole seconds: `second` tells
// whether this is the first tick of one.
bool is_first_tick(std::int64_t period_ns, std::uint64_t ticks, std::int64_t tick_ns) {
    const auto tick = static_cast<std::uint64_t>(tick_ns);
    return (ticks * tick) % static_cast<std::uint64_t>(period_ns) < tick;
}

bool due(const Task& task, bool second, std::uint64_t ticks, std::int64_t tick_ns) {
    if (task.period_ns == 0) return true;
    return second && (task.period_ns == one_second_ns || is_first_tick(task.period_ns, ticks, tick_ns));
}

}  // namespace

void replica_init(ReplicaState& state, const Parameters& parameters) {
    state = ReplicaState{};
    state.control.parameters = parameters;
    autonomy_init(state.control.autonomy, state.control.parameters);
    cdh::services_init(state.control.services);
}

void replica_step(ReplicaState& state, const StepInput& input, StepOutput& output) {
    output.actuator = ActuatorFrame{};
    output.status = static_cast<std::uint32_t>(StepStatus::silent);
    output.frame_count = 0;
    output.events.count = 0;
    output.events.dropped = 0;
    output.read = {};
    output.drop = {};
    output.persist = {};
    output.records.count = 0;
    output.records.length = 0;
    output.files.count = 0;
    output.files.length = 0;
    output.security = {};
    output.reset = 0;
    WorkBudget budget;
    const cdh::FilesContext files{state.control.files, state.account.files, output.files, input.store,
                                  output.events};
    Cycle cycle{state, input, output, budget, {}, {}, false, files};
    ExecutiveState& executive = state.control.executive;
    // The period is the host's to give: no flip and no repair of the settings may part it from the tick.
    state.control.parameters.control_period_s = static_cast<double>(input.tick_ns) * 1e-9;
    executive.overruns_consecutive = input.status.overrun != 0 ? executive.overruns_consecutive + 1 : 0;
    const bool degraded = executive.overruns_consecutive >= overruns_degrade;
    if (input.boot.fresh != 0) begin(cycle);
    tell_gaps(cycle);
    // A checkpoint does not know what was taken after it; the control state that was kept last does.
    if (input.status.restored > 1) cdh::start_cold(state.control.uplink);
    if (input.stalled != 0) {
        while (budget.spend(1)) {}
        return;
    }
    const bool second = is_first_tick(one_second_ns, executive.ticks, input.tick_ns);
    for (const Task& task : tasks) {
        if (!due(task, second, executive.ticks, input.tick_ns)) continue;
        if (degraded && task.period_ns != 0) {
            ++state.account.computer.overruns_slow;
            continue;
        }
        if (!budget.spend(task.work)) return;
        task.run(cycle);
    }
    ++executive.heartbeat;
    ++executive.ticks;
    ask_to_persist(cycle);
    output.status = static_cast<std::uint32_t>(StepStatus::done);
}

}  // namespace safehold::computer
