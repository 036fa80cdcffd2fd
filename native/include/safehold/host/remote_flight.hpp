// The two ends of a flight side in another process: messages of octets, one round trip a tick.
//
// Purpose: the bytes that the flight computer gets and gives are those of one process, so that the chains
// are; how they travel is the business of whoever carries them. Layouts in docs/wire.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "safehold/host/flight_port.hpp"
#include "safehold/host/local_flight.hpp"

namespace safehold::host {

// At the driver: asks the station at the other end.
class RemoteFlight final : public FlightPort {
  public:
    using Octets = std::vector<std::uint8_t>;
    // Carries a request (TICK, LAST, DIGEST, SAVE, LOAD) over and returns the answer. May throw.
    using Exchange = std::function<Octets(const char* kind, const Octets& request)>;

    RemoteFlight(Exchange exchange, std::uint32_t replicas);

    void step(const FlightInput& input, Stopwatch& watch, Timing& timing) override;
    [[nodiscard]] Belief belief() const override { return belief_; }
    [[nodiscard]] const Telemetry& telemetry() const override { return telemetry_; }
    [[nodiscard]] std::uint32_t replicas() const override { return replicas_; }
    [[nodiscard]] Digest digest() const override;
    void put(Out& out) const override;
    void restore(In in, std::uint64_t tick) override;

  private:
    void take(const Octets& reply, std::uint64_t tick);

    Exchange exchange_;
    std::uint32_t replicas_;
    ActuatorFrame actuator_{};
    Belief belief_{};
    Telemetry telemetry_{};
    std::vector<Event> events_;
    std::vector<TmFrame> frames_;
};

// At the flight computer: answers them. Every request throws std::invalid_argument, and changes nothing, if
// it makes no sense or comes out of turn.
class FlightStation {
  public:
    FlightStation(HostedComputer& computer, std::int64_t tick_ns) : flight_(computer, tick_ns) {}

    [[nodiscard]] std::vector<std::uint8_t> tick(const std::uint8_t* octets, std::size_t count);
    [[nodiscard]] std::vector<std::uint8_t> last() const { return answer(wants_belief | wants_telemetry); }
    [[nodiscard]] Digest digest() const { return flight_.digest(); }
    [[nodiscard]] std::vector<std::uint8_t> save() const;
    void load(const std::uint8_t* octets, std::size_t count);
    [[nodiscard]] HostedComputer& computer() { return flight_.computer(); }

  private:
    [[nodiscard]] std::vector<std::uint8_t> answer(std::uint32_t wanted) const;

    LocalFlight flight_;
    std::uint64_t tick_ = 0;
};

}  // namespace safehold::host
