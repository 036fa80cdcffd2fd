// Protection of TM frames (CCSDS 355.0-B, under 132.0-B): security header, AES-256-GCM, MAC.
//
// Rate: each TM frame, after the vote. Input: a voted frame with room for what comes in here. Output: the
// frame as it is radiated. It stands outside the replicas, as the crypto stage of the uplink does, because
// OpenSSL's contexts cannot live in a state. Keys are of their own: none of them opens or seals a TC frame.
// The initialisation vector is `0x544D0000` and a counter that is used once under all keys together
// (safehold/computer/telemetry_counter.hpp). Associated data are primary header, security header and the
// operational control field, so that nobody can exchange the CLCW; of an authenticated frame also its data
// field, which stays readable. Meets L2.6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/state.hpp"
#include "safehold/security/keys.hpp"

namespace safehold::security {

using TmFrame = std::array<std::uint8_t, cdh::tm_frame_octets>;

class TelemetryStage {
  public:
    TelemetryStage() = default;
    ~TelemetryStage() { wipe(&ring_, sizeof ring_); }
    TelemetryStage(const TelemetryStage&) = delete;
    TelemetryStage& operator=(const TelemetryStage&) = delete;

    // The first key of the ring is in force.
    void load(const KeyRing& ring);

    // Fills in security header, MAC and FECF, and encrypts the data field if that is asked for. False, and
    // the frame not to be used, without a key or if OpenSSL cannot.
    [[nodiscard]] bool seal(TmFrame& frame, cdh::TelemetryProtection protection, std::uint64_t counter) const;

    // Id of the key in force; 0 without any.
    [[nodiscard]] std::uint16_t key() const { return ring_.count != 0 ? ring_.keys[0].id : std::uint16_t{0}; }

  private:
    KeyRing ring_{};
};

}  // namespace safehold::security
