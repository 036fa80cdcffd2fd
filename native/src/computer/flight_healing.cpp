// What becomes of replicas that differ: the rolling comparison of their states, resynchronisation,
// retirement, the checkpoint, and the answer to a tick without a majority.
#include "safehold/computer/flight_computer.hpp"
#include "safehold/computer/passive.hpp"
#include "safehold/computer/replica_mask.hpp"

namespace safehold::computer {
namespace {

constexpr std::uint32_t hold_ticks = 2;
constexpr std::uint32_t retirement_resynchronisations = 4;
constexpr std::uint32_t silent_ticks_max = 100;
constexpr std::uint64_t retirement_window_ns = 600'000'000'000;
constexpr std::uint64_t checkpoint_interval_ns = 30'000'000'000;
constexpr std::uint8_t restored_latest = 1;  // the last control state that was kept
constexpr std::uint8_t restored_older = 2;   // one that may not know the last frames that were taken

}  // namespace

std::uint8_t FlightComputer::compare_slice(std::uint8_t voting) {
    VoterState& voter = state_.voter;
    constexpr std::size_t size = sizeof(ReplicaState);
    std::size_t offset = voter.slice_offset;
    if (offset >= size) offset = 0;
    const std::size_t octets = size - offset < slice_octets ? size - offset : slice_octets;
    const std::uint8_t differing = differing_slice(state_.replicas, voting, offset, octets);
    // A slice that differs is looked at again until it is healed, so that the persistence count can rise.
    const bool stay = differing != 0 && differing != voting && config_.resync != 0;
    if (!stay) offset += octets;
    voter.slice_offset = offset >= size ? 0 : offset;
    if (differing == voting && differing != 0) {
        ++voter.pair_differs;
        return 0;
    }
    return differing;
}

void FlightComputer::heal(std::uint8_t voting, std::uint8_t differing) {
    VoterState& voter = state_.voter;
    const auto window =
        retirement_window_ns / static_cast<std::uint64_t>(config_.tick_ns > 0 ? config_.tick_ns : 1);
    for (std::size_t i = 0; i < replicas_max; ++i) {
        if (!has(differing, i)) {
            voter.divergence[i] = 0;
            continue;
        }
        ++voter.divergence[i];
        ++voter.status.divergences[i];
        const bool silent = outputs_[i].status == static_cast<std::uint32_t>(StepStatus::silent);
        if (config_.resync != 0 && silent && population(voting) == 2) {
            // The other of the pair goes on alone; this one is kept in step for its return, or given up.
            state_.replicas[i] = leader();
            if (voter.divergence[i] >= silent_ticks_max) retire(i);
            continue;
        }
        if (config_.resync == 0 || population(voting) < 3 || voter.divergence[i] < config_.persistence)
            continue;
        if (silent) {
            // Copying into a replica that hangs heals nothing; one that never comes back is given up.
            if (voter.divergence[i] >= silent_ticks_max) retire(i);
            continue;
        }
        if (!resynchronise(state_.replicas, voting, static_cast<int>(i))) {
            ++voter.unresolved;
            continue;
        }
        voter.divergence[i] = 0;
        ++voter.status.resynchronisations[i];
        if (voter.ticks - voter.window_start[i] > window) {
            voter.window_start[i] = voter.ticks;
            voter.recent[i] = 0;
        }
        if (++voter.recent[i] >= retirement_resynchronisations) retire(i);
    }
}

void FlightComputer::retire(std::size_t replica) {
    state_.voter.status.retired = static_cast<std::uint8_t>(state_.voter.status.retired | (1U << replica));
}

// The same state in every replica. What was kept of the control state has every command that was
// acknowledged, so it comes before the checkpoint unless it is older; the tick count never goes back, since
// it numbers what is kept from now on.
void FlightComputer::restore_replicas() {
    VoterState& voter = state_.voter;
    const bool sound = crc32(&state_.checkpoint, sizeof state_.checkpoint) == voter.checkpoint_crc;
    if (!sound) {
        replica_init(state_.checkpoint, config_.parameters);
        voter.checkpoint_crc = crc32(&state_.checkpoint, sizeof state_.checkpoint);
    }
    ReplicaState& first = state_.replicas[0];
    first.account = state_.checkpoint.account;
    const auto checkpoint_tick = static_cast<std::uint32_t>(state_.checkpoint.control.executive.ticks);
    const std::uint32_t latest = state_.store.persisted;
    const bool kept = load_control(first.control);
    const std::uint32_t sequence = kept ? first.control.executive.persist_sequence : 0;
    if (!kept || (sound && !is_persisted(checkpoint_tick, sequence)))
        first.control = state_.checkpoint.control;
    voter.status.restored = kept && sequence == latest ? restored_latest : restored_older;
    first.control.executive.ticks = state_.start.first_tick + voter.ticks + 1;
    for (std::size_t i = 0; i < replicas_max; ++i) {
        if (i != 0 && i < config_.replicas) state_.replicas[i] = first;
        voter.divergence[i] = 0;
    }
}

void FlightComputer::answer_no_majority(const SensorFrame& sensor) {
    VoterState& voter = state_.voter;
    voted_ = nullptr;
    ++voter.no_majority;
    ++voter.holds;
    state_.voted.sequence = sensor.sequence;
    if (voter.no_majority <= hold_ticks) return;
    make_passive(state_.voted);
    state_.voted.mode = static_cast<std::uint8_t>(Mode::safe);  // what the restored replicas are asked for
    restore_replicas();
    voter.no_majority = 0;
    ++voter.status.restorations;
}

// The checkpoint is taken only when every voting replica agrees in every octet.
void FlightComputer::keep_checkpoint(std::uint8_t voting, std::uint8_t differing) {
    VoterState& voter = state_.voter;
    const std::uint64_t elapsed_ns =
        (voter.ticks - voter.checkpoint_tick) * static_cast<std::uint64_t>(config_.tick_ns);
    if (differing != 0 || elapsed_ns < checkpoint_interval_ns) return;
    if (differing_slice(state_.replicas, voting, 0, sizeof(ReplicaState)) != 0) return;
    voter.checkpoint_tick = voter.ticks;
    state_.checkpoint = leader();
    voter.checkpoint_crc = crc32(&state_.checkpoint, sizeof state_.checkpoint);
}

}  // namespace safehold::computer
