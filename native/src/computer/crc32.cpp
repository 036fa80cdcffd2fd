// CRC-32 of IEEE 802.3, as in zlib: by eight tables, eight octets at a time; where the processor has an
// instruction for it, long runs take that. Every way gives the same number.
//
// x86-64: four lanes of 128 bits are folded forwards over the octets by products modulo the polynomial
// (carry-less multiplication), which leaves 16 octets of the same remainder. AArch64: the instruction is the
// CRC itself.
#include <array>
#include <cstring>

#include "safehold/computer/store.hpp"

#if defined(__x86_64__)
#include <smmintrin.h>
#include <wmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace safehold::computer {
namespace {

constexpr std::uint32_t polynomial = 0xEDB88320U;  // reflected: x^31 is the lowest bit
constexpr std::size_t run_octets_min = 64;         // shorter ones go through the tables

constexpr std::array<std::array<std::uint32_t, 256>, 8> make_tables() {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int k = 0; k < 8; ++k)
            value = (value & 1U) != 0 ? (value >> 1) ^ polynomial : value >> 1;
        tables[0][i] = value;
    }
    for (std::size_t t = 1; t < 8; ++t) {
        for (std::size_t i = 0; i < 256; ++i) {
            const std::uint32_t before = tables[t - 1][i];
            tables[t][i] = (before >> 8) ^ tables[0][before & 0xFFU];
        }
    }
    return tables;
}

constexpr std::array<std::array<std::uint32_t, 256>, 8> tables = make_tables();

std::uint64_t word(const std::uint8_t* octets) {
    std::uint64_t value;
    std::memcpy(&value, octets, 8);
    return value;
}

std::uint32_t by_tables(std::uint32_t crc, const std::uint8_t* at, std::size_t count) {
    for (; count >= 8; count -= 8, at += 8) {
        const std::uint64_t value = word(at) ^ crc;
        crc = tables[7][value & 0xFFU] ^ tables[6][(value >> 8) & 0xFFU] ^ tables[5][(value >> 16) & 0xFFU] ^
              tables[4][(value >> 24) & 0xFFU] ^ tables[3][(value >> 32) & 0xFFU] ^
              tables[2][(value >> 40) & 0xFFU] ^ tables[1][(value >> 48) & 0xFFU] ^ tables[0][value >> 56];
    }
    for (; count > 0; --count, ++at)
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xFFU];
    return crc;
}

#if defined(__x86_64__)

// x^n modulo the polynomial, reflected, one place up: the product of two reflected numbers is one place low.
constexpr long long power(int n) {
    std::uint32_t value = 0x8000'0000U;
    for (int i = 0; i < n; ++i)
        value = (value & 1U) != 0 ? (value >> 1) ^ polynomial : value >> 1;
    return static_cast<long long>(value) << 1;
}

using Lane = __m128i;

__attribute__((target("pclmul,sse4.1"))) Lane load(const std::uint8_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const Lane*>(at));
}

// A lane moved on: its lower half comes first in the message and so has 64 powers more.
__attribute__((target("pclmul,sse4.1"))) Lane folded(Lane lane, Lane powers, Lane next) {
    return _mm_xor_si128(
        _mm_xor_si128(_mm_clmulepi64_si128(lane, powers, 0x00), _mm_clmulepi64_si128(lane, powers, 0x11)),
        next);
}

// At least 64 octets; what is left over goes through the tables.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t by_folding(std::uint32_t crc, const std::uint8_t* at,
                                                                  std::size_t count) {
    constexpr long long four_lanes_low = power(4 * 128 + 32);
    constexpr long long four_lanes_high = power(4 * 128 - 32);
    constexpr long long one_lane_low = power(128 + 32);
    constexpr long long one_lane_high = power(128 - 32);
    const Lane by_four = _mm_set_epi64x(four_lanes_high, four_lanes_low);
    const Lane by_one = _mm_set_epi64x(one_lane_high, one_lane_low);
    Lane a = _mm_xor_si128(load(at), _mm_cvtsi32_si128(static_cast<int>(crc)));
    Lane b = load(at + 16);
    Lane c = load(at + 32);
    Lane d = load(at + 48);
    for (at += 64, count -= 64; count >= 64; at += 64, count -= 64) {
        a = folded(a, by_four, load(at));
        b = folded(b, by_four, load(at + 16));
        c = folded(c, by_four, load(at + 32));
        d = folded(d, by_four, load(at + 48));
    }
    b = folded(a, by_one, b);
    c = folded(b, by_one, c);
    d = folded(c, by_one, d);
    std::array<std::uint8_t, 16> left;
    std::memcpy(left.data(), &d, left.size());
    return by_tables(by_tables(0, left.data(), left.size()), at, count);
}

const bool has_instruction = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
}();

std::uint32_t by_instruction(std::uint32_t crc, const std::uint8_t* at, std::size_t count) {
    return by_folding(crc, at, count);
}

#elif defined(__aarch64__) && defined(__linux__)

constexpr unsigned long capability_crc32 = 1UL << 7;  // HWCAP_CRC32

const bool has_instruction = (getauxval(AT_HWCAP) & capability_crc32) != 0;

__attribute__((target("+crc"))) std::uint32_t by_instruction(std::uint32_t crc, const std::uint8_t* at,
                                                             std::size_t count) {
    for (; count >= 8; count -= 8, at += 8)
        crc = __crc32d(crc, word(at));
    return by_tables(crc, at, count);
}

#else

constexpr bool has_instruction = false;

std::uint32_t by_instruction(std::uint32_t crc, const std::uint8_t* at, std::size_t count) {
    return by_tables(crc, at, count);
}

#endif

}  // namespace

std::uint32_t crc32(const void* octets, std::size_t count, std::uint32_t before) {
    const auto* at = static_cast<const std::uint8_t*>(octets);
    const bool quick = has_instruction && count >= run_octets_min;
    return ~(quick ? by_instruction(~before, at, count) : by_tables(~before, at, count));
}

}  // namespace safehold::computer
