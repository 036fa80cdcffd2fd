// Replays a recording of flight inputs without Python, plant or ground, and prints the flight chain.
//
//     safehold_replay RECORDING
//
// Ends with 0 if the digest is the recorded one, 1 if it is another, 2 if the recording cannot be read. The
// same recording gives the same digest on every processor.
#include "safehold/host/replay.hpp"

#include <cstdio>
#include <stdexcept>

#include "safehold/computer/flight_computer.hpp"
#include "safehold/host/chain.hpp"

int main(int count, char** arguments) {
    using namespace safehold;
    if (count != 2) {
        std::fputs("usage: safehold_replay RECORDING\n", stderr);
        return 2;
    }
    if (!computer::floating_point_is_sound()) {
        std::fputs("safehold_replay: the floating-point control register does not round to nearest\n",
                   stderr);
        return 2;
    }
    try {
        const host::Replay result = host::replay(arguments[1]);
        const bool equal = result.start_is_equal && result.digest_is_equal;
        std::printf("ticks: %llu\nstart: %s\nflight: %s\nrecorded: %s\n",
                    static_cast<unsigned long long>(result.ticks),
                    result.start_is_equal ? "equal" : "different", host::to_hex(result.digest).c_str(),
                    result.digest_is_equal ? "equal" : "different");
        return equal ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "safehold_replay: %s\n", error.what());
        return 2;
    }
}
