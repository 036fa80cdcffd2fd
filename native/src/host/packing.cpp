#include "safehold/host/packing.hpp"

#include <cstring>

namespace safehold::host {
namespace {

constexpr std::size_t run_max = 65535;
constexpr std::size_t zeros_worth = 5;  // fewer zeros than a pair's octets stay where they are

std::size_t zeros_at(const std::uint8_t* octets, std::size_t at, std::size_t count) {
    std::size_t zeros = 0;
    while (at + zeros < count && zeros < run_max && octets[at + zeros] == 0)
        ++zeros;
    return zeros;
}

}  // namespace

std::vector<std::uint8_t> pack_zeros(const void* data, std::size_t count) {
    const auto* octets = static_cast<const std::uint8_t*>(data);
    std::vector<std::uint8_t> packed;
    for (std::size_t at = 0; at < count;) {
        std::size_t literal = 0;
        std::size_t zeros = 0;
        while (at + literal < count && literal < run_max) {
            zeros = zeros_at(octets, at + literal, count);
            if (zeros >= zeros_worth || at + literal + zeros == count) break;
            literal += zeros == 0 ? 1 : zeros;
            if (literal > run_max) literal = run_max;
            zeros = 0;
        }
        for (const std::size_t run : {literal, zeros}) {
            packed.push_back(static_cast<std::uint8_t>(run));
            packed.push_back(static_cast<std::uint8_t>(run >> 8));
        }
        packed.insert(packed.end(), octets + at, octets + at + literal);
        at += literal + zeros;
    }
    return packed;
}

bool unpack_zeros(const std::uint8_t* packed, std::size_t packed_octets, void* data, std::size_t count) {
    auto* octets = static_cast<std::uint8_t*>(data);
    std::size_t done = 0;
    for (std::size_t at = 0; at < packed_octets;) {
        if (packed_octets - at < 4) return false;
        const std::size_t literal = packed[at] | (static_cast<std::size_t>(packed[at + 1]) << 8);
        const std::size_t zeros = packed[at + 2] | (static_cast<std::size_t>(packed[at + 3]) << 8);
        at += 4;
        if (literal > packed_octets - at || literal > count - done || zeros > count - done - literal)
            return false;
        if (literal != 0) std::memcpy(octets + done, packed + at, literal);
        std::memset(octets + done + literal, 0, zeros);
        at += literal;
        done += literal + zeros;
    }
    return done == count;
}

}  // namespace safehold::host
