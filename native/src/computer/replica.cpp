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

#include "safehold/cdh/services.hpp"
#include "safehold/cdh/tc_frames.hpp"
#include "safehold/computer/cycle.hpp"

namespace safehold::computer {
namespace {

constexpr std::uint32_t overruns_degrade = 3;
constexpr std::uint32_t successive_safe = 4;  // the starts in succession that end fine pointing

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
// ---------------------------------------------------------------------------------------------

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
// ---------------------------------------------------------------------------------------------

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
