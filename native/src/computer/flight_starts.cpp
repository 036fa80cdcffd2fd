// How the flight computer starts: what a reset loses, the boot loader, and the watchdog.
#include "safehold/computer/flight_computer.hpp"
#include "safehold/computer/passive.hpp"

namespace safehold::computer {
namespace {

constexpr std::int64_t watchdog_ns = 2'000'000'000;
constexpr std::int64_t stable_ns = 600'000'000'000;
constexpr std::uint32_t starts_max = 0xFFFF'FFFFU;
constexpr std::uint32_t watchdogs_cold = 3;  // starts by the watchdog in succession that blame the state

}  // namespace

void FlightComputer::lose_volatile() {
    const ActuatorFrame voted = state_.voted;
    const std::uint64_t ticks = state_.voter.ticks;
    start();
    state_.voted = voted;
    state_.voter.ticks = ticks;  // periods since launch, by the clock that runs on
    // The ring is loaded anew with the computer: no counter, and the first key in force, until the boot
    // loader has read what was taken under its keys. Without stores whatever was asked for is kept.
    state_.security.unkept_tick = 0;
    state_.security.unkept = 0;
    if (stores_ != nullptr) {
        security::SecurityKept& kept = state_.security.kept;
        kept.counter = {};
        kept.active = 0;
        for (std::size_t i = kept.key.size(); i-- > 0;) {
            if (security::holds_key(state_.security, kept.key[i])) kept.active = kept.key[i];
        }
        state_.security.sequence = 0;
        telemetry_ = {};
    }
    examined_ = {};
    stage_work_ = {};
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
    if (protects_telemetry()) start_counter(telemetry_, stores_, record.count);
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

}  // namespace safehold::computer
