#include "safehold/host/local_flight.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace safehold::host {

LocalFlight::LocalFlight(HostedComputer& computer, std::int64_t tick_ns)
    : computer_(computer), tick_ns_(tick_ns) {
    computer_.set_tick(tick_ns);
    view_.actuator = &computer_.actuator();
}

void LocalFlight::step(const FlightInput& input, Stopwatch& watch, Timing& timing) {
    const std::int64_t time_ns = static_cast<std::int64_t>(input.tick) * tick_ns_;
    give(input);
    watch.lap(timing.record);
    if (full_state_due(time_ns, tick_ns_)) add_full_state(chain_, computer_);
    watch.lap(timing.digest);
    computer_.stores().image.clear();
    computer_.step(input.sensor);
    if (recorder_) {
        given_.image = std::move(computer_.stores().image);
        recorder_->add(given_);
    }
    watch.lap(timing.flight);
    add_flight_tick(chain_, time_ns, computer_);
    show();
    watch.lap(timing.digest);
}

void LocalFlight::give(const FlightInput& input) {
    for (const Flip& flip : input.flips)
        computer_.flip(flip.replica, flip.bit);
    for (const Reset& reset : input.resets)
        computer_.reset(computer::ResetCause::external, reset.down_ns);
    for (const auto& frame : input.uplink)
        computer_.receive(frame.data(), frame.size());
    if (!recorder_) return;
    given_ = TickInput{input.sensor, {}, {}, input.flips, input.resets, false, {}};
    if (!input.uplink.empty()) given_.outcome = {computer_.state().security, computer_.uplink_overflow(), 1};
    for (std::size_t i = 0; i < computer_.uplink_count(); ++i) {
        const auto& frame = computer_.uplink()[i];
        given_.uplink.push_back({frame.octets, frame.length, frame.counter, frame.key});
    }
}

void LocalFlight::show() {
    const computer::StepOutput* voted = computer_.voted();
    if (voted == nullptr) {
        view_ = {&computer_.actuator(), nullptr, 0, nullptr, 0};
        return;
    }
    view_ = {&computer_.actuator(), voted->events.items.data(),
             std::min<std::size_t>(voted->events.count, EventList::capacity), computer_.frames(),
             computer_.frame_count()};
}

Belief LocalFlight::belief() const {
    const computer::ControlState& control = computer_.leader().control;
    return autonomy_belief(control.autonomy, control.parameters);
}

void LocalFlight::put(Out& out) const {
    out.value(mission_digest(computer_.mission()));
    out.value(computer_.config());
    computer_.put(out);
    out.value(chain_);
}

void LocalFlight::restore(In in, std::uint64_t /*tick*/) {
    const std::string mission = computer_.mission();
    const auto found = in.value<Digest>();
    computer::ComputerConfig config{};
    in.take(&config, sizeof config);
    if (found != mission_digest(mission)) {
        throw OtherMission(
            "the state is of another mission: expected " + short_name(mission_digest(mission)) + ", found " +
            short_name(found) + " (" +
            what_differs(mission, describe_mission(config, computer_.stores().memory.quotas())) +
            "). Load a state that this mission has kept, or start the one that it is of");
    }
    if (std::memcmp(&config, &computer_.config(), sizeof config) != 0) {
        throw std::invalid_argument("the state was made with another configuration of the flight computer");
    }
    HostedComputer::Kept kept = computer_.read(in);
    Chain chain{"flight"};
    in.take(&chain, sizeof chain);
    if (!in.empty()) throw std::invalid_argument("the flight computer's state is too long");
    computer_.take(std::move(kept));
    chain_ = chain;
    view_ = {&computer_.actuator(), nullptr, 0, nullptr, 0};
}

void LocalFlight::record_inputs(const std::string& path, std::uint64_t tick) {
    if (recorder_) recorder_->finish(digest());
    recorder_ = path.empty() ? nullptr : std::make_unique<Recorder>(path, tick, computer_, chain_);
}

}  // namespace safehold::host
