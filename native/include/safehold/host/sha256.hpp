// SHA-256 (FIPS 180-4), by OpenSSL's libcrypto where it is at hand, else by the portable code; the same
// digest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace safehold::host {

using Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest sha256(const std::uint8_t* octets, std::size_t count);
[[nodiscard]] Digest sha256_portable(const std::uint8_t* octets, std::size_t count);

}  // namespace safehold::host
