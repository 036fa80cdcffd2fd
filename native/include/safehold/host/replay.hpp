// Replays a recording of flight inputs, without plant or ground.
#pragma once

#include <cstdint>
#include <string>

#include "safehold/host/sha256.hpp"

namespace safehold::host {

struct Replay {
    std::uint64_t ticks;   // the tick reached
    Digest digest;         // of the flight chain there
    bool start_is_equal;   // this processor starts the replicas with the recorded octets
    bool digest_is_equal;  // the digest is the recorded one
};

// Throws std::runtime_error if the recording cannot be read, or is of another build.
[[nodiscard]] Replay replay(const std::string& path);

}  // namespace safehold::host
