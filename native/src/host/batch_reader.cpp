#include "safehold/host/batch_reader.hpp"

#include "safehold/host/bits.hpp"

namespace safehold::host {
namespace {

constexpr unsigned unary_max = 12;

// The value behind `predicted`; `width` is that of the last difference, and then of this one. False if no
// value of so many bits has such a difference.
bool read_difference(BitReader& reader, std::uint64_t predicted, unsigned bits, unsigned& width,
                     std::uint64_t& value) {
    unsigned change = 0;
    while (change < unary_max && reader.get(1) != 0)
        ++change;
    unsigned count = 0;
    if (change == unary_max) {
        count = static_cast<unsigned>(reader.get(7));
    } else if (change % 2 == 0) {
        count = width + change / 2;
    } else {
        const unsigned narrower = (change + 1) / 2;
        if (narrower > width) return false;
        count = width - narrower;
    }
    if (count > bits) return false;
    const std::uint64_t folded = count < 2 ? count : (1ULL << (count - 1)) | reader.get(count - 1);
    const std::uint64_t half = folded >> 1;
    const std::uint64_t difference = (folded & 1U) != 0 ? ~half : half;  // -half - 1
    const std::uint64_t mask = bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
    value = (predicted + difference) & mask;
    width = count;
    return true;
}

}  // namespace

std::optional<BatchSamples> read_batch(std::span<const std::uint8_t> coded,
                                       std::span<const std::uint8_t> bits, std::uint32_t samples,
                                       std::uint32_t tick) {
    if (samples == 0) return std::nullopt;
    BitReader reader(coded.data(), coded.size());
    BatchSamples found{{tick}, {}};
    for (const std::uint8_t count : bits) {
        if (count == 0 || count > 64) return std::nullopt;
        found.values.push_back(reader.get(count));
    }
    std::vector<unsigned> widths(bits.size(), 0);
    unsigned tick_width = 0;
    std::uint32_t step = 0;
    for (std::uint32_t sample = 1; sample < samples && !reader.failed(); ++sample) {
        const std::uint32_t last = found.ticks.back();
        std::uint64_t value = 0;
        if (!read_difference(reader, last + step, 32, tick_width, value)) return std::nullopt;
        found.ticks.push_back(static_cast<std::uint32_t>(value));
        step = found.ticks.back() - last;
        const std::size_t before = found.values.size() - bits.size();
        for (std::size_t i = 0; i < bits.size(); ++i) {
            if (!read_difference(reader, found.values[before + i], bits[i], widths[i], value))
                return std::nullopt;
            found.values.push_back(value);
        }
    }
    if (reader.failed() || reader.left() >= 8) return std::nullopt;
    return found;
}

}  // namespace safehold::host
