// Fuzz target: a chunk of the black box as the ground reads it: taken apart and replayed, or refused.
#include <cstdlib>
#include <stdexcept>

#include "safehold/host/black_box_replay.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace safehold::host;
    try {
        BlackBoxReplay replay(std::vector<std::uint8_t>(data, data + size));
        for (int ticks = 0; ticks < 50 && replay.step(); ++ticks) {}
    } catch (const std::invalid_argument&) {
        return 0;
    }
    return 0;
}
