// A stream of bits, most significant first, into and out of octets.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace safehold::host {

// Where bits go that have room for certain: put behind each other without a look at it, and without a branch.
// What is not a whole octet yet is written all the same, and written again with what follows.
class BitWriter {
  public:
    static constexpr unsigned count_max = 56;
    static constexpr std::size_t slack = 8;  // octets behind the last one that are written too

    explicit BitWriter(std::uint8_t* at) : at_(at) {}

    // The lowest `count` bits of `value`, which has no others, 1 to `count_max`.
    [[gnu::always_inline]] void put(std::uint64_t value, unsigned count) {
        bits_ += count;
        held_ |= value << (64 - bits_);
        const std::uint64_t word = __builtin_bswap64(held_);
        std::memcpy(at_, &word, sizeof word);
        at_ += bits_ / 8;
        held_ <<= bits_ & ~7U;
        bits_ &= 7U;
    }

    // One behind the last octet, once its rest is filled with zeros.
    [[nodiscard]] const std::uint8_t* end() const { return at_ + (bits_ != 0 ? 1 : 0); }

  private:
    std::uint8_t* at_;
    std::uint64_t held_ = 0;  // from the most significant bit on
    unsigned bits_ = 0;       // at most 7 between calls
};
static_assert(std::endian::native == std::endian::little);

class BitReader {
  public:
    BitReader(const std::uint8_t* octets, std::size_t count) : octets_(octets), bits_(8 * count) {}

    // Beyond the end it reads zeros and stays failed.
    std::uint64_t get(unsigned count) {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < count; ++i)
            value = (value << 1) | bit();
        return value;
    }

    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::size_t left() const { return bits_ - at_; }

  private:
    std::uint64_t bit() {
        if (at_ >= bits_) {
            failed_ = true;
            return 0;
        }
        const std::uint64_t value = (octets_[at_ / 8] >> (7 - at_ % 8)) & 1U;
        ++at_;
        return value;
    }

    const std::uint8_t* octets_;
    std::size_t bits_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

}  // namespace safehold::host
