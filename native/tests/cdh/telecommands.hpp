// Telecommand frames for tests, built octet by octet as docs/wire.md describes them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/state.hpp"

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

inline Octets tc_frame(const Octets& packet) {
    const std::size_t length = packet.size() + 8 - 1;
    Octets frame = {0x21, 0x5A, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length),
                    0,    0xC0};
    frame.insert(frame.end(), packet.begin(), packet.end());
    append_crc(frame);
    return frame;
}

inline Octets telecommand(std::uint8_t service, std::uint8_t subtype, const Octets& data = {},
                          std::uint8_t acknowledge = 9) {
    return tc_frame(tc_packet(service, subtype, data, acknowledge));
}

}  // namespace safehold::tests
