// AES-256-GCM (NIST SP 800-38D), with a nonce of 12 octets and a MAC of 16; without text it is GMAC.
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

struct Unsealed {
    const std::uint8_t* key;    // 32 octets
    const std::uint8_t* nonce;  // 12 octets, never used before under this key
    std::uint8_t* text;         // encrypted in place
    std::size_t text_octets;
};
struct Associated {
    const std::uint8_t* octets;
    std::size_t count;
};

// Encrypts the text in place and writes the 16 octets of the MAC, over two pieces of associated data and it.
// False, with text and MAC zeros, if that could not be done. The key schedule is wiped.
[[nodiscard]] bool gcm_seal(const Unsealed& unsealed, const Associated& first, const Associated& second,
                            std::uint8_t* mac);

}  // namespace safehold::security
