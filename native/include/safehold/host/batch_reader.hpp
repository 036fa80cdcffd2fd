// Batches of stored housekeeping read back: what `cdh::sample_housekeeping` wrote (docs/wire.md).
//
// For whoever has a day's batches to read; `flight/batches.py` is the same in Python and seconds slower.
// Input comes from the link and is hostile: what contradicts itself is refused. Meets L6.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace safehold::host {

// The control tick of each sample, and every sample's values one behind the other, each as its bits.
struct BatchSamples {
    std::vector<std::uint32_t> ticks;
    std::vector<std::uint64_t> values;
};

// `coded` is what follows a batch's header, `bits` how many each element has, 64 at most; `samples` and
// `tick` are the header's. Nothing if the bits end in mid-sample, a difference is wider than its value, or
// whole octets are left over.
[[nodiscard]] std::optional<BatchSamples> read_batch(std::span<const std::uint8_t> coded,
                                                     std::span<const std::uint8_t> bits,
                                                     std::uint32_t samples, std::uint32_t tick);

}  // namespace safehold::host
