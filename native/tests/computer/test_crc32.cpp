// Every way to the CRC-32, tables or the processor's instruction, gives what its definition gives.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "safehold/computer/store.hpp"

namespace safehold::tests {
namespace {

std::uint32_t by_definition(const std::uint8_t* octets, std::size_t count) {
    std::uint32_t crc = 0xFFFF'FFFFU;
    for (std::size_t i = 0; i < count; ++i) {
        crc ^= octets[i];
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0xEDB88320U : crc >> 1;
    }
    return ~crc;
}

std::vector<std::uint8_t> scrambled(std::size_t count) {
    std::vector<std::uint8_t> octets(count);
    std::uint64_t seed = 1;
    for (std::uint8_t& octet : octets) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        octet = static_cast<std::uint8_t>(seed >> 56);
    }
    return octets;
}

}  // namespace

TEST_CASE("crc32 gives the standard check value") {
    CHECK(computer::crc32("123456789", 9) == 0xCBF43926U);
}

TEST_CASE("crc32 is what its definition gives, whatever the length and wherever the octets begin") {
    const std::vector<std::uint8_t> octets = scrambled(700);
    for (std::size_t start = 0; start < 17; ++start) {
        for (std::size_t count = 0; count + start < octets.size(); ++count) {
            CAPTURE(start);
            CAPTURE(count);
            REQUIRE(computer::crc32(octets.data() + start, count) ==
                    by_definition(octets.data() + start, count));
        }
    }
}

TEST_CASE("crc32 of as much as a replica's state is what its definition gives") {
    const std::vector<std::uint8_t> octets = scrambled(40'003);
    CHECK(computer::crc32(octets.data(), octets.size()) == by_definition(octets.data(), octets.size()));
}

}  // namespace safehold::tests
