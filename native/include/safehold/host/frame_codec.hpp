// Sensor frames as differences from the frame before: what the black box keeps of 464 octets is about 50.
//
// Lossless for any octets. A field that did not change costs one bit, one that is zero two. Of one that
// changed, wide elements are coded as whole numbers of their unit's quantum (flight/dictionary.toml), as the
// difference from a prediction, by a Rice code (Rice and Plaunt 1971) whose parameter follows the mean
// difference; narrow ones as "same", "the value before" or their bits. What is no whole number of quanta
// escapes to its raw bits. Meets L6.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/dictionary.hpp"
#include "safehold/host/bits.hpp"

namespace safehold::host {

inline constexpr std::size_t sensor_elements = [] {
    std::size_t count = 0;
    for (const FrameFieldEntry& field : sensor_frame_fields)
        count += field.count;
    return count;
}();

// A field's two marks; an element's at most 24 ones and its raw bits.
inline constexpr std::size_t coded_octets_max = [] {
    std::size_t bits = 0;
    for (const FrameFieldEntry& field : sensor_frame_fields)
        bits += 2 + field.count * (24 + 8 * octets_of(field.type));
    return (bits + 7) / 8;
}();
using CodedFrame = std::array<std::uint8_t, coded_octets_max + BitWriter::slack>;

// What is known of one element of a frame: its last two coded values, and 16 times the mean of its folded
// differences.
struct CodedElement {
    std::int64_t last;
    std::int64_t before;
    std::uint64_t mean;
};

class FrameCodec {
  public:
    FrameCodec();

    // Returns how many octets of `out` the frame takes.
    [[nodiscard]] std::size_t encode(const SensorFrame& frame, CodedFrame& out);

    // The next frame. False if the bits end too soon; the codec is then of no more use.
    [[nodiscard]] bool decode(BitReader& in, SensorFrame& frame);

  private:
    std::array<CodedElement, sensor_elements> elements_;
    SensorFrame frame_{};  // the last one
};

}  // namespace safehold::host
