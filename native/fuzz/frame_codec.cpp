// Fuzz target: the codec of sensor frames. The input is bits to be decoded; what was decoded, coded anew by a
// codec of the same past, comes out as it went in, whatever is in it (NaN, infinities, denormal numbers).
#include "safehold/host/frame_codec.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace safehold;
    using namespace safehold::host;
    FrameCodec first;
    FrameCodec coder;
    FrameCodec second;
    BitReader in(data, size);
    SensorFrame frame{};
    for (int i = 0; i < 64 && first.decode(in, frame); ++i) {
        CodedFrame out{};
        const std::size_t length = coder.encode(frame, out);
        if (length > coded_octets_max) std::abort();
        BitReader again(out.data(), length);
        SensorFrame came{};
        if (!second.decode(again, came)) std::abort();
        if (std::memcmp(&came, &frame, sizeof frame) != 0) std::abort();
    }
    // And octets taken as frames.
    FrameCodec writer;
    FrameCodec reader;
    for (std::size_t at = 0; at + sizeof frame <= size; at += sizeof frame) {
        std::memcpy(&frame, data + at, sizeof frame);
        CodedFrame out{};
        const std::size_t length = writer.encode(frame, out);
        if (length > coded_octets_max) std::abort();
        BitReader again(out.data(), length);
        SensorFrame came{};
        if (!reader.decode(again, came)) std::abort();
        if (std::memcmp(&came, &frame, sizeof frame) != 0) std::abort();
    }
    return 0;
}
