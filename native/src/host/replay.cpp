#include "safehold/host/replay.hpp"

#include <cstring>
#include <memory>

#include "safehold/host/recording.hpp"

namespace safehold::host {

Replay replay(const std::string& path) {
    Recording recording(path);
    auto computer = std::make_unique<HostedComputer>(recording.config, recording.quotas);
    Replay result{};
    // Only a recording from the first tick says how the replicas started; a later one brings its state along.
    // Which keys the satellite held is told by the recording; this computer has none.
    computer->take(recording.state.data(), recording.state.size());
    auto fresh = std::make_unique<HostedComputer>(recording.config, recording.quotas);
    fresh->set_security(computer->state().security, 0);
    Out start;
    fresh->put(start);
    result.start_is_equal = recording.first_tick != 0 || recording.state == start.octets;
    Chain chain = recording.flight_chain;
    TickInput input;
    computer->stores().camera = [&input](std::uint32_t, std::uint32_t) { return input.image; };
    std::uint64_t tick = recording.first_tick;
    for (; recording.next(input); ++tick) {
        const std::int64_t time_ns = static_cast<std::int64_t>(tick) * recording.config.tick_ns;
        for (const Flip& flip : input.flips)
            computer->flip(flip.replica, flip.bit);
        for (const Reset& reset : input.resets)
            computer->reset(computer::ResetCause::external, reset.down_ns);
        if (input.outcome.came != 0) computer->wake();
        for (const security::ClearFrame& frame : input.uplink)
            computer->hand_on(frame);
        if (input.outcome.came != 0) computer->set_security(input.outcome.security, input.outcome.overflow);
        if (input.overrun) computer->report_overrun();
        if (full_state_due(time_ns, recording.config.tick_ns)) {
            add_full_state(chain, *computer);
        }
        computer->step(input.sensor);
        add_flight_tick(chain, time_ns, *computer);
    }
    result.ticks = tick;
    result.digest = flight_digest_now(chain, *computer);
    result.digest_is_equal = result.digest == recording.flight_digest;
    return result;
}

}  // namespace safehold::host
