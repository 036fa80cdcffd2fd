// Computes again what flew, from a chunk of the black box.
//
// Purpose: any internal value at any tick, on the ground: one replica is given the chunk's state and inputs.
// A check that does not hold says that what flew is not what follows from its input (an upset not yet healed,
// or octets changed on their way). Meets L6.3, L6.4.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "safehold/host/black_box.hpp"

namespace safehold::host {

class BlackBoxReplay {
  public:
    // Throws std::invalid_argument, saying why, for octets that are no chunk of this dictionary and layout.
    explicit BlackBoxReplay(std::vector<std::uint8_t> chunk, bool autonomy = true);

    // Makes the next tick's step. False at the chunk's end; throws std::invalid_argument if it is broken.
    [[nodiscard]] bool step();

    [[nodiscard]] std::uint64_t first_tick() const { return head_.first_tick; }
    [[nodiscard]] std::uint64_t next_tick() const { return next_tick_; }
    [[nodiscard]] std::int64_t tick_ns() const { return input_->tick_ns; }
    [[nodiscard]] const SensorFrame& sensor() const { return input_->sensor; }
    [[nodiscard]] const ActuatorFrame& actuator() const { return output_->actuator; }
    [[nodiscard]] const computer::ReplicaState& state() const { return *state_; }
    [[nodiscard]] std::uint32_t checks_held() const { return checks_held_; }
    [[nodiscard]] std::uint32_t checks_failed() const { return checks_failed_; }

  private:
    void take(void* octets, std::size_t count);
    void take_context();
    void take_uplink();
    void take_readback();

    std::vector<std::uint8_t> chunk_;
    std::size_t at_ = 0;
    ChunkHead head_{};
    computer::ComputerConfig config_{};
    FrameCodec codec_;
    StepContext context_;
    std::unique_ptr<computer::ReplicaState> state_;
    std::unique_ptr<computer::StepInput> input_;
    std::unique_ptr<computer::StepOutput> output_;
    std::unique_ptr<computer::Readback> readback_;
    std::uint64_t next_tick_ = 0;
    std::uint32_t checks_held_ = 0;
    std::uint32_t checks_failed_ = 0;
};

}  // namespace safehold::host
