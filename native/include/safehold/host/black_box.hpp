// The black box: all that the replicas were given, so that the ground can compute the rest again.
//
// Purpose: a step is a function of state and input; what is kept is a state every ten minutes and each tick's
// input, 54 octets of it on a usual tick. A chunk is a file in mass memory (docs/black-box.md):
//   head      format, dictionary, sizes, first tick, configuration; the leader's state, runs of zeros left
//   out ticks     the sensor frame as the frame codec has it; what else changed; uplink; records read back
//   checks    every 60 s, SHA-256 over the leader's control state and telemetry
// What reaches into the ten minutes before and after an anomaly goes down before housekeeping.
// Rate: every control tick; written through once a second, so that a reset loses at most that. Chunks of the
// last 24 h are kept. Meets L6.3, L6.4.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "safehold/cdh/cfdp.hpp"
#include "safehold/computer/flight_computer.hpp"
#include "safehold/computer/witness.hpp"
#include "safehold/host/frame_codec.hpp"
#include "safehold/host/quotas.hpp"
#include "safehold/host/sha256.hpp"

namespace safehold::host {

inline constexpr std::int64_t chunk_ns = 600'000'000'000;
inline constexpr std::int64_t check_interval_ns = 60'000'000'000;

struct ChunkHead {
    char magic[16];
    char dictionary[64];
    std::uint64_t first_tick;
    std::uint32_t config_octets;
    std::uint32_t state_octets;
    std::uint32_t context_octets;
    std::uint32_t packed_octets;  // of the state that follows the configuration
};
static_assert(sizeof(ChunkHead) == 104);

// What a step is given besides the sensor frame, uplink and readback.
struct StepContext {
    computer::ComputerStatus status;
    computer::StoreStatus store;
    computer::BootStatus boot;
    security::SecurityState security;

    StepContext() : status{}, store{}, boot{}, security{} {}
    explicit StepContext(const computer::StepInput& input);
    // Security stays here: the input points to it.
    void give(computer::StepInput& input) const;
};
static_assert(sizeof(StepContext) % 8 == 0 && std::is_trivially_copyable_v<StepContext>);

// Before each uplink frame.
struct UplinkHead {
    std::uint64_t counter;
    std::uint32_t crc;
    std::uint16_t length;
    std::uint16_t key;
};
static_assert(sizeof(UplinkHead) == 16);

// The parts of a tick's record that are there, and the mark of a check.
inline constexpr std::uint8_t part_context = 1;
inline constexpr std::uint8_t part_uplink = 2;
inline constexpr std::uint8_t part_readback = 4;
inline constexpr std::uint8_t mark_check = 0x80;

// The control state and telemetry of a replica, as a check has them.
[[nodiscard]] Digest check_of(const computer::ReplicaState& state);

class BlackBox final : public computer::Witness {
  public:
    explicit BlackBox(computer::StorePort& stores) : stores_(stores), state_{} {}

    void given(const computer::FlightComputer& computer, const computer::StepInput& input) override;
    [[nodiscard]] bool done(const computer::FlightComputer& computer) override;

    // What was not written through is lost, and a new chunk begins with the state that was loaded.
    void started() override;

    // A chunk that has ended and does not go down first.
    struct Past {
        std::uint64_t next_tick;
        std::uint32_t file;  // 0 for none
        std::uint32_t spare;
    };
    static constexpr std::size_t pasts_max = 8;

    // Everything that it remembers between steps, as plain octets.
    struct State {
        FrameCodec codec;
        StepContext context;
        std::array<std::uint8_t, 6 * 4096> waiting;  // whole ticks
        std::array<Past, pasts_max> pasts;           // a ring
        std::uint64_t
            calm_tick;  // what begins before it goes down first, since an anomaly was shortly before
        std::uint64_t first_tick;
        std::uint64_t ticks;    // in this chunk
        std::uint32_t file;     // of the chunk that is open; 0 if none is
        std::uint32_t written;  // octets of it
        std::uint32_t length;   // octets that wait
        std::uint32_t next;     // number of the next chunk; 0 until the directory was looked at
        std::uint32_t oldest;   // no chunk has a lower number
        std::uint32_t held;     // chunks that are there
        std::uint32_t refused;  // writes that the store did not take
        std::uint32_t stores_changed;
        std::uint32_t anomalous;   // 1: this chunk goes down first
        std::uint32_t pasts_next;  // place in the ring
    };
    static_assert(std::is_trivially_copyable_v<State>);
    [[nodiscard]] const State& state() const { return state_; }
    void restore(const State& state) { state_ = state; }

  private:
    void begin(const computer::FlightComputer& computer, const computer::StepInput& input);
    void end();
    void find_numbers(std::uint64_t tick);
    void find_pasts(const std::vector<computer::FileEntry>& held, std::uint64_t tick);
    [[nodiscard]] bool read_head(std::uint32_t file, ChunkHead& head);
    void keep_room();
    void thin_out(std::vector<computer::FileEntry>& held);
    void give_back(const computer::FileEntry& entry);
    void note_anomaly(const computer::StepOutput& voted, std::uint64_t tick, std::uint64_t reach);
    void remember(std::uint32_t file, std::uint64_t next_tick);
    void rank_first(std::uint32_t file);
    void put(const void* octets, std::size_t count);
    void put_uplink(const computer::StepInput& input);
    void put_readback(const computer::Readback& readback);
    void put_check(const computer::ReplicaState& state);
    void write_through();
    [[nodiscard]] computer::FileAnswer ask(computer::FileOperation operation, std::uint32_t file,
                                           std::uint32_t offset, std::uint32_t length,
                                           const std::uint8_t* octets,
                                           cdh::FileKind kind = cdh::FileKind::black_box);

    computer::StorePort& stores_;
    State state_;
    CodedFrame coded_;
};

}  // namespace safehold::host
