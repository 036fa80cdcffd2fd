// The driver: plant, flight computer, digests, truth rows and watches, tick after tick without Python.
//
// Each tick k, in this order:
//   every 60 simulated seconds the plant's full state joins the plant chain
//   (time, sensor frame k) -> plant chain
//   scheduled faults, uplink of the call's first tick, sensor frame k -> flight side, which folds its own
//   chain: full state every 60 s, then (time, voted actuator frame k, TM frames)
//   truth row of time k under actuator frame k, when a row or a watch wants one
//   plant_step(actuator frame k) -> sensor frame k + 1, contact mask
// `run` returns early after a tick that needs attention: a TM frame left that may be answered, more of them
// wait than are held, or the contact mask changed. Of each tick in which TM frames left, what the stations
// see right after it is kept beside them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "safehold/host/chain.hpp"
#include "safehold/host/flight_port.hpp"
#include "safehold/host/local_flight.hpp"
#include "safehold/host/timing.hpp"
#include "safehold/host/watch.hpp"

namespace safehold::host {

using PlantStep = std::int64_t (*)(void* context, const std::uint8_t* actuator, std::uint8_t* sensor);
// Fills at least the columns from `first` to before `until`.
using PlantTruth = void (*)(void* context, const std::uint8_t* actuator, const double* belief, double* row,
                            std::int64_t first, std::int64_t until);
using PlantSight = void (*)(void* context, double* row);

inline constexpr std::uint32_t attention_downlink = 1;
inline constexpr std::uint32_t attention_contact = 2;
inline constexpr std::size_t downlink_held_max = 512;  // frames that nobody answers, until `run` returns

struct DownlinkFrame {
    std::uint64_t tick;
    std::array<std::uint8_t, cdh::tm_frame_octets> octets;
    std::array<std::uint8_t, 5> spare{};  // no padding: the frames that wait are part of the state's octets
};
static_assert(sizeof(DownlinkFrame) == 8 + cdh::tm_frame_octets + 5);

// What the plant's sight gives after a tick in which TM frames left.
struct Sight {
    std::uint64_t tick;
    std::vector<double> row;
};

struct VotedEvent {
    std::uint64_t tick;
    Event event;
};

class Driver {
  public:
    Driver(std::shared_ptr<FlightPort> flight, PlantStep step, PlantTruth truth, void* context,
           std::size_t truth_width, std::int64_t tick_ns, const SensorFrame& sensor);

    // Runs ticks until `tick() == until`, or until a tick needs attention; returns the tick reached. Uplink
    // frames are given to the computer in the first tick.
    std::uint64_t run(std::uint64_t until, std::vector<std::vector<std::uint8_t>> uplink);

    [[nodiscard]] std::uint64_t tick() const { return tick_; }
    [[nodiscard]] std::uint32_t attention() const { return attention_; }
    [[nodiscard]] std::int64_t contact_mask() const { return contact_mask_; }
    void set_contact_mask(std::int64_t mask) { contact_mask_ = mask; }
    [[nodiscard]] const SensorFrame& sensor() const { return sensor_; }
    [[nodiscard]] const ActuatorFrame& actuator() const { return *flight_->view().actuator; }
    [[nodiscard]] std::size_t truth_width() const { return width_; }

    [[nodiscard]] std::vector<DownlinkFrame> take_downlink();
    // One for each tick of the frames that were taken last; none of frames that came with a restored state.
    [[nodiscard]] std::vector<Sight> take_sights();
    [[nodiscard]] std::vector<VotedEvent> take_events();
    // Rows of 1 + width, the tick first; they are forgotten, and their room is used again.
    [[nodiscard]] const std::vector<double>& truth() const { return truth_; }
    void forget_truth() { truth_.clear(); }

    void set_truth_interval(std::uint64_t ticks) { truth_interval_ = ticks; }
    // The plant's state, whose first `control_octets` can change what happens next.
    void set_plant_state(const void* address, std::size_t octets, std::size_t control_octets);
    // What gives a row of `width` numbers of what the stations see.
    void set_sight(PlantSight sight, std::size_t width);
    // The virtual channels, a bit each, whose frames `run` returns after; those of others it holds.
    void set_answered(std::uint32_t channels) { answered_ = channels; }
    [[nodiscard]] std::uint32_t answered() const { return answered_; }
    std::size_t add_watch(const Watch& watch);
    [[nodiscard]] const std::vector<Watch>& watches() const { return watches_; }
    void schedule_flip(const Flip& flip);
    // Who takes the payload's images, once for each voted exposure. This, recordings and hashes are only for
    // a flight computer in this process; else they throw std::logic_error.
    void set_camera(Stores::Camera camera) { here().computer().stores().camera = std::move(camera); }
    void schedule_reset(const Reset& reset);
    void record_inputs(const std::string& path);  // an empty path ends the recording
    void measure(bool on) { measuring_ = on; }
    [[nodiscard]] const Timing& timing() const { return timing_; }

    [[nodiscard]] Digest plant_digest() const;
    [[nodiscard]] Digest flight_digest() const { return flight_->digest(); }

    // What two runs are compared by (docs/forks.md). Of the whole: every octet of plant and computer, chains,
    // watches. Of control: what can change what happens next, given that no fault comes any more, and what
    // was seen by the watches.
    [[nodiscard]] Digest whole_hash() const;
    [[nodiscard]] Digest control_hash() const;

    // Everything but the plant's arrays, the recording and the timing. With a pool, blocks of mass memory
    // that do not change any more are shared with it, and the state only names them: it can be restored with
    // a pool that has them. A flight computer in another process shares none.
    [[nodiscard]] std::vector<std::uint8_t> state(BlockPool* pool = nullptr) const;
    void restore(const std::uint8_t* octets, std::size_t count, const BlockPool* pool = nullptr);

  private:
    void step_once(std::vector<std::vector<std::uint8_t>>& uplink);
    void gather_inputs(std::vector<std::vector<std::uint8_t>>& uplink);
    [[nodiscard]] std::uint32_t wanted() const;
    void take_outputs();
    void look();
    void look_at_truth();
    [[nodiscard]] LocalFlight& here() const;
    [[nodiscard]] double telemetry_value(const Watch& watch) const;

    std::shared_ptr<FlightPort> flight_;
    PlantStep plant_step_;
    PlantTruth plant_truth_;
    PlantSight plant_sight_ = nullptr;
    void* context_;
    std::size_t width_;
    std::size_t sight_width_ = 0;
    std::int64_t tick_ns_;
    const std::uint8_t* plant_state_ = nullptr;
    std::size_t plant_state_octets_ = 0;
    std::size_t plant_control_octets_ = 0;

    std::uint64_t tick_ = 0;
    std::int64_t contact_mask_ = 0;
    std::uint32_t attention_ = 0;
    std::uint32_t answered_ = ~0U;
    SensorFrame sensor_;
    FlightInput input_;
    Chain plant_chain_{"plant"};
    std::uint64_t truth_interval_ = 0;
    std::vector<Watch> watches_;
    std::vector<Flip> flips_;    // by tick, the next one last
    std::vector<Reset> resets_;  // likewise
    std::vector<DownlinkFrame> downlink_;
    std::vector<Sight> sights_;
    std::vector<VotedEvent> events_;
    std::vector<double> truth_;
    std::vector<double> row_;

    Timing timing_;
    bool measuring_ = false;
};

}  // namespace safehold::host
