// A stream of bits, most significant first, into and out of octets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace safehold::host {

class BitWriter {
  public:
    static constexpr std::size_t capacity = 4096;

    // The lowest `count` bits of `value`, at most 32; what finds no room is dropped, and `overflowed` tells.
    void put(std::uint64_t value, unsigned count) {
        held_ = (held_ << count) | (value & ((1ULL << count) - 1));
        bits_ += count;
        if (bits_ < 32) return;
        bits_ -= 32;
        if (length_ + 4 > capacity) {
            overflowed_ = true;
            return;
        }
        const auto word = static_cast<std::uint32_t>(held_ >> bits_);
        octets_[length_] = static_cast<std::uint8_t>(word >> 24);
        octets_[length_ + 1] = static_cast<std::uint8_t>(word >> 16);
        octets_[length_ + 2] = static_cast<std::uint8_t>(word >> 8);
        octets_[length_ + 3] = static_cast<std::uint8_t>(word);
        length_ += 4;
    }

    // Fills the last octet with zeros; `octets` and `length` are then complete until `clear`.
    void finish() {
        if (bits_ % 8 != 0) put(0, 8 - bits_ % 8);
        for (; bits_ != 0 && length_ < capacity; bits_ -= 8)
            octets_[length_++] = static_cast<std::uint8_t>(held_ >> (bits_ - 8));
    }
    void clear() {
        length_ = 0;
        bits_ = 0;
        overflowed_ = false;
    }

    [[nodiscard]] const std::uint8_t* octets() const { return octets_.data(); }
    [[nodiscard]] std::size_t length() const { return length_; }
    [[nodiscard]] bool overflowed() const { return overflowed_; }

  private:
    std::array<std::uint8_t, capacity> octets_;
    std::size_t length_ = 0;
    std::uint64_t held_ = 0;  // at most 31 bits wait
    unsigned bits_ = 0;
    bool overflowed_ = false;
};

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
