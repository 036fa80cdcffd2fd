#include "safehold/computer/flight_computer.hpp"

#include <cstring>

namespace safehold::computer {
namespace {

constexpr std::uint32_t hold_ticks = 2;
constexpr std::uint32_t retirement_resynchronisations = 4;
constexpr std::uint32_t silent_ticks_max = 100;
constexpr std::uint64_t retirement_window_ns = 600'000'000'000;
constexpr std::uint64_t checkpoint_interval_ns = 30'000'000'000;
constexpr std::int64_t watchdog_ns = 2'000'000'000;
constexpr std::int64_t boot_ns = 2'000'000'000;  // what a start takes by itself
constexpr std::int64_t stable_ns = 600'000'000'000;
constexpr std::uint32_t starts_max = 0xFFFF'FFFFU;
constexpr std::uint8_t restored_latest = 1;  // the last control state that was kept
constexpr std::uint8_t restored_older = 2;   // one that may not know the last frames that were taken
constexpr std::uint32_t watchdogs_cold = 3;  // starts by the watchdog in succession that blame the state

bool has(std::uint8_t mask, std::size_t replica) {
    return ((static_cast<unsigned>(mask) >> replica) & 1U) != 0;
}

int population(std::uint8_t mask) {
    return (mask & 1) + ((mask >> 1) & 1) + ((mask >> 2) & 1);
}

// What drives nothing: wheels zero, torquers and thrusters off, valve closed, nothing fired, no transmission;
// the switches and heaters stay as they were voted last, because an unpowered unit is no safer.
void make_passive(ActuatorFrame& actuator) {
    actuator.wheel_torque_n_m = {};
    actuator.torquer_dipole_body_a_m2 = {};
    actuator.thruster_on_s = {};
    actuator.array_rate_rad_s = 0.0F;
    actuator.attitude_command_body_from_gcrf = {};
    actuator.attitude_command_valid = 0;
    actuator.latch_valve_open = 0;
    actuator.deployment_fire = 0;
    actuator.transmitter_on = 0;
    actuator.submode = 0;
    actuator.slewing = 0;
}

}  // namespace

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
    if (stores_ != nullptr) stores_->status(state_.store);
    if (witness_ != nullptr) witness_->started();
}

// --- starts
// ---------------------------------------------------------------------------------------------------

void FlightComputer::lose_volatile() {
    const ActuatorFrame voted = state_.voted;
    const std::uint64_t ticks = state_.voter.ticks;
    start();
    state_.voted = voted;
    state_.voter.ticks = ticks;  // periods since launch, by the clock that runs on
    // The ring is loaded anew with the computer: no counter, and the first key in force, until the boot
    // loader has read what was taken under its keys. Without stores whatever was asked for is kept.
    if (stores_ != nullptr) {
        security::SecurityKept& kept = state_.security.kept;
        kept.counter = {};
        kept.active = 0;
        for (std::size_t i = kept.key.size(); i-- > 0;) {
            if (security::holds_key(state_.security, kept.key[i])) kept.active = kept.key[i];
        }
        state_.security.sequence = 0;
    }
    examined_ = 0;
    input_.uplink_count = 0;
    voted_ = nullptr;
    overrun_ = 0;
}

void FlightComputer::reset(ResetCause cause, std::int64_t down_ns) {
    const std::int64_t least_ns = config_.tick_ns > 0 ? config_.tick_ns : 1;
    lose_volatile();
    state_.start.cause = static_cast<std::uint32_t>(cause);
    state_.start.down_ns = down_ns > least_ns ? down_ns : least_ns;
    state_.start.down_left_ns = state_.start.down_ns;
}

// The control state that was kept; false, and what is in `control` not to be used, if none is sound.
bool FlightComputer::load_control(ControlState& control) {
    std::uint32_t sequence = 0;
    if (stores_ == nullptr) return false;
    if (stores_->load(Slot::control, &control, sizeof control, sequence) != sizeof control) return false;
    if (control.executive.persist_sequence != sequence) return false;
    state_.store.persisted = sequence;
    return true;
}

