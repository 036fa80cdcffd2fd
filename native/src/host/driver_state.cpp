// The driver's state as octets: head, flight side, plant chain, then the lists with their lengths.
#include <memory>
#include <stdexcept>

#include "safehold/host/driver.hpp"

namespace safehold::host {
namespace {

struct Head {
    char magic[16];
    char dictionary[64];
    std::uint64_t tick;
    std::int64_t tick_ns;
    std::int64_t contact_mask;
    std::uint64_t truth_interval;
    std::uint64_t truth_width;
    std::uint64_t computer_octets;
    SensorFrame sensor;
};

constexpr char magic[16] = "SAFEHOLD-DRIVE3";

}  // namespace

std::vector<std::uint8_t> Driver::state(BlockPool* pool) const {
    Head head{};
    std::memcpy(head.magic, magic, sizeof magic);
    std::memcpy(head.dictionary, dictionary_sha256, sizeof head.dictionary);
    head.tick = tick_;
    head.tick_ns = tick_ns_;
    head.contact_mask = contact_mask_;
    head.truth_interval = truth_interval_;
    head.truth_width = width_;
    head.computer_octets = sizeof(computer::ComputerState);
    head.sensor = sensor_;
    Out out(pool);
    out.octets.reserve(sizeof head + sizeof(computer::ComputerState) + 4 * Chain::block_octets);
    out.add(&head, sizeof head);
    const std::size_t at = out.octets.size();
    out.value(std::uint64_t{0});
    flight_->put(out);
    const std::uint64_t octets = out.octets.size() - at - sizeof octets;
    std::memcpy(out.octets.data() + at, &octets, sizeof octets);
    out.add(&plant_chain_, sizeof plant_chain_);
    out.list(watches_);
    out.list(flips_);
    out.list(resets_);
    out.list(downlink_);
    out.list(events_);
    out.list(truth_);
    return out.octets;
}

void Driver::restore(const std::uint8_t* octets, std::size_t count, const BlockPool* pool) {
    In in(octets, count, "the driver's state", pool);
    Head head{};
    in.take(&head, sizeof head);
    if (std::memcmp(head.magic, magic, sizeof magic) != 0) {
        throw std::invalid_argument("these octets are not a driver's state");
    }
    if (std::memcmp(head.dictionary, dictionary_sha256, sizeof head.dictionary) != 0 ||
        head.computer_octets != sizeof(computer::ComputerState) || head.truth_width != width_) {
        throw std::invalid_argument("the state was made with another dictionary or state layout");
    }
    if (head.tick_ns != tick_ns_)
        throw std::invalid_argument("the state was made with another control period");
    // Everything is read before anything is changed, and the flight side changes nothing if it refuses.
    const In flight = in.part();
    Chain plant_chain{"plant"};
    in.take(&plant_chain, sizeof plant_chain);
    auto watches = in.list<Watch>();
    auto flips = in.list<Flip>();
    auto resets = in.list<Reset>();
    auto downlink = in.list<DownlinkFrame>();
    auto events = in.list<VotedEvent>();
    auto truth = in.list<double>();
    if (!in.empty()) throw std::invalid_argument("the driver's state is too long");
    for (const Watch& watch : watches) {
        const bool known = watch.column >= 0
                               ? static_cast<std::size_t>(watch.column) < width_
                               : watch.telemetry_entry < telemetry_entries.size() &&
                                     watch.telemetry_element < telemetry_entries[watch.telemetry_entry].count;
        if (!known) throw std::invalid_argument("a watch of the driver's state looks at nothing");
    }
    flight_->restore(flight, head.tick);
    tick_ = head.tick;
    contact_mask_ = head.contact_mask;
    truth_interval_ = head.truth_interval;
    sensor_ = head.sensor;
    attention_ = 0;
    plant_chain_ = plant_chain;
    watches_ = std::move(watches);
    flips_ = std::move(flips);
    resets_ = std::move(resets);
    downlink_ = std::move(downlink);
    sights_.clear();
    events_ = std::move(events);
    truth_ = std::move(truth);
}

}  // namespace safehold::host
