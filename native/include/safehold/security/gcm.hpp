// AES-256-GCM (NIST SP 800-38D), opening only, with a nonce of 12 octets and a MAC of 16.
#pragma once

#include <cstddef>
#include <cstdint>

namespace safehold::security {

struct Sealed {
    const std::uint8_t* key;    // 32 octets
    const std::uint8_t* nonce;  // 12 octets
    const std::uint8_t* associated;
    std::size_t associated_octets;
    const std::uint8_t* text;
    std::size_t text_octets;
    const std::uint8_t* mac;  // 16 octets
};

// True if the MAC holds; `clear` has then `text_octets` octets, else zeros. The key schedule is wiped.
[[nodiscard]] bool gcm_open(const Sealed& sealed, std::uint8_t* clear);

}  // namespace safehold::security
