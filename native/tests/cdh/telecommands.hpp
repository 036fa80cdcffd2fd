// Telecommand frames for tests, built octet by octet as docs/wire.md describes them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/state.hpp"
#include "safehold/security/stage.hpp"

namespace safehold::tests {

using Octets = std::vector<std::uint8_t>;

inline void append_crc(Octets& octets) {
    const std::uint16_t crc = cdh::crc16(octets.data(), octets.size());
    octets.push_back(static_cast<std::uint8_t>(crc >> 8));
    octets.push_back(static_cast<std::uint8_t>(crc));
}

inline Octets tc_packet(std::uint8_t service, std::uint8_t subtype, const Octets& data,
                        std::uint8_t acknowledge = 9, std::uint16_t count = 5) {
    Octets packet = {0x18,
                     100,
                     static_cast<std::uint8_t>(0xC0U | (count >> 8)),
                     static_cast<std::uint8_t>(count),
                     0,
                     0,
                     static_cast<std::uint8_t>(0x20U | acknowledge),
                     service,
                     subtype,
                     0,
                     1};
    packet.insert(packet.end(), data.begin(), data.end());
    const std::size_t length = packet.size() + 2 - 7;
    packet[4] = static_cast<std::uint8_t>(length >> 8);
    packet[5] = static_cast<std::uint8_t>(length);
    append_crc(packet);
    return packet;
}

// A clear frame of type BD, as the crypto stage hands it on.
inline Octets tc_frame(const Octets& segment, std::uint8_t segment_header = 0xC0) {
    const std::size_t length = segment.size() + 38 - 1;
    Octets frame = {
        0x21, 0x5A,          static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length),
        0,    segment_header};
    frame.insert(frame.end(), segment.begin(), segment.end());
    return frame;
}

// The same of type AD.
inline Octets ad_frame(std::uint8_t sequence, const Octets& segment, std::uint8_t segment_header = 0xC0) {
    Octets frame = tc_frame(segment, segment_header);
    frame[0] = 0x01;
    frame[4] = sequence;
    return frame;
}

// A control command.
inline Octets bc_frame(const Octets& command) {
    Octets frame = {0x31, 0x5A, 0, static_cast<std::uint8_t>(command.size() + 36), 0};
    frame.insert(frame.end(), command.begin(), command.end());
    return frame;
}

// Gives a clear frame to a computer, as if it had been authenticated.
template <typename Computer>
void hand_on(Computer& computer, const Octets& frame) {
    security::ClearFrame clear{};
    clear.length = frame.size();
    std::copy_n(frame.begin(), std::min(frame.size(), clear.octets.size()), clear.octets.begin());
    computer.hand_on(clear);
}

inline Octets telecommand(std::uint8_t service, std::uint8_t subtype, const Octets& data = {},
                          std::uint8_t acknowledge = 9) {
    return tc_frame(tc_packet(service, subtype, data, acknowledge));
}

}  // namespace safehold::tests
