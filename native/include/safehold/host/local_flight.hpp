// The flight side in this process: a hosted computer, its chain, and the recording of what it was given.
#pragma once

#include <memory>
#include <string>

#include "safehold/host/chain.hpp"
#include "safehold/host/flight_port.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::host {

class LocalFlight final : public FlightPort {
  public:
    // The computer outlives this.
    LocalFlight(HostedComputer& computer, std::int64_t tick_ns);

    void step(const FlightInput& input, Stopwatch& watch, Timing& timing) override;
    [[nodiscard]] Belief belief() const override;
    [[nodiscard]] const Telemetry& telemetry() const override { return computer_.leader().account.telemetry; }
    [[nodiscard]] std::uint32_t replicas() const override { return computer_.config().replicas; }
    [[nodiscard]] Digest digest() const override { return flight_digest_now(chain_, computer_); }
    void put(Out& out) const override;
    void restore(In in, std::uint64_t tick) override;

    // From the tick to come; an empty path ends the recording.
    void record_inputs(const std::string& path, std::uint64_t tick);
    [[nodiscard]] HostedComputer& computer() { return computer_; }
    [[nodiscard]] const HostedComputer& computer() const { return computer_; }
    [[nodiscard]] const Chain& chain() const { return chain_; }

  private:
    void give(const FlightInput& input);
    void show();

    HostedComputer& computer_;
    std::int64_t tick_ns_;
    Chain chain_{"flight"};
    std::unique_ptr<Recorder> recorder_;
    TickInput given_{};  // while recording: this tick's
};

}  // namespace safehold::host
