// A recording of everything that the flight computer was given: sensor frames, uplink, injected faults; and
// of the state and stores that it started from.
//
// Purpose: the flight software replayed from it, without plant or ground and on any processor, gives the same
// flight chain. A file is a header (format, dictionary, configuration, start state and chain), one record a
// tick, and an end record with the flight digest. Sensor frames are stored by the black box's code. Meets
// L6.4, S6.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "safehold/computer/flight_computer.hpp"
#include "safehold/host/chain.hpp"
#include "safehold/host/frame_codec.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::host {

struct Flip {
    std::uint64_t tick;
    std::uint32_t replica;
    std::uint32_t bit;
};

struct Reset {
    std::uint64_t tick;
    std::int64_t down_ns;
};

struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

// What the crypto stage made of a tick's uplink. A recording holds clear frames, no keys and no MACs: a
// replay needs neither.
struct UplinkOutcome {
    security::SecurityState security;
    std::uint32_t overflow;
    std::uint32_t came;  // 1 if any frame came in this tick; the rest is else of no meaning
};
static_assert(sizeof(UplinkOutcome) == sizeof(security::SecurityState) + 8);

// One tick's input.
struct TickInput {
    SensorFrame sensor;
    std::vector<security::ClearFrame> uplink;  // as the replicas get it
    UplinkOutcome outcome{};
    std::vector<Flip> flips;
    std::vector<Reset> resets;
    bool overrun = false;
    std::vector<std::uint8_t> image{};  // that the payload took in this tick
};

class Recorder {
  public:
    // Throws std::runtime_error if the file cannot be written.
    Recorder(const std::string& path, std::uint64_t tick, const HostedComputer& computer,
             const Chain& flight_chain);

    void add(const TickInput& input);
    void finish(const Digest& flight_digest);

  private:
    void write(const void* octets, std::size_t count);

    File file_;
    std::string path_;
    FrameCodec codec_;
    CodedFrame coded_frame_;
    std::vector<std::uint8_t> buffer_;
};

class Recording {
  public:
    // Throws std::runtime_error for a file that is not a recording of this build's dictionary and state
    // layout.
    explicit Recording(const std::string& path);

    // False at the end record.
    [[nodiscard]] bool next(TickInput& input);

    std::uint64_t first_tick = 0;
    computer::ComputerConfig config{};
    Quotas quotas;
    std::vector<std::uint8_t> state;  // of the computer and its stores
    Chain flight_chain{"flight"};
    Digest flight_digest{};  // after the end record

  private:
    void read(void* octets, std::size_t count);

    File file_;
    FrameCodec codec_;
    std::vector<std::uint8_t> coded_;
};

// Adds one tick to the flight chain: the full state and the head of mass memory every 60 simulated seconds
// before the step, then time, voted actuator frame and voted TM frames after it; protected frames as they are
// before they are sealed, so that a replay needs no key.
inline constexpr std::int64_t full_state_interval_ns = 60'000'000'000;
[[nodiscard]] inline bool full_state_due(std::int64_t time_ns, std::int64_t tick_ns) {
    return time_ns % full_state_interval_ns < tick_ns;
}
void add_flight_tick(Chain& chain, std::int64_t time_ns, const computer::FlightComputer& computer);
void add_full_state(Chain& chain, const HostedComputer& computer);
[[nodiscard]] Digest flight_digest_now(const Chain& chain, const HostedComputer& computer);

}  // namespace safehold::host
