#include "safehold/cdh/octets.hpp"

namespace safehold::cdh {
namespace {

constexpr std::array<std::uint16_t, 256> make_table() {
    std::array<std::uint16_t, 256> table{};
    for (std::size_t i = 0; i < 256; ++i) {
        auto value = static_cast<std::uint32_t>(i << 8);
        for (int bit = 0; bit < 8; ++bit) {
            value = (value & 0x8000U) != 0 ? ((value << 1) ^ 0x1021U) & 0xFFFFU : (value << 1) & 0xFFFFU;
        }
        table[i] = static_cast<std::uint16_t>(value);
    }
    return table;
}

constexpr std::array<std::uint16_t, 256> crc_table = make_table();

}  // namespace

std::uint16_t crc16(const std::uint8_t* octets, std::size_t count) {
    std::uint32_t crc = 0xFFFF;
    for (std::size_t i = 0; i < count; ++i) {
        crc = ((crc << 8) ^ crc_table[((crc >> 8) ^ octets[i]) & 0xFFU]) & 0xFFFFU;
    }
    return static_cast<std::uint16_t>(crc);
}

}  // namespace safehold::cdh
