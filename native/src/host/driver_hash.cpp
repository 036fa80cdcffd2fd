// What two runs are compared by.
//
// Whole: the octets of everything that the driver keeps, but what it only hands on (frames, events and rows
// that wait to be taken) and faults that are still to come. Control: the same without what no decision reads
// any more once the last fault is over.
//
// The voter's memory of faults (divergence, recent, window_start, slice_offset, the checkpoint and when it
// was taken, the counts in its status) is not in control: it is read only where a replica differs or is
// silent, or where there is no majority. Replicas that agree in every octet and get the same input stay in
// agreement, so nothing reads it any more. That they agree, that nothing stalls, and that every change in the
// status has become an event, is therefore part of control; so a state in which something is still to come
// equals none of an undisturbed run.
#include <algorithm>
#include <cstring>

#include "safehold/host/driver.hpp"

namespace safehold::host {
namespace {

class Octets {
  public:
    explicit Octets(std::size_t room) { octets_.reserve(room); }
    void add(const void* data, std::size_t count) {
        const auto* at = static_cast<const std::uint8_t*>(data);
        if (count != 0) octets_.insert(octets_.end(), at, at + count);
    }
    template <typename T>
    void add(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        add(&value, sizeof value);
    }
    [[nodiscard]] Digest hash() const { return sha256(octets_.data(), octets_.size()); }

  private:
    std::vector<std::uint8_t> octets_;
};

// What steers the voter, in fixed places.
struct Steering {
    std::uint64_t ticks;
    std::array<std::uint32_t, computer::replicas_max> stalled;
    std::uint32_t no_majority;
    std::uint32_t winner;
    std::uint8_t retired;
    std::uint8_t restored;
    std::uint8_t overrun;
    std::uint8_t settled;  // 1: the voting replicas agree in every octet, none is counted as differing
};
static_assert(sizeof(Steering) == 8 + 12 + 4 + 4 + 4);

bool is_settled(const computer::ComputerState& state, const computer::ReplicaState& leader,
                unsigned replicas) {
    const computer::VoterState& voter = state.voter;
    for (unsigned i = 0; i < replicas && i < computer::replicas_max; ++i) {
        if (((static_cast<unsigned>(voter.status.retired) >> i) & 1U) != 0) continue;
        if (voter.divergence[i] != 0) return false;
        if (std::memcmp(&state.replicas[i], &leader, sizeof leader) != 0) return false;
    }
    const computer::ComputerStatus& seen = leader.account.computer.seen;
    return seen.divergences == voter.status.divergences &&
           seen.resynchronisations == voter.status.resynchronisations &&
           seen.restorations == voter.status.restorations && seen.retired == voter.status.retired;
}

}  // namespace

Digest Driver::whole_hash() const {
    Octets octets(sizeof(computer::ComputerState) + plant_state_octets_ + 4 * Chain::block_octets);
    octets.add(tick_);
    octets.add(contact_mask_);
    octets.add(sensor_);
    octets.add(plant_state_, plant_state_octets_);
    octets.add(computer_.state());
    octets.add(computer_.stores().memory.digest());
    octets.add(plant_chain_);
    octets.add(flight_chain_);
    for (const Watch& watch : watches_)
        octets.add(watch);
    return octets.hash();
}

Digest Driver::control_hash() const {
    const computer::ComputerState& state = computer_.state();
    const computer::ReplicaState& leader = computer_.leader();
    const computer::VoterState& voter = state.voter;
    Octets octets(sizeof leader.control + plant_control_octets_ + Chain::block_octets);
    octets.add(tick_);
    octets.add(contact_mask_);
    octets.add(sensor_);
    octets.add(plant_state_, plant_control_octets_);
    octets.add(state.voted);
    octets.add(leader.control);
    octets.add(state.security.kept);
    octets.add(
        Steering{voter.ticks, voter.stalled, voter.no_majority, voter.winner, voter.status.retired,
                 voter.status.restored, voter.status.overrun,
                 is_settled(state, leader, computer_.config().replicas) ? std::uint8_t{1} : std::uint8_t{0}});
    for (const Watch& watch : watches_) {
        octets.add(watch);
        if (watch.column >= 0) continue;
        // Telemetry is account: what a watch reads of it, and how full the queues are whose losses it counts,
        // are control here.
        octets.add(telemetry_value(watch));
        octets.add(leader.account.cdh.packets.length);
        octets.add(leader.account.cdh.recorder.range_count);
    }
    return octets.hash();
}

}  // namespace safehold::host