// The counters that the crypto stage had taken when power went, and the key in force. If no copy is sound the
// counters begin again (ADR 14).
void FlightComputer::load_security() {
    security::SecurityState& security = state_.security;
    security::SecurityKept kept{};
    if (stores_ == nullptr ||
        stores_->load(Slot::security, &kept, sizeof kept, security.sequence) != sizeof kept) {
        return;
    }
    for (std::size_t i = 0; i < kept.key.size(); ++i) {
        if (kept.key[i] == security.kept.key[i]) security.kept.counter[i] = kept.counter[i];
    }
    if (security::holds_key(security, kept.active)) security.kept.active = kept.active;
}

void FlightComputer::keep_boot_record() {
    if (stores_ == nullptr) return;
    StartState& start = state_.start;
    if (stores_->persist(Slot::boot, start.boot_sequence + 1, &start.record, sizeof start.record)) {
        ++start.boot_sequence;
    } else {
        ++state_.store.persist_refused;
    }
}

void FlightComputer::wake() {
    if (state_.start.started == 0 && !is_down()) boot();
}

// The boot loader.
void FlightComputer::boot() {
    StartState& start = state_.start;
    start.started = 1;
    start.down_left_ns = 0;
    BootRecord& record = start.record;
    bool warm = false;
    const auto cause = static_cast<ResetCause>(start.cause);
    if (stores_ != nullptr) {
        stores_->power_up();
        record = {};
        if (stores_->load(Slot::boot, &record, sizeof record, start.boot_sequence) == 0) record = {};
    }
    if (record.count < starts_max) ++record.count;
    if (record.successive < starts_max) ++record.successive;
    if (cause == ResetCause::watchdog && record.watchdogs < starts_max) ++record.watchdogs;
    keep_boot_record();
    if (stores_ != nullptr) {
        // A state that hangs the replicas each time is given up.
        if (record.watchdogs >= watchdogs_cold) stores_->forget(Slot::control);
        warm = load_control(state_.checkpoint.control);  // what is made of it is checked before it is used
        if (warm) state_.replicas[0].control = state_.checkpoint.control;
        if (!warm && record.count > 1) stores_->forget(Slot::control);
        stores_->status(state_.store);
    }
    if (start.down_ns > 0) load_security();
    if (warm) {
        for (std::size_t i = 1; i < config_.replicas && i < replicas_max; ++i)
            state_.replicas[i] = state_.replicas[0];
    }
    start.first_tick = state_.replicas[0].control.executive.ticks - state_.voter.ticks;
    state_.checkpoint = state_.replicas[0];
    state_.voter.checkpoint_crc = crc32(&state_.checkpoint, sizeof state_.checkpoint);
    state_.boot = {};
    state_.boot.down_ns = start.down_ns;
    state_.boot.count = record.count;
    state_.boot.successive = record.successive;
    state_.boot.milestones = record.milestones;
    state_.boot.fresh = 1;
    state_.boot.cause = static_cast<std::uint8_t>(start.cause);
    state_.boot.warm = warm ? 1 : 0;
}

// A tick without a computer: the mode is BOOT, nothing drives, nothing radiates.
void FlightComputer::wait_down(const SensorFrame& sensor) {
    voted_ = nullptr;
    make_passive(state_.voted);
    state_.voted.mode = static_cast<std::uint8_t>(Mode::boot);
    state_.voted.sequence = sensor.sequence;
    input_.uplink_count = 0;
    ++state_.voter.ticks;
    state_.start.down_left_ns -= config_.tick_ns;
    if (state_.start.down_left_ns <= 0) boot();
}

// The watchdog, and the end of a succession of starts.
void FlightComputer::watch() {
    StartState& start = state_.start;
    ++start.ticks;
    start.silent = voted_ == nullptr ? start.silent + 1 : 0;
    if (static_cast<std::int64_t>(start.silent) * config_.tick_ns >= watchdog_ns) {
        reset(ResetCause::watchdog, boot_ns);
        return;
    }
    const auto stable = static_cast<std::uint64_t>(stable_ns / (config_.tick_ns > 0 ? config_.tick_ns : 1));
    if (start.ticks == stable && start.record.successive != 0) {
        start.record.successive = 0;
        start.record.watchdogs = 0;
        keep_boot_record();
    }
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
    if (input_.uplink_count >= uplink_frames_max || examined_ >= uplink_examined_max) {
        ++state_.voter.status.uplink_overflow;
        return;
    }
    ++examined_;
    security::ClearFrame clear;
    if (stage_.open(state_.security, frame, octets, clear)) give(clear);
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
        security::refuse(state_.security, security::Reject::store);
        return;
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
    examined_ = 0;
    overrun_ = 0;
}

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

