#include "safehold/host/watch.hpp"

namespace safehold::host {

void Watch::see(std::uint64_t tick, double value) {
    const auto now = static_cast<std::int64_t>(tick);
    if (first_tick < 0) first_tick = now;
    ++evaluated;
    bool holds = false;
    switch (comparison) {
        case Comparison::below:
            holds = value < threshold;
            break;
        case Comparison::above:
            holds = value > threshold;
            break;
        case Comparison::equals:
            holds = value >= threshold && value <= threshold;
            break;
        case Comparison::at_most:
            holds = value <= threshold;
            break;
        case Comparison::at_least:
            holds = value >= threshold;
            break;
    }
    if (value != value) {
        ++undefined;
    } else {
        value_min = value < value_min ? value : value_min;
        value_max = value > value_max ? value : value_max;
        value_last = value;
    }
    if (!holds) {
        if (first_unmet_tick < 0) first_unmet_tick = now;
        last_unmet_tick = now;
        run = 0;
        return;
    }
    ++met;
    ++run;
    if (run > longest_run) longest_run = run;
    if (run >= hold_ticks && first_held_tick < 0) first_held_tick = now;
}

}  // namespace safehold::host
