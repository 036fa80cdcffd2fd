// Wall time spent in each part, in nanoseconds; for benchmarks only, never part of the run.
#pragma once

#include <chrono>
#include <cstdint>

namespace safehold::host {

struct Timing {
    std::uint64_t ticks = 0;
    std::uint64_t plant = 0;
    std::uint64_t flight = 0;
    std::uint64_t digest = 0;
    std::uint64_t record = 0;
};

// A stopwatch that costs nothing while it is off.
class Stopwatch {
  public:
    explicit Stopwatch(bool on) : on_(on), last_(on ? now() : 0) {}
    void lap(std::uint64_t& total) {
        if (!on_) return;
        const std::uint64_t time = now();
        total += time - last_;
        last_ = time;
    }

  private:
    static std::uint64_t now() {
        return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    bool on_;
    std::uint64_t last_;
};

}  // namespace safehold::host
