#include "safehold/host/driver.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "safehold/gnc/autonomy.hpp"

namespace safehold::host {
namespace {

// A stopwatch that costs nothing while it is off.
class Stopwatch {
  public:
    explicit Stopwatch(bool on) : on_(on), last_(on ? now() : 0) {}
    void lap(std::uint64_t& total) {
        if (!on_) return;
        const std::uint64_t time = now();
        total += time - last_;
        last_ = time;
    }

  private:
    static std::uint64_t now() {
        return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    bool on_;
    std::uint64_t last_;
};

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

}  // namespace

Driver::Driver(HostedComputer& computer, PlantStep step, PlantTruth truth, void* context,
               std::size_t truth_width, std::int64_t tick_ns, const SensorFrame& sensor)
    : computer_(computer),
      plant_step_(step),
      plant_truth_(truth),
      context_(context),
      width_(truth_width),
      tick_ns_(tick_ns),
      sensor_(sensor),
      row_(1 + truth_width) {
    if (step == nullptr) throw std::invalid_argument("the plant's step has no address");
    if (tick_ns <= 0) throw std::invalid_argument("tick_ns must be positive");
    computer_.set_tick(tick_ns);
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
    give_inputs(uplink);
    watch.lap(timing_.record);
    if (full_state_due(time_ns, tick_ns_)) {
        if (plant_state_ != nullptr) plant_chain_.add(plant_state_, plant_state_octets_);
        add_full_state(flight_chain_, computer_);
    }
    plant_chain_.add(&time_ns, sizeof time_ns);
    plant_chain_.add(&sensor_, sizeof sensor_);
    watch.lap(timing_.digest);
    computer_.stores().image.clear();
    computer_.step(sensor_);
    if (recorder_) {
        given_.image = std::move(computer_.stores().image);
        recorder_->add(given_);
    }
    watch.lap(timing_.flight);
    add_flight_tick(flight_chain_, time_ns, computer_);
    watch.lap(timing_.digest);
    take_outputs();
    look_at_truth();
    watch.lap(timing_.record);
    const std::int64_t mask =
        plant_step_(context_, reinterpret_cast<const std::uint8_t*>(&computer_.actuator()),
                    reinterpret_cast<std::uint8_t*>(&sensor_));
    watch.lap(timing_.plant);
    if (mask != contact_mask_) attention_ |= attention_contact;
    contact_mask_ = mask;
    ++tick_;
    ++timing_.ticks;
}

void Driver::give_inputs(std::vector<std::vector<std::uint8_t>>& uplink) {
    const std::vector<Flip> flips = take_due(flips_, tick_);
    const std::vector<Reset> resets = take_due(resets_, tick_);
    for (const Flip& flip : flips)
        computer_.flip(flip.replica, flip.bit);
    for (const Reset& reset : resets)
        computer_.reset(computer::ResetCause::external, reset.down_ns);
    for (const auto& frame : uplink)
        computer_.receive(frame.data(), frame.size());
    if (!recorder_) return;
    given_ = TickInput{sensor_, {}, {}, flips, resets, false, {}};
    if (!uplink.empty()) given_.outcome = {computer_.state().security, computer_.uplink_overflow(), 1};
    for (std::size_t i = 0; i < computer_.uplink_count(); ++i) {
        const auto& frame = computer_.uplink()[i];
        given_.uplink.push_back({frame.octets, frame.length, frame.counter, frame.key});
    }
}

void Driver::take_outputs() {
    const computer::StepOutput* voted = computer_.voted();
    if (voted == nullptr) return;
    for (std::size_t i = 0; i < voted->events.count && i < EventList::capacity; ++i) {
        events_.push_back({tick_, voted->events.items[i]});
    }
    for (std::size_t i = 0; i < voted->frame_count; ++i)
        downlink_.push_back({tick_, voted->frames[i]});
    if (voted->frame_count != 0) attention_ |= attention_downlink;
}

void Driver::look_at_truth() {
    const bool row_due = truth_interval_ != 0 && tick_ % truth_interval_ == 0;
    const std::uint8_t mode = computer_.actuator().mode;
    bool wanted = row_due;
    for (const Watch& watch : watches_)
        wanted = wanted || (watch.column >= 0 && watch.applies(tick_, mode));
    if (wanted && plant_truth_ != nullptr) {
        const Belief belief =
            autonomy_belief(computer_.leader().control.autonomy, computer_.leader().control.parameters);
        static_assert(sizeof belief == 16 * sizeof(double));
        row_[0] = static_cast<double>(tick_);
        plant_truth_(context_, reinterpret_cast<const std::uint8_t*>(&computer_.actuator()),
                     reinterpret_cast<const double*>(&belief), row_.data() + 1);
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
    const auto* base = reinterpret_cast<const std::uint8_t*>(&computer_.leader().account.telemetry);
    return load_number(base + entry.offset + watch.telemetry_element * octets_of(entry.type), entry.type);
}

std::vector<DownlinkFrame> Driver::take_downlink() {
    return std::exchange(downlink_, {});
}
std::vector<VotedEvent> Driver::take_events() {
    return std::exchange(events_, {});
}
std::vector<double> Driver::take_truth() {
    return std::exchange(truth_, {});
}

void Driver::set_plant_state(const void* address, std::size_t octets, std::size_t control_octets) {
    if (control_octets > octets) throw std::invalid_argument("control is a part of the plant's state");
    plant_state_ = static_cast<const std::uint8_t*>(address);
    plant_state_octets_ = octets;
    plant_control_octets_ = control_octets;
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
    const std::uint32_t replicas = computer_.config().replicas;
    if (flip.replica >= replicas) throw std::invalid_argument("no such replica");
    if (flip.bit >= sizeof(computer::ReplicaState) * 8)
        throw std::invalid_argument("no such bit in a replica's state");
    put_in_order(flips_, flip);
}

void Driver::schedule_reset(const Reset& reset) {
    if (reset.down_ns < 0) throw std::invalid_argument("a downtime is not negative");
    put_in_order(resets_, reset);
}

void Driver::record_inputs(const std::string& path) {
    if (recorder_) recorder_->finish(flight_digest());
    recorder_ = path.empty() ? nullptr : std::make_unique<Recorder>(path, tick_, computer_, flight_chain_);
}

Digest Driver::plant_digest() const {
    Chain last = plant_chain_;
    if (plant_state_ != nullptr) last.add(plant_state_, plant_state_octets_);
    return last.digest();
}

Digest Driver::flight_digest() const {
    return flight_digest_now(flight_chain_, computer_);
}

}  // namespace safehold::host
