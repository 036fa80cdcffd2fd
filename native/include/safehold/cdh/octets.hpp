// Big-endian octets: bounded reader and writer, and the CRC of frames and packets.
//
// Purpose: the one place where wire octets are read and written. A reader that runs out gives zero and stays
// failed; a writer that runs out drops the rest and stays failed; neither ever touches memory outside its
// range.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace safehold::cdh {

// CRC-16-CCITT: x^16 + x^12 + x^5 + 1, preset 0xFFFF, no reflection, no final XOR.
[[nodiscard]] std::uint16_t crc16(const std::uint8_t* octets, std::size_t count);

class Reader {
  public:
    Reader(const std::uint8_t* octets, std::size_t count) : octets_(octets), count_(count) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(take(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(take(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(take(4)); }
    std::uint64_t u64() { return take(8); }
    float f32() { return std::bit_cast<float>(u32()); }
    double f64() { return std::bit_cast<double>(u64()); }

    [[nodiscard]] std::size_t left() const { return count_ - at_; }
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    std::uint64_t take(std::size_t size) {
        if (size > left()) {
            failed_ = true;
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < size; ++i)
            value = (value << 8) | octets_[at_++];
        return value;
    }

    const std::uint8_t* octets_;
    std::size_t count_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

class Writer {
  public:
    Writer(std::uint8_t* octets, std::size_t capacity) : octets_(octets), capacity_(capacity) {}

    void u8(std::uint8_t value) { put(value, 1); }
    void u16(std::uint16_t value) { put(value, 2); }
    void u32(std::uint32_t value) { put(value, 4); }
    void u64(std::uint64_t value) { put(value, 8); }
    void f32(float value) { put(std::bit_cast<std::uint32_t>(value), 4); }
    void f64(double value) { put(std::bit_cast<std::uint64_t>(value), 8); }

    [[nodiscard]] std::size_t length() const { return length_; }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] const std::uint8_t* octets() const { return octets_; }

  private:
    void put(std::uint64_t value, std::size_t size) {
        if (size > capacity_ - length_) {
            failed_ = true;
            return;
        }
        for (std::size_t i = 0; i < size; ++i) {
            octets_[length_++] = static_cast<std::uint8_t>(value >> (8 * (size - 1 - i)));
        }
    }

    std::uint8_t* octets_;
    std::size_t capacity_;
    std::size_t length_ = 0;
    bool failed_ = false;
};

}  // namespace safehold::cdh
