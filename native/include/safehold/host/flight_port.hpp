// What the driver asks of the flight side in a tick, wherever the flight computer runs.
//
// In go a sensor frame, what came up, and injected faults: nothing of the plant's truth. Out come the voted
// actuator frame, frames and events, and for whoever judges the run what the computer believes and its
// telemetry. The flight chain is folded by the flight side.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "safehold/computer/flight_computer.hpp"
#include "safehold/gnc/autonomy.hpp"
#include "safehold/host/octets.hpp"
#include "safehold/host/recording.hpp"
#include "safehold/host/timing.hpp"

namespace safehold::host {

inline constexpr std::uint32_t wants_belief = 1;
inline constexpr std::uint32_t wants_telemetry = 2;

struct FlightInput {
    std::uint64_t tick = 0;
    SensorFrame sensor{};
    std::vector<Flip> flips{};  // in the order in which they are carried out
    std::vector<Reset> resets{};
    std::vector<std::vector<std::uint8_t>> uplink{};
    std::uint32_t wanted = 0;
};

using TmFrame = std::array<std::uint8_t, cdh::tm_frame_octets>;

// What a tick came to; good until the next one.
struct FlightView {
    const ActuatorFrame* actuator = nullptr;
    const Event* events = nullptr;
    std::size_t event_count = 0;
    const TmFrame* frames = nullptr;
    std::size_t frame_count = 0;
};

class FlightPort {
  public:
    FlightPort() = default;
    FlightPort(const FlightPort&) = delete;
    FlightPort& operator=(const FlightPort&) = delete;
    virtual ~FlightPort() = default;

    virtual void step(const FlightInput& input, Stopwatch& watch, Timing& timing) = 0;
    [[nodiscard]] const FlightView& view() const { return view_; }

    // Of the last tick, if it wanted them.
    [[nodiscard]] virtual Belief belief() const = 0;
    [[nodiscard]] virtual const Telemetry& telemetry() const = 0;

    [[nodiscard]] virtual std::uint32_t replicas() const = 0;
    [[nodiscard]] virtual Digest digest() const = 0;

    // Configuration, computer with its stores, chain. `restore` throws std::invalid_argument, and changes
    // nothing, if the octets are not exactly such a state.
    virtual void put(Out& out) const = 0;
    virtual void restore(In in, std::uint64_t tick) = 0;

  protected:
    FlightView view_;
};

}  // namespace safehold::host
