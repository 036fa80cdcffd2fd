// What stores and black box cost the flight side, measured on a recording; for benchmarks only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace safehold::host {

// Processor time of the same ticks on three computers, nanoseconds.
struct FlightCost {
    std::uint64_t first_tick;
    std::uint64_t ticks;
    std::uint64_t bare;       // replicas and voter alone: what they ask of the stores is taken as done
    std::uint64_t stores;     // with mass memory and persistence
    std::uint64_t black_box;  // and with the black box
    bool quiet;               // no frame came up or went down
};

// Flies the recording block by block, the three in turn, so that a busy machine is busy for all. Throws
// std::runtime_error if the recording cannot be read.
[[nodiscard]] std::vector<FlightCost> flight_cost(const std::string& path, std::uint64_t block_ticks);

}  // namespace safehold::host
