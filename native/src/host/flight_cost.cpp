#include "safehold/host/flight_cost.hpp"

#include <ctime>
#include <memory>
#include <stdexcept>

#include "safehold/host/recording.hpp"

namespace safehold::host {
namespace {

std::uint64_t processor_ns() {
    std::timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

void fly(computer::FlightComputer& computer, const std::vector<TickInput>& block, const TickInput*& now,
         std::uint64_t& total, bool& quiet) {
    const std::uint64_t start = processor_ns();
    for (const TickInput& input : block) {
        now = &input;
        for (const Flip& flip : input.flips)
            computer.flip(flip.replica, flip.bit);
        for (const Reset& reset : input.resets)
            computer.reset(computer::ResetCause::external, reset.down_ns);
        if (input.outcome.came != 0) computer.wake();
        for (const security::ClearFrame& frame : input.uplink)
            computer.hand_on(frame);
        if (input.outcome.came != 0) computer.set_security(input.outcome.security, input.outcome.overflow);
        computer.step(input.sensor);
        if (input.outcome.came != 0) quiet = false;
        if (computer.voted() != nullptr && computer.voted()->frame_count != 0) quiet = false;
    }
    total += processor_ns() - start;
}

}  // namespace

std::vector<FlightCost> flight_cost(const std::string& path, std::uint64_t block_ticks) {
    if (block_ticks == 0) throw std::invalid_argument("a block has at least one tick");
    Recording recording(path);
    const TickInput* now = nullptr;
    const Stores::Camera camera = [&now](std::uint32_t, std::uint32_t) { return now->image; };
    auto whole = std::make_unique<HostedComputer>(recording.config, recording.quotas);
    whole->take(recording.state.data(), recording.state.size());
    whole->stores().camera = camera;
    auto stores = std::make_unique<Stores>(whole->stores());
    auto stored = std::make_unique<computer::FlightComputer>(recording.config, stores.get());
    stored->restore(whole->state());
    auto bare = std::make_unique<computer::FlightComputer>(recording.config);
    bare->restore(whole->state());
    std::vector<FlightCost> costs;
    std::vector<TickInput> block;
    std::uint64_t tick = recording.first_tick;
    for (bool more = true; more;) {
        block.clear();
        TickInput input;
        while (block.size() < block_ticks && (more = recording.next(input)))
            block.push_back(input);
        if (block.empty()) break;
        FlightCost cost{tick, block.size(), 0, 0, 0, true};
        fly(*bare, block, now, cost.bare, cost.quiet);
        fly(*stored, block, now, cost.stores, cost.quiet);
        fly(*whole, block, now, cost.black_box, cost.quiet);
        costs.push_back(cost);
        tick += block.size();
    }
    return costs;
}

}  // namespace safehold::host
