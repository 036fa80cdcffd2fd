// The flight computer: one or three replicas, the voter, resynchronisation, checkpoint, watchdog and fault
// ports.
//
// Rate: every control tick. Input: a sensor frame and uplink frames. Output: the voted actuator frame, TM
// frames and events; voted requests are carried out through the StorePort, whose answers are part of the next
// step's input. What each failure leaves behind:
// - one replica differs or is silent: the majority drives; after `persistence` ticks it is copied from it
// - a replica keeps diverging, or hangs: retired; the other two go on as a comparing pair
// - one of a pair hangs: the other drives alone; the first is kept in step, and retired in the end
// - no majority: the last voted output for 2 ticks; then wheels zero, torquers and thrusters off, the
//   persisted control state or, if that is older or not sound, the checkpoint restored in every replica, SAFE
//   asked for
// - every replica silent for 2 s: the watchdog resets the computer
// - a reset, whatever its cause: what is volatile is lost (replicas, the voter's memory, what came in),
// nothing
//   is received and the actuators are passive for the downtime; then the boot loader counts the start and
//   gives the replicas the persisted control state, or the values of launch if there is no sound one
// Voter, checkpoint, crypto stages and input frame are single points. Meets L3.1, L3.3, L3.6, L3.7.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/replica.hpp"
#include "safehold/computer/telemetry_counter.hpp"
#include "safehold/computer/voter.hpp"
#include "safehold/computer/witness.hpp"
#include "safehold/security/telemetry.hpp"

namespace safehold::computer {

struct ComputerConfig {
    Parameters parameters;
    std::int64_t tick_ns;
    std::uint32_t replicas;     // 1 or 3
    std::uint32_t resync;       // 0 or 1
    std::uint32_t persistence;  // ticks of divergence on end before a replica is copied from the majority
    std::uint16_t autonomy;     // 1: monitors act and SAFE ends by itself; 0: both are left to the ground
    cdh::TelemetryProtection telemetry_protection;
};
static_assert(sizeof(ComputerConfig) == sizeof(Parameters) + 24);

struct VoterState {
    ComputerStatus status;
    std::array<std::uint32_t, replicas_max> divergence;    // ticks on end
    std::array<std::uint32_t, replicas_max> recent;        // resynchronisations within the window
    std::array<std::uint64_t, replicas_max> window_start;  // tick at which the window began
    std::array<std::uint32_t, replicas_max> stalled;       // fault port: ticks left
    std::uint32_t no_majority;                             // ticks on end
    std::uint64_t ticks;  // control periods since launch, those of downtimes included
    std::uint64_t checkpoint_tick;
    std::uint64_t holds;       // ticks in which the last voted output was held
    std::uint64_t unresolved;  // resynchronisations that found three different values
    std::uint64_t pair_differs;
    std::uint64_t slice_offset;
    std::uint32_t checkpoint_crc;
    std::uint32_t winner;
};
static_assert(sizeof(VoterState) == 40 + 12 + 12 + 24 + 12 + 4 + 6 * 8 + 8);

// The boot loader and the watchdog. `record` is the boot slot's content; the rest does not survive a reset.
struct StartState {
    BootRecord record;
    std::int64_t down_left_ns;  // 0 while the computer runs
    std::int64_t down_ns;       // of the whole downtime
    std::uint64_t ticks;        // since the start
    std::uint64_t first_tick;   // of the executive when the voter's was 0, modulo 2^64
    std::uint32_t boot_sequence;
    std::uint32_t silent;   // ticks on end without a voted output
    std::uint32_t started;  // 0 until the boot loader has run
    std::uint32_t cause;    // ResetCause of the start to come
};
static_assert(sizeof(StartState) == sizeof(BootRecord) + 32 + 16);

struct ComputerState {
    std::array<ReplicaState, replicas_max> replicas;
    ReplicaState checkpoint;
    VoterState voter;
    ActuatorFrame voted;  // the last voted actuator frame
    StoreStatus store;    // what the next step is told
    BootStatus boot;
    StartState start;
    Readback readback;
    security::SecurityState security;
};
static_assert(sizeof(ComputerState) == 4 * sizeof(ReplicaState) + sizeof(VoterState) + sizeof(ActuatorFrame) +
                                           sizeof(StoreStatus) + sizeof(BootStatus) + sizeof(StartState) +
                                           sizeof(Readback) + sizeof(security::SecurityState));
static_assert(std::is_trivially_copyable_v<ComputerState>);

inline constexpr std::int64_t boot_ns = 2'000'000'000;  // what a start takes by itself

// For so long after a write that failed, frames whose counter cannot be kept are refused: a store that fails
// for a moment opens no way for replays, and FOP-1's last repetition comes after it. Then they are taken on
// the counter in memory (ADR 14).
inline constexpr std::int64_t unkept_refused_ns = 5'000'000'000;
inline constexpr std::int64_t unkept_retry_ns = 1'000'000'000;

// Frames that the crypto stage looks at in a tick.
inline constexpr std::uint32_t uplink_examined_max = 96;

// What the crypto stage did for a tick; counted like the replicas' work, and outside their budget.
struct StageWork {
    std::uint32_t frames;  // looked at
    std::uint32_t blocks;  // of AES
};

// True if floating point rounds to nearest and keeps subnormal numbers, as the replicas assume.
[[nodiscard]] bool floating_point_is_sound();

class FlightComputer {
  public:
    // Without stores every request is taken as carried out, nothing is kept, and nothing can be read.
    explicit FlightComputer(const ComputerConfig& config, StorePort* stores = nullptr);

