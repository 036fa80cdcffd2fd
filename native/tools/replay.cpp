// Replays a recording of flight inputs without Python, plant or ground, and prints the flight chain.
//
//     safehold_replay RECORDING
//
// Ends with 0 if the digest is the recorded one, 1 if it is another, 2 if the recording cannot be read. The
// same recording gives the same digest on every processor.
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "safehold/host/recording.hpp"

namespace {

using namespace safehold;

// A recording from the first tick must find the replicas as this processor starts them.
bool starts_equal(const host::Recording& recording, const computer::FlightComputer& computer) {
    return recording.first_tick != 0 ||
           std::memcmp(recording.state.get(), &computer.state(), sizeof(computer::ComputerState)) == 0;
}

int replay(const char* path) {
    host::Recording recording(path);
    auto computer = std::make_unique<computer::FlightComputer>(recording.config);
    if (!starts_equal(recording, *computer)) {
        std::puts("start: different");
        return 1;
    }
    computer->restore(*recording.state);
    host::Chain chain = recording.flight_chain;
    host::TickInput input;
    std::uint64_t tick = recording.first_tick;
    for (; recording.next(input); ++tick) {
        const std::int64_t time_ns = static_cast<std::int64_t>(tick) * recording.config.tick_ns;
        for (const host::Flip& flip : input.flips)
            computer->flip(flip.replica, flip.bit);
        for (const auto& frame : input.uplink)
            computer->receive(frame.data(), frame.size());
        if (input.overrun) computer->report_overrun();
        if (host::full_state_due(time_ns, recording.config.tick_ns)) {
            chain.add(&computer->state(), sizeof(computer::ComputerState));
        }
        computer->step(input.sensor);
        host::add_flight_tick(chain, time_ns, *computer);
    }
    const host::Digest digest = host::flight_digest_now(chain, *computer);
    const bool equal = digest == recording.flight_digest;
    std::printf("ticks: %llu\nflight: %s\nrecorded: %s\n", static_cast<unsigned long long>(tick),
                host::to_hex(digest).c_str(), equal ? "equal" : "different");
    return equal ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
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
        return replay(arguments[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "safehold_replay: %s\n", error.what());
        return 2;
    }
}