void FlightComputer::carry_out_files() {
    const FileList& files = voted_->files;
    state_.store.file_answers = 0;
    state_.store.file_answer = {};
    for (std::size_t i = 0; i < files.count && i < file_requests_max; ++i) {
        const FileRequest& request = files.items[i];
        const bool writes = request.operation == static_cast<std::uint8_t>(FileOperation::write);
        const bool held = files.length <= files.octets.size() && request.at <= files.length &&
                          request.length <= files.length - request.at;
        FileAnswer answer = FileAnswer::refused;
        if (writes && !held) {
            answer = FileAnswer::range;
        } else if (stores_ != nullptr) {
            answer = stores_->file(request, writes ? files.octets.data() + request.at : nullptr);
        }
        state_.store.file_answer[i] = static_cast<std::uint8_t>(answer);
        ++state_.store.file_answers;
    }
}

// The control state is kept only if its winner's octets are those that were voted on.
void FlightComputer::persist() {
    const PersistRequest& request = voted_->persist;
    const ControlState& control = leader().control;
    if (stores_ == nullptr) {
        state_.store.persisted = request.sequence;
    } else if (crc32(&control, sizeof control) != request.crc ||
               !stores_->persist(Slot::control, request.sequence, &control, sizeof control)) {
        ++state_.store.persist_refused;
    } else {
        state_.store.persisted = request.sequence;
    }
    const std::uint32_t milestones = state_.start.record.milestones | request.milestones;
    if (milestones == state_.start.record.milestones) return;
    state_.start.record.milestones = milestones;
    keep_boot_record();
}

// What the step asked of the stores. Costs next to nothing in a tick that asks nothing.
void FlightComputer::carry_out() {
    const StepOutput& asked = *voted_;
    if (state_.store.file_answers != 0 || asked.files.count != 0) carry_out_files();
    // Records go before the state: what the state no longer holds as still to be told has then been told.
    std::size_t at = 0;
    for (std::size_t i = 0; i < asked.records.count && i < RecordList::items_max; ++i) {
        const RecordList::Item& item = asked.records.items[i];
        if (stores_ == nullptr || item.stream >= stream_count || item.length > asked.records.length - at)
            break;
        stores_->append(static_cast<Stream>(item.stream), asked.records.octets.data() + at, item.length);
        at += item.length;
    }
    if (asked.persist.valid != 0) persist();
    if (stores_ != nullptr && asked.drop.valid != 0) stores_->drop(asked.drop);
    state_.readback.status = static_cast<std::uint32_t>(ReadStatus::none);
    if (asked.read.kind != 0) {
        state_.readback.request = asked.read;
        state_.readback.octets = 0;
        state_.readback.records = 0;
        if (stores_ != nullptr) stores_->read(asked.read, state_.readback);
    }
    const bool changed =
        asked.records.count + asked.files.count + asked.persist.valid + asked.drop.valid != 0;
    if (stores_ != nullptr && changed) stores_->status(state_.store);
}

// What the step was told of lost records is told once.
void FlightComputer::go_on_with_lost() {
    std::uint32_t lost = 0;
    for (const StreamStatus& stream : input_.store.streams)
        lost |= stream.lost;
    if (lost == 0 || stores_ == nullptr) return;
    stores_->lost_told();
    stores_->status(state_.store);
}

// A key that the replicas asked for is in force from the next frame on.
void FlightComputer::carry_out_security() {
    const std::uint16_t id = voted_->security.select;
    if (id == 0 || id == state_.security.kept.active) return;
    if (security::select_key(state_.security, id)) (void)keep_security();
}

// What the crypto stage must not forget is kept before a frame goes on.
bool FlightComputer::keep_security() {
    security::SecurityState& security = state_.security;
    ++security.sequence;
    return stores_ == nullptr ||
           stores_->persist(Slot::security, security.sequence, &security.kept, sizeof security.kept);
}
// --- the step
// --------------------------------------------------------------------------------------------------

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
    if (witness_ != nullptr && witness_->done(*this) && stores_ != nullptr) stores_->status(state_.store);
    watch();
}

void FlightComputer::restore(const ComputerState& state) {
    state_ = state;
    voted_ = nullptr;
    input_.uplink_count = 0;
    examined_ = 0;
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
