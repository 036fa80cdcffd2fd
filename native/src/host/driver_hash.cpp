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
//
// Nor are the numbers up to which the ground has acknowledged records: a run that has recorded an event more
// is given other ones. They decide about the downlink alone, and there as numbers of its account do; whether
// there has been an acknowledgement is control.
//
// Nor is what persistence and the boot loader keep: only a reset reads it, which is a fault that comes.
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
    std::int64_t down_left_ns;
    std::array<std::uint32_t, computer::replicas_max> stalled;
    std::uint32_t silent;
    std::uint32_t no_majority;
    std::uint32_t winner;
    std::uint8_t retired;
    std::uint8_t restored;
    std::uint8_t overrun;
    std::uint8_t settled;  // 1: the voting replicas agree in every octet, none is counted as differing
    std::uint32_t fresh;
};
static_assert(sizeof(Steering) == 8 + 8 + 12 + 3 * 4 + 4 + 4);

// The answers of the stores that the next step is given.
struct Answers {
    computer::ReadRequest read;
    std::uint32_t read_status;
    std::uint32_t read_crc;
    std::array<std::uint8_t, computer::file_requests_max> files;
    std::uint32_t file_count;
    std::uint32_t unkept;  // how far persistence is behind the last request
};
static_assert(sizeof(Answers) == sizeof(computer::ReadRequest) + 8 + computer::file_requests_max + 8);

Answers answers_of(const computer::ComputerState& state, const computer::ReplicaState& leader) {
    Answers answers{};
    if (state.readback.status != 0) {
        answers.read = state.readback.request;
        answers.read_status = state.readback.status;
        answers.read_crc = state.readback.crc;
    }
    answers.files = state.store.file_answer;
    answers.file_count = state.store.file_answers;
    answers.unkept = leader.control.executive.persist_sequence - state.store.persisted;
    return answers;
}

// The control half with what steers, but for the numbers of records.
computer::ControlState steering_control(const computer::ReplicaState& leader) {
    computer::ControlState control = leader.control;
    for (std::uint64_t& acknowledged : control.recorder.acknowledged)
        acknowledged = acknowledged != 0 ? 1 : 0;
    return control;
}

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
    const HostedComputer& computer = here().computer();
    Octets octets(sizeof(computer::ComputerState) + plant_state_octets_ + 4 * Chain::block_octets);
    octets.add(tick_);
    octets.add(contact_mask_);
    octets.add(sensor_);
    octets.add(plant_state_, plant_state_octets_);
    octets.add(computer.state());
    if (computer.protects_telemetry()) octets.add(computer.telemetry_state());
    octets.add(computer.stores().memory.digest());
    octets.add(plant_chain_);
    octets.add(here().chain());
    for (const Watch& watch : watches_)
        octets.add(watch);
    return octets.hash();
}

Digest Driver::control_hash() const {
    const HostedComputer& hosted = here().computer();
    const computer::ComputerState& state = hosted.state();
    const computer::ReplicaState& leader = hosted.leader();
    const computer::VoterState& voter = state.voter;
    Octets octets(sizeof leader.control + plant_control_octets_ + Chain::block_octets);
    octets.add(tick_);
    octets.add(contact_mask_);
    octets.add(sensor_);
    octets.add(plant_state_, plant_control_octets_);
    octets.add(state.voted);
    octets.add(steering_control(leader));
    octets.add(state.security.kept);
    octets.add(state.security.unkept_tick);
    const std::uint8_t settled = is_settled(state, leader, hosted.config().replicas) ? 1 : 0;
    octets.add(Steering{voter.ticks, state.start.down_left_ns, voter.stalled, state.start.silent,
                        voter.no_majority, voter.winner, voter.status.retired, voter.status.restored,
                        voter.status.overrun, settled, state.boot.fresh});
    octets.add(answers_of(state, leader));
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
