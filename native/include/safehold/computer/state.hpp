// The state of one replica, in two halves, and what goes in and out of its step.
//
// Purpose: one trivially copyable struct without padding, so that voting, scrubbing, checkpoints, fault
// injection, forking and replay are copies and comparisons of octets. The control half is everything that can
// change what happens next; no decision reads the account half. Meets L3.1, L3.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/cdh/files.hpp"
#include "safehold/cdh/services_state.hpp"
#include "safehold/cdh/state.hpp"
#include "safehold/cdh/tc_frames.hpp"
#include "safehold/cdh/telemetry.hpp"
#include "safehold/computer/interface.hpp"
#include "safehold/computer/store.hpp"
#include "safehold/gnc/autonomy.hpp"
#include "safehold/gnc/imaging.hpp"
#include "safehold/security/stage.hpp"

namespace safehold::computer {

inline constexpr std::size_t replicas_max = 3;
// 64 kbit/s bring 800 octets in 100 ms: 21 of the shortest frames that can be authentic.
inline constexpr std::size_t uplink_frames_max = 24;

// The cyclic executive's state.
struct ExecutiveState {
    std::uint64_t ticks;                 // control cycles since start
    std::uint32_t heartbeat;             // cycles that ended; the watchdog's progress token
    std::uint32_t overruns_consecutive;  // as reported by the host's clock
    std::uint32_t persist_sequence;      // of the last request to persist this state: the tick that asked
    std::uint32_t spare;
};
static_assert(sizeof(ExecutiveState) == 24);

struct ControlState {
    Parameters parameters;
    AutonomyState autonomy;
    ExecutiveState executive;
    cdh::ServicesState services;
    cdh::RecorderControl recorder;
    cdh::UplinkState uplink;
    cdh::FilesControl files;
    ImagingControl imaging;
};
static_assert(sizeof(ControlState) == sizeof(Parameters) + sizeof(AutonomyState) + sizeof(ExecutiveState) +
                                          sizeof(cdh::ServicesState) + sizeof(cdh::RecorderControl) +
                                          sizeof(cdh::UplinkState) + sizeof(cdh::FilesControl) +
                                          sizeof(ImagingControl));

// What the voter tells every replica about the computer, in the input of each step.
struct ComputerStatus {
    std::array<std::uint32_t, replicas_max> divergences;
    std::array<std::uint32_t, replicas_max> resynchronisations;
    std::uint32_t restorations;
    std::uint8_t retired;   // bit by replica
    std::uint8_t restored;  // first step after a restoration, asks for SAFE: 2 if of an older state
    std::uint8_t overrun;   // 1 when the host's clock says that the last cycle did not end in time
    std::uint8_t spare;
    std::uint32_t uplink_overflow;  // TC frames beyond what a tick can take
    std::uint32_t spare_word;
};
static_assert(sizeof(ComputerStatus) == 40);

struct ComputerAccount {
    ComputerStatus seen;  // the last status, so that changes become events
    std::uint32_t overruns;
    std::uint32_t overruns_slow;  // slow rate groups put off
    std::uint32_t work_max;
    std::uint32_t actuators_gated;
    std::uint32_t settings_repaired;
    std::uint32_t events_dropped;
    std::uint32_t refused_reported;
    std::uint32_t dropped_reported;
    std::uint32_t key_seen;           // id of the key that was last reported to be in force
    std::uint32_t rejected_reported;  // frames that the crypto stage refused
    std::uint32_t unkept_seen;        // frames taken on a counter in memory alone
    std::uint32_t unkept_told;        // 1 since the event of it, until the counter is kept
    std::uint32_t work;               // of the last tick, up to its status task; `work_max` is the most of it
    std::uint32_t spare;
};
static_assert(sizeof(ComputerAccount) == 96);

struct AccountState {
    Telemetry telemetry;
    cdh::CdhAccount cdh;
    ComputerAccount computer;
    cdh::FilesAccount files;
};
static_assert(sizeof(AccountState) == sizeof(Telemetry) + sizeof(cdh::CdhAccount) + sizeof(ComputerAccount) +
                                          sizeof(cdh::FilesAccount));

struct ReplicaState {
    ControlState control;
    AccountState account;
};
static_assert(sizeof(ReplicaState) == sizeof(ControlState) + sizeof(AccountState));
static_assert(std::is_trivially_copyable_v<ReplicaState> && sizeof(ReplicaState) % 8 == 0);

// A clear frame from the crypto stage.
struct UplinkFrame {
    std::array<std::uint8_t, cdh::tc_frame_octets_max> octets;
    std::uint64_t counter;
    std::uint32_t length;
    std::uint32_t crc;  // CRC-32 of the octets, checked in each replica
    std::uint16_t key;
};

// Everything that a step may depend on besides its state.
struct StepInput {
    SensorFrame sensor;
    ComputerStatus status;
    std::int64_t tick_ns;
    const Parameters* configured;  // what a setting that left its limits goes back to
    const security::SecurityState* security;
    std::uint32_t uplink_count;
    std::uint32_t stalled;   // fault port: 1 hangs one of this replica's tasks until the work budget is gone
    std::uint32_t autonomy;  // as configured; outside the state, so that it changes no octet of it
    cdh::TelemetryProtection telemetry_protection;  // likewise
    std::uint16_t spare;
    StoreStatus store;
    BootStatus boot;
    const Readback* readback;  // the answer to the last tick's ReadRequest; its status is none without one
    std::array<UplinkFrame, uplink_frames_max> uplink;
};

enum class StepStatus : std::uint32_t { silent = 0, done = 1 };

// What a step leaves: compared bit for bit between replicas, up to the counts given.
struct StepOutput {
    ActuatorFrame actuator;
    std::uint32_t status;  // StepStatus
    std::uint32_t frame_count;
    EventList events;
    security::SecurityRequest security;
    ReadRequest read;
    DropRequest drop;
    PersistRequest persist;
    RecordList records;
    FileList files;
    std::array<std::array<std::uint8_t, cdh::tm_frame_octets>, cdh::tm_frames_max> frames;
    std::uint8_t reset;  // 1: the computer is to be reset, once this tick's requests have been carried out
    std::array<std::uint8_t, 6> spare;
};
static_assert(offsetof(StepOutput, status) == sizeof(ActuatorFrame));
static_assert(offsetof(StepOutput, events) == sizeof(ActuatorFrame) + 8);

}  // namespace safehold::computer