    // What sees every step from now on; null for nobody.
    void set_witness(Witness* witness) { witness_ = witness; }

    // The control period; starts the replicas anew, and does nothing once a step has been made.
    void set_tick(std::int64_t tick_ns);

    // The keys, before the first step; without any, no frame is taken.
    void load_keys(const security::KeyRing& ring);

    // The keys of protected telemetry, before the first step; without any, no protected frame leaves.
    void load_telemetry_keys(const security::KeyRing& ring) { telemetry_stage_.load(ring); }
    [[nodiscard]] bool protects_telemetry() const {
        return config_.telemetry_protection != cdh::TelemetryProtection::none;
    }

    // Uplink: call before `step`. What the crypto stage does not take is counted there; frames beyond
    // `uplink_frames_max` authentic ones, or `uplink_examined_max` altogether, are dropped and counted.
    void receive(const std::uint8_t* frame, std::size_t octets);

    // The clear frames that the next step will be given; and for replays, which have no keys, to give them,
    // with what the crypto stage counted.
    [[nodiscard]] const UplinkFrame* uplink() const { return input_.uplink.data(); }
    [[nodiscard]] std::size_t uplink_count() const { return input_.uplink_count; }
    void hand_on(const security::ClearFrame& clear);
    // Of the last step's uplink; not part of the state, because replays have no keys.
    [[nodiscard]] const StageWork& stage_work() const { return stage_work_; }
    void set_security(const security::SecurityState& security, std::uint32_t uplink_overflow);
    void step(const SensorFrame& sensor);

    // Resets the computer before the next step, which is the first of the downtime (at least one tick).
    void reset(ResetCause cause, std::int64_t down_ns);
    // Runs the boot loader if it has not run yet, as the first frame or step does.
    void wake();
    [[nodiscard]] bool is_down() const { return state_.start.down_left_ns > 0; }

    [[nodiscard]] const ActuatorFrame& actuator() const { return state_.voted; }
    [[nodiscard]] const StepOutput* voted() const { return voted_; }  // null when there was no majority
    // The TM frames that leave in this tick: the voted ones, or, if telemetry is protected, what the crypto
    // stage has made of them.
    [[nodiscard]] const security::TmFrame* frames() const {
        if (voted_ == nullptr) return nullptr;
        return protects_telemetry() ? sealed_.data() : voted_->frames.data();
    }
    [[nodiscard]] std::size_t frame_count() const {
        if (voted_ == nullptr) return 0;
        return protects_telemetry() ? sealed_count_ : voted_->frame_count;
    }
    [[nodiscard]] const ReplicaState& leader() const { return state_.replicas[leader_index()]; }
    [[nodiscard]] const ComputerConfig& config() const { return config_; }
    [[nodiscard]] const VoterState& voter() const { return state_.voter; }
    [[nodiscard]] std::uint32_t uplink_overflow() const { return state_.voter.status.uplink_overflow; }

    [[nodiscard]] const ComputerState& state() const { return state_; }
    // Beside the state; it stands still unless telemetry is protected.
    [[nodiscard]] const TelemetryState& telemetry_state() const { return telemetry_; }
    [[nodiscard]] std::uint16_t telemetry_key() const { return telemetry_stage_.key(); }
    void restore(const ComputerState& state, const TelemetryState& telemetry = {});
    // Of what was restored: the numbers of TM frames below this one may have been used elsewhere.
    void skip_telemetry_to(std::uint64_t below) { skip_to(telemetry_, stores_, below); }

    // Fault ports, for injection only.
    void flip(std::size_t replica, std::size_t bit);
    void stall(std::size_t replica, std::uint32_t ticks);
    void scramble_account(std::size_t replica, std::uint64_t seed);
    void report_overrun() { overrun_ = 1; }

  private:
    void start();
    void carry_out_security();
    void seal_frames();
    [[nodiscard]] bool keep_security();
    [[nodiscard]] std::int64_t unkept_ns() const;
    void retry_security();
    void give(const security::ClearFrame& clear);
    void lose_volatile();
    void boot();
    [[nodiscard]] bool load_control(ControlState& control);
    void restore_replicas();
    void load_security();
    void keep_boot_record();
    void wait_down(const SensorFrame& sensor);
    void watch();
    [[nodiscard]] std::size_t leader_index() const {
        return state_.voter.winner < replicas_max ? state_.voter.winner : 0;
    }
    [[nodiscard]] std::uint8_t voting() const;
    void run_replicas(const SensorFrame& sensor, std::uint8_t voting);
    [[nodiscard]] std::uint8_t compare_slice(std::uint8_t voting);
    void retire(std::size_t replica);
    void heal(std::uint8_t voting, std::uint8_t differing);
    void answer_no_majority(const SensorFrame& sensor);
    void keep_checkpoint(std::uint8_t voting, std::uint8_t differing);
    void carry_out();
    void go_on_with_lost();
    void carry_out_files();
    void persist();

    ComputerConfig config_;
    StorePort* stores_;
    Witness* witness_ = nullptr;
    ComputerState state_;
    StepInput input_;
    std::array<StepOutput, replicas_max> outputs_;
    const StepOutput* voted_ = nullptr;
    security::Stage stage_;
    security::TelemetryStage telemetry_stage_;
    TelemetryState telemetry_{};
    std::array<security::TmFrame, cdh::tm_frames_max> sealed_;  // of this tick
    std::size_t sealed_count_ = 0;
    StageWork examined_{};  // in this tick
    StageWork stage_work_{};
    std::uint8_t overrun_ = 0;
};

}  // namespace safehold::computer
