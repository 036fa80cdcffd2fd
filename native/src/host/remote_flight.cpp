#include "safehold/host/remote_flight.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace safehold::host {
namespace {

struct RequestHead {
    std::uint64_t tick;
    std::uint32_t wanted;
    std::uint32_t flips;
    std::uint32_t resets;
    std::uint32_t frames;
};
static_assert(sizeof(RequestHead) == 24);

struct FlipItem {
    std::uint32_t replica;
    std::uint32_t bit;
};
static_assert(sizeof(FlipItem) == 8);

struct ReplyHead {
    std::uint64_t tick;  // the one to come
    std::uint32_t shown;
    std::uint32_t events;
    std::uint32_t frames;
    std::uint32_t spare;
};
static_assert(sizeof(ReplyHead) == 24);

std::vector<std::uint8_t> encode(const FlightInput& input) {
    Out out;
    out.octets.reserve(sizeof(RequestHead) + sizeof(SensorFrame));
    out.value(RequestHead{input.tick, input.wanted, static_cast<std::uint32_t>(input.flips.size()),
                          static_cast<std::uint32_t>(input.resets.size()),
                          static_cast<std::uint32_t>(input.uplink.size())});
    out.value(input.sensor);
    for (const Flip& flip : input.flips)
        out.value(FlipItem{flip.replica, flip.bit});
    for (const Reset& reset : input.resets)
        out.value(reset.down_ns);
    for (const auto& frame : input.uplink)
        out.list(frame);
    return std::move(out.octets);
}

FlightInput decode(In& in, std::uint32_t replicas) {
    const auto head = in.value<RequestHead>();
    FlightInput input;
    input.tick = head.tick;
    input.wanted = head.wanted;
    in.take(&input.sensor, sizeof input.sensor);
    for (std::uint32_t i = 0; i < head.flips; ++i) {
        const auto flip = in.value<FlipItem>();
        if (flip.replica >= replicas || flip.bit >= sizeof(computer::ReplicaState) * 8)
            throw std::invalid_argument("no such bit in a replica's state");
        input.flips.push_back({head.tick, flip.replica, flip.bit});
    }
    for (std::uint32_t i = 0; i < head.resets; ++i) {
        const auto down_ns = in.value<std::int64_t>();
        if (down_ns < 0) throw std::invalid_argument("a downtime is not negative");
        input.resets.push_back({head.tick, down_ns});
    }
    for (std::uint32_t i = 0; i < head.frames; ++i)
        input.uplink.push_back(in.list<std::uint8_t>());
    if (!in.empty()) throw std::invalid_argument("a tick's request is too long");
    return input;
}

}  // namespace

RemoteFlight::RemoteFlight(Exchange exchange, std::uint32_t replicas)
    : exchange_(std::move(exchange)), replicas_(replicas) {
    take(exchange_("LAST", {}), 0);
}

void RemoteFlight::step(const FlightInput& input, Stopwatch& watch, Timing& timing) {
    take(exchange_("TICK", encode(input)), input.tick + 1);
    watch.lap(timing.flight);
}

void RemoteFlight::take(const Octets& reply, std::uint64_t tick) {
    In in(reply.data(), reply.size(), "the flight process's answer");
    const auto head = in.value<ReplyHead>();
    if (head.tick != tick) {
        throw std::runtime_error("the flight process stands at tick " + std::to_string(head.tick) + ", not " +
                                 std::to_string(tick));
    }
    in.require(head.events <= EventList::capacity);
    in.take(&actuator_, sizeof actuator_);
    if ((head.shown & wants_belief) != 0) in.take(&belief_, sizeof belief_);
    if ((head.shown & wants_telemetry) != 0) in.take(&telemetry_, sizeof telemetry_);
    events_.clear();
    for (std::uint32_t i = 0; i < head.events; ++i)
        events_.push_back(in.value<Event>());
    frames_.clear();
    for (std::uint32_t i = 0; i < head.frames; ++i)
        frames_.push_back(in.value<TmFrame>());
    if (!in.empty()) throw std::invalid_argument("the flight process's answer is too long");
    view_ = {&actuator_, events_.data(), events_.size(), frames_.data(), frames_.size()};
}

Digest RemoteFlight::digest() const {
    const Octets reply = exchange_("DIGEST", {});
    In in(reply.data(), reply.size(), "the flight process's digest");
    return in.value<Digest>();
}

void RemoteFlight::put(Out& out) const {
    const Octets reply = exchange_("SAVE", {});
    out.add(reply.data(), reply.size());
}

void RemoteFlight::restore(In in, std::uint64_t tick) {
    Out out;
    out.value(tick);
    in.rest(out.octets);
    (void)exchange_("LOAD", out.octets);
    take(exchange_("LAST", {}), tick);
}

std::vector<std::uint8_t> FlightStation::tick(const std::uint8_t* octets, std::size_t count) {
    if (!computer::floating_point_is_sound()) {
        throw std::runtime_error(
            "the floating-point control register does not round to nearest, or flushes to zero");
    }
    In in(octets, count, "a tick's request");
    const FlightInput input = decode(in, flight_.replicas());
    if (input.tick != tick_) {
        throw std::invalid_argument("tick " + std::to_string(input.tick) + " is asked for; the next is " +
                                    std::to_string(tick_));
    }
    Stopwatch watch(false);
    Timing timing;
    flight_.step(input, watch, timing);
    ++tick_;
    return answer(input.wanted);
}

std::vector<std::uint8_t> FlightStation::answer(std::uint32_t wanted) const {
    const FlightView& view = flight_.view();
    const std::uint32_t shown = wanted & (wants_belief | wants_telemetry);
    Out out;
    out.value(ReplyHead{tick_, shown, static_cast<std::uint32_t>(view.event_count),
                        static_cast<std::uint32_t>(view.frame_count), 0});
    out.value(*view.actuator);
    if ((shown & wants_belief) != 0) out.value(flight_.belief());
    if ((shown & wants_telemetry) != 0) out.value(flight_.telemetry());
    out.add(view.events, view.event_count * sizeof(Event));
    out.add(view.frames, view.frame_count * sizeof(TmFrame));
    return std::move(out.octets);
}

std::vector<std::uint8_t> FlightStation::save() const {
    Out out;
    flight_.put(out);
    return std::move(out.octets);
}

void FlightStation::load(const std::uint8_t* octets, std::size_t count) {
    In in(octets, count, "a flight computer's state");
    const auto tick = in.value<std::uint64_t>();
    flight_.restore(in, tick);
    tick_ = tick;
}

}  // namespace safehold::host
