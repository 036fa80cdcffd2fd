// One replica of the flight software: its start and its step.
//
// Rate: every control tick. Input: sensor frame, uplink, the computer's status. Output: actuator frame, TM
// frames, events. A step is a function of state and input; it allocates nothing and ends within a counted
// work budget. Meets L3.3, L3.6.
#pragma once

#include "safehold/computer/state.hpp"

namespace safehold::computer {

// Counted work: every task pays before it runs, loops pay as they go. Deterministic, unlike a clock.
class WorkBudget {
  public:
    static constexpr std::uint32_t per_cycle = 1000;

    [[nodiscard]] bool spend(std::uint32_t units) {
        if (units > left_) {
            left_ = 0;
            return false;
        }
        left_ -= units;
        return true;
    }
    [[nodiscard]] std::uint32_t spent() const { return per_cycle - left_; }

  private:
    std::uint32_t left_ = per_cycle;
};

void replica_init(ReplicaState& state, const Parameters& parameters);
void replica_step(ReplicaState& state, const StepInput& input, StepOutput& output);

}  // namespace safehold::computer
