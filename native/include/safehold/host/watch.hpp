// Watches: conditions on truth columns or telemetry, evaluated every control tick.
//
// Purpose: what a scenario expects is judged at the full rate, whatever is recorded. A watch counts the ticks
// in which it applied (its window of ticks and its modes), in which it was met, and the runs of ticks on end.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace safehold::host {

enum class Comparison : std::uint32_t { below = 0, above = 1, equals = 2, at_most = 3, at_least = 4 };

struct Watch {
    // The condition.
    double threshold = 0.0;
    std::uint64_t from_tick = 0;
    std::uint64_t until_tick = std::numeric_limits<std::uint64_t>::max();  // not included
    std::uint64_t hold_ticks = 1;
    std::int64_t column = -1;           // of the truth row, or -1 for telemetry
    std::uint32_t telemetry_entry = 0;  // index into telemetry_entries
    std::uint32_t telemetry_element = 0;
    Comparison comparison = Comparison::below;
    std::uint32_t modes = 0;  // bit by mode; 0 is every mode
    // What was seen.
    std::uint64_t evaluated = 0;
    std::uint64_t met = 0;
    std::uint64_t undefined = 0;  // ticks in which the value was NaN: evaluated, not met
    std::uint64_t run = 0;
    std::uint64_t longest_run = 0;
    std::int64_t first_tick = -1;  // evaluated first
    std::int64_t first_unmet_tick = -1;
    std::int64_t last_unmet_tick = -1;
    std::int64_t first_held_tick = -1;  // the tick that completed the first run of hold_ticks
    double value_min = std::numeric_limits<double>::infinity();
    double value_max = -std::numeric_limits<double>::infinity();
    double value_last = 0.0;

    [[nodiscard]] bool applies(std::uint64_t tick, std::uint8_t mode) const {
        return tick >= from_tick && tick < until_tick &&
               (modes == 0 || (mode < 32 && ((modes >> mode) & 1U) != 0));
    }

    void see(std::uint64_t tick, double value);
    void pass() { run = 0; }  // a tick in which it did not apply
};
static_assert(std::is_trivially_copyable_v<Watch>);

}  // namespace safehold::host
