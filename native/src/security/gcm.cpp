#include "safehold/security/gcm.hpp"

#include <cstring>

#include "safehold/security/keys.hpp"
#include "safehold/security/stage.hpp"

#if defined(SAFEHOLD_OPENSSL)
#include <openssl/crypto.h>
#include <openssl/evp.h>
#endif

namespace safehold::security {

#if defined(SAFEHOLD_OPENSSL)

void wipe(void* octets, std::size_t count) {
    OPENSSL_cleanse(octets, count);
}

bool can_authenticate() {
    return true;
}

namespace {

constexpr int mac_octets = 16;

// One context a frame: freeing it wipes the key schedule.
bool run(EVP_CIPHER_CTX* context, const Sealed& sealed, std::uint8_t* clear) {
    std::uint8_t mac[mac_octets];
    std::memcpy(mac, sealed.mac, sizeof mac);
    int done = 0;
    int rest = 0;
    return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nullptr, sealed.key, sealed.nonce) == 1 &&
           EVP_DecryptUpdate(context, nullptr, &done, sealed.associated,
                             static_cast<int>(sealed.associated_octets)) == 1 &&
           EVP_DecryptUpdate(context, clear, &done, sealed.text, static_cast<int>(sealed.text_octets)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, mac_octets, mac) == 1 &&
           EVP_DecryptFinal_ex(context, clear + done, &rest) == 1;
}

bool run(EVP_CIPHER_CTX* context, const Unsealed& unsealed, const Associated& first, const Associated& second,
         std::uint8_t* mac) {
    int done = 0;
    const auto associate = [&](const Associated& piece) {
        return piece.count == 0 ||
               EVP_EncryptUpdate(context, nullptr, &done, piece.octets, static_cast<int>(piece.count)) == 1;
    };
    return EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, unsealed.key, unsealed.nonce) == 1 &&
           associate(first) && associate(second) &&
           (unsealed.text_octets == 0 || EVP_EncryptUpdate(context, unsealed.text, &done, unsealed.text,
                                                           static_cast<int>(unsealed.text_octets)) == 1) &&
           EVP_EncryptFinal_ex(context, mac, &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, mac_octets, mac) == 1;
}

}  // namespace

bool gcm_seal(const Unsealed& unsealed, const Associated& first, const Associated& second,
              std::uint8_t* mac) {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    const bool made = context != nullptr && run(context, unsealed, first, second, mac);
    EVP_CIPHER_CTX_free(context);
    if (!made) {
        wipe(unsealed.text, unsealed.text_octets);
        wipe(mac, mac_octets);
    }
    return made;
}

bool gcm_open(const Sealed& sealed, std::uint8_t* clear) {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    const bool held = context != nullptr && run(context, sealed, clear);
    EVP_CIPHER_CTX_free(context);
    if (!held) wipe(clear, sealed.text_octets);
    return held;
}

#else

void wipe(void* octets, std::size_t count) {
    volatile auto* at = static_cast<volatile std::uint8_t*>(octets);
    for (std::size_t i = 0; i < count; ++i)
        at[i] = 0;
}

bool can_authenticate() {
    return false;
}

bool gcm_open(const Sealed& sealed, std::uint8_t* clear) {
    wipe(clear, sealed.text_octets);
    return false;  // what cannot be checked is not taken
}

bool gcm_seal(const Unsealed& unsealed, const Associated&, const Associated&, std::uint8_t* mac) {
    wipe(unsealed.text, unsealed.text_octets);
    wipe(mac, 16);
    return false;
}

#endif

}  // namespace safehold::security
