// One cycle of a replica: what its tasks share, and the tasks that the cyclic executive calls.
//
// Rate: as the table in replica.cpp says. Each task is in the file of its idea: replica_commands.cpp,
// replica_control.cpp, replica_status.cpp, replica_downlink.cpp.
#pragma once

#include "safehold/cdh/telecommand.hpp"
#include "safehold/computer/replica.hpp"

namespace safehold::computer {

inline constexpr std::uint32_t overruns_safe = 10;  // on end

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

[[nodiscard]] cdh::CommandContext command_context(Cycle& cycle);
// Frames and packets that did not lead to a telecommand, of every reason.
[[nodiscard]] std::uint32_t total_dropped(const cdh::CdhAccount& account, const StepInput& input);

void run_commands(Cycle& cycle);
void run_imaging(Cycle& cycle);
void run_files(Cycle& cycle);
void run_control(Cycle& cycle);
void run_gate(Cycle& cycle);
void run_status(Cycle& cycle);
void run_housekeeping(Cycle& cycle);
void run_reports(Cycle& cycle);
void run_planning(Cycle& cycle);
void run_settings(Cycle& cycle);
void run_downlink(Cycle& cycle);

}  // namespace safehold::computer
