#include "safehold/host/driver.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace safehold::host {
namespace {

// Takes what is due out of a list whose next one is last.
template <typename T>
std::vector<T> take_due(std::vector<T>& waiting, std::uint64_t tick) {
    std::vector<T> due;
    for (; !waiting.empty() && waiting.back().tick <= tick; waiting.pop_back())
        due.push_back(waiting.back());
    return due;
}

template <typename T>
void put_in_order(std::vector<T>& waiting, const T& item) {
    waiting.push_back(item);
    std::stable_sort(waiting.begin(), waiting.end(), [](const T& a, const T& b) { return a.tick > b.tick; });
}

// Of a TM frame: bits 1 to 3 of the second octet (CCSDS 132.0-B, 4.1.2.3).
std::uint32_t channel_of(const std::array<std::uint8_t, cdh::tm_frame_octets>& frame) {
    return (static_cast<std::uint32_t>(frame[1]) >> 1) & 7U;
}

}  // namespace

Driver::Driver(std::shared_ptr<FlightPort> flight, PlantStep step, PlantTruth truth, void* context,
               std::size_t truth_width, std::int64_t tick_ns, const SensorFrame& sensor)
    : flight_(std::move(flight)),
      plant_step_(step),
      plant_truth_(truth),
      context_(context),
      width_(truth_width),
      tick_ns_(tick_ns),
      sensor_(sensor),
      row_(1 + truth_width) {
    if (step == nullptr) throw std::invalid_argument("the plant's step has no address");
    if (tick_ns <= 0) throw std::invalid_argument("tick_ns must be positive");
}

std::uint64_t Driver::run(std::uint64_t until, std::vector<std::vector<std::uint8_t>> uplink) {
    if (!computer::floating_point_is_sound()) {
        throw std::runtime_error(
            "the floating-point control register does not round to nearest, or flushes to zero");
    }
    attention_ = 0;
    while (tick_ < until && attention_ == 0) {
        step_once(uplink);
        uplink.clear();
    }
    return tick_;
}

void Driver::step_once(std::vector<std::vector<std::uint8_t>>& uplink) {
    Stopwatch watch(measuring_);
    const std::int64_t time_ns = static_cast<std::int64_t>(tick_) * tick_ns_;
    gather_inputs(uplink);
    watch.lap(timing_.record);
    if (plant_state_ != nullptr && full_state_due(time_ns, tick_ns_))
        plant_chain_.add(plant_state_, plant_state_octets_);
    plant_chain_.add(&time_ns, sizeof time_ns);
    plant_chain_.add(&sensor_, sizeof sensor_);
    watch.lap(timing_.digest);
    flight_->step(input_, watch, timing_);
    take_outputs();
    look_at_truth();
    watch.lap(timing_.record);
    const std::int64_t mask = plant_step_(context_, reinterpret_cast<const std::uint8_t*>(&actuator()),
                                          reinterpret_cast<std::uint8_t*>(&sensor_));
    watch.lap(timing_.plant);
    if (mask != contact_mask_) attention_ |= attention_contact;
    contact_mask_ = mask;
    if (flight_->view().frame_count != 0) look();
    ++tick_;
    ++timing_.ticks;
}

void Driver::gather_inputs(std::vector<std::vector<std::uint8_t>>& uplink) {
    input_.tick = tick_;
    input_.sensor = sensor_;
    input_.flips = take_due(flips_, tick_);
    input_.resets = take_due(resets_, tick_);
    input_.uplink.swap(uplink);
    input_.wanted = wanted();
}

// What this tick's rows and watches may look at.
std::uint32_t Driver::wanted() const {
    std::uint32_t found = truth_interval_ != 0 && tick_ % truth_interval_ == 0 ? wants_belief : 0;
    for (const Watch& watch : watches_)
        found |= watch.column >= 0 ? wants_belief : wants_telemetry;
    return found;
}

void Driver::take_outputs() {
    const FlightView& view = flight_->view();
    for (std::size_t i = 0; i < view.event_count; ++i)
        events_.push_back({tick_, view.events[i]});
    for (std::size_t i = 0; i < view.frame_count; ++i)
        downlink_.push_back({tick_, view.frames[i]});
    for (std::size_t i = 0; i < view.frame_count; ++i) {
        if (((answered_ >> channel_of(view.frames[i])) & 1U) != 0) attention_ |= attention_downlink;
    }
    if (downlink_.size() >= downlink_held_max) attention_ |= attention_downlink;
}

