// What a cycle tells of the computer itself: its parameters and events, and what is told once a second.
#include <cstring>

#include "safehold/cdh/downlink.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/computer/cycle.hpp"

namespace safehold::computer {
namespace {

// Changes in what the voter says become events, once each.
void report_changes(const ComputerStatus& seen, const ComputerStatus& now, EventList& events) {
    for (std::size_t i = 0; i < replicas_max; ++i) {
        const auto replica = static_cast<double>(i);
        if (now.divergences[i] != seen.divergences[i]) {
            events.add(EventId::replica_diverged, replica, now.divergences[i]);
        }
        if (now.resynchronisations[i] != seen.resynchronisations[i]) {
            events.add(EventId::replica_resynchronised, replica, now.resynchronisations[i]);
        }
        const unsigned retired_now = (static_cast<unsigned>(now.retired) >> i) & 1U;
        if (retired_now > ((static_cast<unsigned>(seen.retired) >> i) & 1U)) {
            events.add(EventId::replica_retired, replica, now.resynchronisations[i]);
        }
    }
    if (now.restorations != seen.restorations) events.add(EventId::computer_restored, now.restorations);
}

void fill_telemetry(Telemetry& telemetry, const ExecutiveState& executive, const AccountState& account,
                    const StepInput& input) {
    const ComputerStatus& status = input.status;
    telemetry.tick = static_cast<std::uint32_t>(executive.ticks);
    telemetry.boot_count = static_cast<std::uint16_t>(input.boot.count);
    telemetry.boot_cause = input.boot.cause;
    telemetry.boot_warm = input.boot.warm;
    telemetry.boot_down_s = static_cast<float>(static_cast<double>(input.boot.down_ns) * 1e-9);
    telemetry.persist_refused = input.store.persist_refused;
    for (std::size_t i = 0; i < replicas_max; ++i) {
        telemetry.replica_divergences[i] = static_cast<std::uint16_t>(status.divergences[i]);
        telemetry.replica_resynchronisations[i] = static_cast<std::uint16_t>(status.resynchronisations[i]);
    }
    telemetry.replicas_retired = status.retired;
    telemetry.computer_restorations = static_cast<std::uint8_t>(status.restorations);
    telemetry.overruns = account.computer.overruns;
    telemetry.work_max = account.computer.work_max;
    telemetry.frames_accepted = account.cdh.frames_accepted;
    telemetry.frames_dropped = total_dropped(account.cdh, input);
    telemetry.uplink_overflow = status.uplink_overflow;
    telemetry.commands_accepted = account.cdh.commands_accepted;
    telemetry.commands_refused = account.cdh.commands_refused;
    telemetry.commands_failed = account.cdh.commands_failed;
    telemetry.events_lost = account.cdh.events_lost;
    telemetry.packets_lost = account.cdh.packets_lost;
}

void fill_security(Telemetry& telemetry, const security::SecurityState& now, const cdh::UplinkState& uplink) {
    telemetry.key_active = now.kept.active;
    telemetry.key_counter = security::counter_of(now, now.kept.active);
    telemetry.frames_authenticated = now.accepted;
    for (std::size_t i = 0; i < telemetry.frames_rejected.size() && i < now.rejected.size(); ++i) {
        telemetry.frames_rejected[i] = static_cast<std::uint16_t>(now.rejected[i]);
    }
    telemetry.frames_unkept = static_cast<std::uint16_t>(now.unkept);
    telemetry.farm_mode = uplink.farm.mode;
    telemetry.farm_expected = uplink.farm.expected;
    telemetry.commands_waiting = static_cast<std::uint16_t>(uplink.commands.packets);
}

// Another key in force is told at once.
void report_security(ComputerAccount& account, const security::SecurityState& now, EventList& events) {
    if (now.kept.active == account.key_seen) return;
    if (account.key_seen != 0) events.add(EventId::key_changed, account.key_seen, now.kept.active);
    account.key_seen = now.kept.active;
}

// Frames are taken on a counter that a reset forgets: told once, and once more when it is kept.
void report_unkept(ComputerAccount& account, const security::SecurityState& now, EventList& events) {
    if (now.unkept != account.unkept_seen && now.unkept_tick != 0 && account.unkept_told == 0) {
        events.add(EventId::counter_unkept, now.kept.active, now.unkept);
        account.unkept_told = 1;
    }
    account.unkept_seen = now.unkept;
    if (now.unkept_tick != 0 || account.unkept_told == 0) return;
    events.add(EventId::counter_kept, now.kept.active, now.unkept);
    account.unkept_told = 0;
}

// Events of what was refused. Anyone can send what has no MAC: of that each doubling of the count is told, so
// that no transmitter fills the store with events; telemetry has the counts.
void report_refusals(Cycle& cycle) {
    AccountState& account = cycle.state.account;
    std::uint32_t dropped = 0;
    for (const std::uint32_t count : account.cdh.frames_dropped)
        dropped += count;
    const std::uint32_t refused = account.cdh.commands_refused;
    if (refused != account.computer.refused_reported || dropped != account.computer.dropped_reported) {
        cycle.output.events.add(EventId::command_refused, refused, total_dropped(account.cdh, cycle.input));
        account.computer.refused_reported = refused;
        account.computer.dropped_reported = dropped;
    }
    const security::SecurityState& security = *cycle.input.security;
    const std::uint32_t rejected = security::total_rejected(security);
    const std::uint32_t told = account.computer.rejected_reported;
    if (rejected < told || (rejected != told && rejected - told >= told)) {
        cycle.output.events.add(EventId::frames_rejected, rejected - told, security.last_reject, rejected);
        account.computer.rejected_reported = rejected;
    }
}

}  // namespace

std::uint32_t total_dropped(const cdh::CdhAccount& account, const StepInput& input) {
    std::uint32_t total = input.status.uplink_overflow + security::total_rejected(*input.security);
    for (const std::uint32_t count : account.frames_dropped)
        total += count;
    return total;
}

void run_status(Cycle& cycle) {
    AccountState& account = cycle.state.account;
    ExecutiveState& executive = cycle.state.control.executive;
    const ComputerStatus& status = cycle.input.status;
    if (std::memcmp(&account.computer.seen, &status, sizeof status) != 0) {
        report_changes(account.computer.seen, status, cycle.output.events);
        account.computer.seen = status;
    }
    if (status.overrun != 0) {
        ++account.computer.overruns;
        if (executive.overruns_consecutive == 1 || executive.overruns_consecutive == overruns_safe) {
            cycle.output.events.add(EventId::control_overrun, account.computer.overruns,
                                    executive.overruns_consecutive);
        }
    }
    const std::uint32_t spent = cycle.budget.spent();
    account.computer.work = spent;
    if (spent > account.computer.work_max) account.computer.work_max = spent;
    fill_telemetry(account.telemetry, executive, account, cycle.input);
    fill_security(account.telemetry, *cycle.input.security, cycle.state.control.uplink);
    report_security(account.computer, *cycle.input.security, cycle.output.events);
    report_unkept(account.computer, *cycle.input.security, cycle.output.events);
}

void run_housekeeping(Cycle& cycle) {
    AccountState& account = cycle.state.account;
    report_refusals(cycle);
    report_units(cycle.input.sensor, account.telemetry);
    cdh::fill_service_telemetry(cycle.state.control.services, account.cdh, account.telemetry);
    cdh::retry_reads(account.cdh.recorder);
    cdh::fill_recorder_telemetry(account.cdh, cycle.state.control.recorder, cycle.input.store,
                                 account.telemetry);
    constexpr auto stored = static_cast<std::uint8_t>(Stream::housekeeping);
    if (!cdh::is_stored(cycle.state.control.services, stored)) return;
    cdh::sample_housekeeping(account.cdh, account.telemetry, cycle.input.store, cycle.input.sensor.clock_ns,
                             static_cast<std::uint32_t>(cycle.state.control.executive.ticks),
                             cycle.state.control.parameters.batch_interval_s, cycle.output.records);
}

}  // namespace safehold::computer
