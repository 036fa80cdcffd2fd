// What sees every step of the flight computer: the black box is one.
#pragma once

namespace safehold::computer {

class FlightComputer;
struct StepInput;

class Witness {
  public:
    // The computer has started: at first, or after a reset.
    virtual void started() = 0;
    // Before the replicas' step, with what they are given. The computer is as the last step left it.
    virtual void given(const FlightComputer& computer, const StepInput& input) = 0;
    // After the vote and what it led to. True if it changed what the stores hold.
    [[nodiscard]] virtual bool done(const FlightComputer& computer) = 0;

  protected:
    ~Witness() = default;
};

}  // namespace safehold::computer
