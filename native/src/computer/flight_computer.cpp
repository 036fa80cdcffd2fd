#include "safehold/computer/flight_computer.hpp"

#include <cstring>

#include "safehold/computer/replica_mask.hpp"

namespace safehold::computer {

FlightComputer::FlightComputer(const ComputerConfig& config, StorePort* stores)
    : config_(config), stores_(stores), state_{}, input_{}, outputs_{} {
    start();
}

void FlightComputer::set_tick(std::int64_t tick_ns) {
    if (state_.voter.ticks != 0 || tick_ns == config_.tick_ns) return;
    config_.tick_ns = tick_ns;
    start();
}

void FlightComputer::start() {
    config_.parameters.control_period_s = static_cast<double>(config_.tick_ns) * 1e-9;
    const security::SecurityState security = state_.security;
    state_ = ComputerState{};
    state_.security = security;
    for (std::size_t i = 0; i < config_.replicas && i < replicas_max; ++i) {
        replica_init(state_.replicas[i], config_.parameters);
    }
    state_.checkpoint = state_.replicas[0];
    state_.voter.checkpoint_crc = crc32(&state_.checkpoint, sizeof state_.checkpoint);
    input_.tick_ns = config_.tick_ns;
    input_.autonomy = config_.autonomy;
    input_.telemetry_protection = config_.telemetry_protection;
    if (stores_ != nullptr) stores_->status(state_.store);
    if (witness_ != nullptr) witness_->started();
}

std::uint8_t FlightComputer::voting() const {
    const unsigned all = config_.replicas == 3 ? 7U : 1U;
    return static_cast<std::uint8_t>(all & ~static_cast<unsigned>(state_.voter.status.retired));
}

void FlightComputer::load_keys(const security::KeyRing& ring) {
    stage_.load(ring);
    security::SecurityKept kept = state_.security.kept;
    std::uint32_t sequence = 0;
    if (stores_ != nullptr && stores_->load(Slot::security, &kept, sizeof kept, sequence) == sizeof kept) {
        state_.security.sequence = sequence;
    }
    stage_.start(state_.security, kept);
}

void FlightComputer::receive(const std::uint8_t* frame, std::size_t octets) {
    if (is_down()) return;  // nobody hears it
    if (state_.start.started == 0) boot();
    if (input_.uplink_count >= uplink_frames_max || examined_.frames >= uplink_examined_max) {
        ++state_.voter.status.uplink_overflow;
        return;
    }
    ++examined_.frames;
    security::ClearFrame clear;
    const bool authentic = stage_.open(state_.security, frame, octets, clear);
    examined_.blocks += clear.blocks;
    if (authentic) give(clear);
}

void FlightComputer::hand_on(const security::ClearFrame& clear) {
    if (is_down()) return;
    if (state_.start.started == 0) boot();
    if (input_.uplink_count >= uplink_frames_max || clear.length > clear.octets.size()) {
        ++state_.voter.status.uplink_overflow;
        return;
    }
    security::take(state_.security, clear.key, clear.counter);
    give(clear);
}

void FlightComputer::give(const security::ClearFrame& clear) {
    if (!keep_security()) {
        const bool powered = stores_ == nullptr || stores_->powered();
        if (!powered || unkept_ns() < unkept_refused_ns) {
            security::refuse(state_.security, security::Reject::store);
            return;
        }
        ++state_.security.unkept;
    }
    UplinkFrame& place = input_.uplink[input_.uplink_count++];
    place.length = static_cast<std::uint32_t>(clear.length);
    if (clear.length != 0) std::memcpy(place.octets.data(), clear.octets.data(), clear.length);
    place.crc = crc32(place.octets.data(), clear.length);
    place.counter = clear.counter;
    place.key = clear.key;
}

void FlightComputer::set_security(const security::SecurityState& security, std::uint32_t uplink_overflow) {
    state_.security = security;
    state_.voter.status.uplink_overflow = uplink_overflow;
}

void FlightComputer::run_replicas(const SensorFrame& sensor, std::uint8_t voting) {
    VoterState& voter = state_.voter;
    input_.sensor = sensor;
    input_.status = voter.status;
    input_.status.overrun = overrun_;
    input_.configured = &config_.parameters;
    input_.store = state_.store;
    input_.boot = state_.boot;
    input_.readback = &state_.readback;
    input_.security = &state_.security;
    if (witness_ != nullptr) witness_->given(*this, input_);
    for (std::size_t i = 0; i < replicas_max; ++i) {
        if (!has(voting, i)) continue;
        input_.stalled = voter.stalled[i] != 0 ? 1 : 0;
        if (voter.stalled[i] != 0) --voter.stalled[i];
        replica_step(state_.replicas[i], input_, outputs_[i]);
    }
    voter.status.restored = 0;
    input_.uplink_count = 0;
    stage_work_ = examined_;
    examined_ = {};
    overrun_ = 0;
}

void FlightComputer::step(const SensorFrame& sensor) {
    if (state_.start.started == 0 && !is_down()) boot();
    // Power may also have failed while a frame was received, or while the boot loader counted.
    if (!is_down() && stores_ != nullptr && !stores_->powered()) reset(ResetCause::brown_out, boot_ns);
    if (is_down()) {
        wait_down(sensor);
        return;
    }
    VoterState& voter = state_.voter;
    const std::uint8_t active = voting();
    run_replicas(sensor, active);
    const Vote result = vote(outputs_, active);
    if (result.winner == no_winner) {
        answer_no_majority(sensor);
    } else {
        voter.no_majority = 0;
        voter.winner = static_cast<std::uint32_t>(result.winner);
        voted_ = &outputs_[leader_index()];
        state_.voted = voted_->actuator;
        carry_out();
        carry_out_security();
        if (protects_telemetry()) seal_frames();
        const bool powered = stores_ == nullptr || stores_->powered();
        if (!powered || voted_->reset != 0) {
            // Power failed while the step's requests were being carried out, or the ground has asked for a
            // reset: nothing of the step gets out, but what was kept.
            reset(powered ? ResetCause::commanded : ResetCause::brown_out, boot_ns);
            wait_down(sensor);
            return;
        }
        go_on_with_lost();
        const auto differing = static_cast<std::uint8_t>(result.differing | compare_slice(active));
        heal(active, differing);
        if (state_.boot.fresh != 0) {
            // Until now the checkpoint was what the replicas were given; from now on it is what they made of
            // it.
            state_.boot.fresh = 0;
            voter.checkpoint_tick = voter.ticks;
            state_.checkpoint = leader();
            voter.checkpoint_crc = crc32(&state_.checkpoint, sizeof state_.checkpoint);
        }
        keep_checkpoint(active, differing);
    }
    ++voter.ticks;
    if (state_.security.unkept_tick != 0) retry_security();
    if (witness_ != nullptr && witness_->done(*this) && stores_ != nullptr) stores_->status(state_.store);
    watch();
}

void FlightComputer::restore(const ComputerState& state, const TelemetryState& telemetry) {
    state_ = state;
    telemetry_ = telemetry;
    sealed_count_ = 0;
    voted_ = nullptr;
    input_.uplink_count = 0;
    examined_ = {};
    stage_work_ = {};
}

void FlightComputer::flip(std::size_t replica, std::size_t bit) {
    if (replica >= replicas_max || bit >= sizeof(ReplicaState) * 8) return;
    auto* octets = reinterpret_cast<std::uint8_t*>(&state_.replicas[replica]);
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (1U << (bit % 8)));
}

void FlightComputer::stall(std::size_t replica, std::uint32_t ticks) {
    if (replica < replicas_max) state_.voter.stalled[replica] = ticks;
}

void FlightComputer::scramble_account(std::size_t replica, std::uint64_t seed) {
    if (replica >= replicas_max) return;
    auto* octets = reinterpret_cast<std::uint8_t*>(&state_.replicas[replica].account);
    for (std::size_t i = 0; i < sizeof(AccountState); ++i) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        octets[i] = static_cast<std::uint8_t>(seed >> 56);
    }
}

}  // namespace safehold::computer
