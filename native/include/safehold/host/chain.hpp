// A digest chain: a stream of octets folded into one digest, its whole state plain octets (docs/wire.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "safehold/host/sha256.hpp"

namespace safehold::host {

class Chain {
  public:
    static constexpr std::size_t block_octets = 4096;

    explicit Chain(std::string_view name) {
        const Digest head = sha256(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
        std::memcpy(octets_.data(), head.data(), head.size());
    }

    void add(const void* data, std::size_t count) {
        const auto* at = static_cast<const std::uint8_t*>(data);
        while (count > 0) {
            const std::size_t used = total_ % block_octets;
            const std::size_t part = count < block_octets - used ? count : block_octets - used;
            std::memcpy(octets_.data() + head_octets + used, at, part);
            total_ += part;
            at += part;
            count -= part;
            if (total_ % block_octets == 0) {
                const Digest head = sha256(octets_.data(), octets_.size());
                std::memcpy(octets_.data(), head.data(), head.size());
            }
        }
    }

    [[nodiscard]] Digest digest() const {
        std::array<std::uint8_t, head_octets + block_octets + 8> last;
        const std::size_t used = total_ % block_octets;
        std::memcpy(last.data(), octets_.data(), head_octets + used);
        std::memcpy(last.data() + head_octets + used, &total_, 8);
        return sha256(last.data(), head_octets + used + 8);
    }

    [[nodiscard]] std::uint64_t total() const { return total_; }

  private:
    static constexpr std::size_t head_octets = 32;
    std::array<std::uint8_t, head_octets + block_octets> octets_{};
    std::uint64_t total_ = 0;
};
static_assert(std::is_trivially_copyable_v<Chain>);

[[nodiscard]] inline std::string to_hex(const Digest& digest) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t octet : digest) {
        text += digits[octet >> 4];
        text += digits[octet & 15U];
    }
    return text;
}

}  // namespace safehold::host