void Driver::look() {
    if (plant_sight_ == nullptr) return;
    Sight& sight = sights_.emplace_back(Sight{tick_, std::vector<double>(sight_width_)});
    plant_sight_(context_, sight.row.data());
}

void Driver::look_at_truth() {
    const bool row_due = truth_interval_ != 0 && tick_ % truth_interval_ == 0;
    const std::uint8_t mode = actuator().mode;
    const auto width = static_cast<std::int64_t>(width_);
    std::int64_t first = row_due ? 0 : width;
    std::int64_t until = row_due ? width : 0;
    for (const Watch& watch : watches_) {
        if (watch.column < 0 || !watch.applies(tick_, mode)) continue;
        first = std::min(first, watch.column);
        until = std::max(until, watch.column + 1);
    }
    if (first < until && plant_truth_ != nullptr) {
        const Belief belief = flight_->belief();
        static_assert(sizeof belief == 16 * sizeof(double));
        row_[0] = static_cast<double>(tick_);
        plant_truth_(context_, reinterpret_cast<const std::uint8_t*>(&actuator()),
                     reinterpret_cast<const double*>(&belief), row_.data() + 1, first, until);
        if (row_due) truth_.insert(truth_.end(), row_.begin(), row_.end());
    }
    for (Watch& watch : watches_) {
        if (!watch.applies(tick_, mode)) {
            watch.pass();
        } else {
            watch.see(tick_, watch.column >= 0 ? row_[1 + static_cast<std::size_t>(watch.column)]
                                               : telemetry_value(watch));
        }
    }
}

double Driver::telemetry_value(const Watch& watch) const {
    const TelemetryEntry& entry = telemetry_entries[watch.telemetry_entry];
    const auto* base = reinterpret_cast<const std::uint8_t*>(&flight_->telemetry());
    return load_number(base + entry.offset + watch.telemetry_element * octets_of(entry.type), entry.type);
}

std::vector<DownlinkFrame> Driver::take_downlink() {
    return std::exchange(downlink_, {});
}
std::vector<Sight> Driver::take_sights() {
    return std::exchange(sights_, {});
}
std::vector<VotedEvent> Driver::take_events() {
    return std::exchange(events_, {});
}

void Driver::set_plant_state(const void* address, std::size_t octets, std::size_t control_octets) {
    if (control_octets > octets) throw std::invalid_argument("control is a part of the plant's state");
    plant_state_ = static_cast<const std::uint8_t*>(address);
    plant_state_octets_ = octets;
    plant_control_octets_ = control_octets;
}

void Driver::set_sight(PlantSight sight, std::size_t width) {
    plant_sight_ = sight;
    sight_width_ = width;
}

std::size_t Driver::add_watch(const Watch& watch) {
    if (watch.column >= 0) {
        if (static_cast<std::size_t>(watch.column) >= width_)
            throw std::invalid_argument("no such truth column");
        if (plant_truth_ == nullptr) throw std::invalid_argument("the plant's truth has no address");
    } else if (watch.telemetry_entry >= telemetry_entries.size() ||
               watch.telemetry_element >= telemetry_entries[watch.telemetry_entry].count) {
        throw std::invalid_argument("no such telemetry parameter");
    }
    watches_.push_back(watch);
    return watches_.size() - 1;
}

void Driver::schedule_flip(const Flip& flip) {
    if (flip.replica >= flight_->replicas()) throw std::invalid_argument("no such replica");
    if (flip.bit >= sizeof(computer::ReplicaState) * 8)
        throw std::invalid_argument("no such bit in a replica's state");
    put_in_order(flips_, flip);
}

void Driver::schedule_reset(const Reset& reset) {
    if (reset.down_ns < 0) throw std::invalid_argument("a downtime is not negative");
    put_in_order(resets_, reset);
}

LocalFlight& Driver::here() const {
    auto* local = dynamic_cast<LocalFlight*>(flight_.get());
    if (local == nullptr) throw std::logic_error("the flight computer is not in this process");
    return *local;
}

void Driver::record_inputs(const std::string& path) {
    here().record_inputs(path, tick_);
}

Digest Driver::plant_digest() const {
    Chain last = plant_chain_;
    if (plant_state_ != nullptr) last.add(plant_state_, plant_state_octets_);
    return last.digest();
}

}  // namespace safehold::host
