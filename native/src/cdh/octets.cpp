#include "safehold/cdh/octets.hpp"

namespace safehold::cdh {
namespace {

// Table k moves an octet k places further: eight octets at a time by eight tables.
using Table = std::array<std::uint16_t, 256>;
constexpr std::size_t slices = 8;

constexpr std::array<Table, slices> make_tables() {
    std::array<Table, slices> tables{};
    for (std::size_t i = 0; i < 256; ++i) {
        auto value = static_cast<std::uint32_t>(i << 8);
        for (int bit = 0; bit < 8; ++bit) {
            value = (value & 0x8000U) != 0 ? ((value << 1) ^ 0x1021U) & 0xFFFFU : (value << 1) & 0xFFFFU;
        }
        tables[0][i] = static_cast<std::uint16_t>(value);
    }
    for (std::size_t k = 1; k < slices; ++k) {
        for (std::size_t i = 0; i < 256; ++i) {
            const std::uint32_t before = tables[k - 1][i];
            tables[k][i] = static_cast<std::uint16_t>(((before << 8) ^ tables[0][before >> 8]) & 0xFFFFU);
        }
    }
    return tables;
}

constexpr std::array<Table, slices> tables = make_tables();

}  // namespace

std::uint16_t crc16(const std::uint8_t* octets, std::size_t count) {
    std::uint32_t crc = 0xFFFF;
    for (; count >= slices; count -= slices, octets += slices) {
        crc = static_cast<std::uint32_t>(tables[7][octets[0] ^ (crc >> 8)] ^
                                         tables[6][octets[1] ^ (crc & 0xFFU)] ^ tables[5][octets[2]] ^
                                         tables[4][octets[3]] ^ tables[3][octets[4]] ^ tables[2][octets[5]] ^
                                         tables[1][octets[6]] ^ tables[0][octets[7]]);
    }
    for (; count > 0; --count, ++octets) {
        crc = ((crc << 8) ^ tables[0][((crc >> 8) ^ *octets) & 0xFFU]) & 0xFFFFU;
    }
    return static_cast<std::uint16_t>(crc);
}

}  // namespace safehold::cdh
