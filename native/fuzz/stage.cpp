// Fuzz target: the crypto stage. Without the key no octets are ever taken, and nothing but counts moves.
#include "safehold/security/stage.hpp"

#include <cstdlib>
#include <cstring>

#include "safehold/cdh/octets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace safehold;
    static security::Stage stage;
    static const security::SecurityState start = [] {
        security::KeyRing ring{};
        ring.count = 2;
        for (std::size_t i = 0; i < 2; ++i) {
            ring.keys[i].id = static_cast<std::uint16_t>(i + 1);
            ring.keys[i].octets.fill(static_cast<std::uint8_t>(0xA5 + i));
        }
        stage.load(ring);
        security::SecurityState state{};
        stage.start(state, security::SecurityKept{});
        return state;
    }();
    // As it is, and with length and FECF that fit, so that what is behind them is reached.
    for (int mended = 0; mended < 2; ++mended) {
        std::array<std::uint8_t, 300> frame{};
        const std::size_t octets = size < frame.size() ? size : frame.size();
        if (octets != 0) std::memcpy(frame.data(), data, octets);
        if (mended != 0 && octets >= 6) {
            frame[2] = static_cast<std::uint8_t>((octets - 1) >> 8);
            frame[3] = static_cast<std::uint8_t>(octets - 1);
            const std::uint16_t crc = cdh::crc16(frame.data(), octets - 2);
            frame[octets - 2] = static_cast<std::uint8_t>(crc >> 8);
            frame[octets - 1] = static_cast<std::uint8_t>(crc);
        }
        security::SecurityState state = start;
        security::ClearFrame clear;
        if (stage.open(state, frame.data(), octets, clear)) std::abort();
        if (std::memcmp(&state.kept, &start.kept, sizeof state.kept) != 0) std::abort();
        if (security::total_rejected(state) != 1 || state.accepted != 0) std::abort();
    }
    return 0;
}
