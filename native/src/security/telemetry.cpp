#include "safehold/security/telemetry.hpp"

#include "safehold/cdh/octets.hpp"
#include "safehold/security/gcm.hpp"

namespace safehold::security {
namespace {

constexpr std::uint32_t nonce_prefix = 0x544D'0000;
constexpr std::size_t ocf_at = cdh::tm_header_octets + cdh::tm_data_octets;
constexpr std::size_t ocf_octets = 4;
constexpr std::size_t fecf_at = ocf_at + ocf_octets;
static_assert(fecf_at + 2 == cdh::tm_frame_octets);

}  // namespace

void TelemetryStage::load(const KeyRing& ring) {
    ring_ = ring;
    if (ring_.count > keys_max) ring_.count = keys_max;
}

bool TelemetryStage::seal(TmFrame& frame, cdh::TelemetryProtection protection, std::uint64_t counter) const {
    if (ring_.count == 0 || protection == cdh::TelemetryProtection::none) return false;
    const cdh::TmLayout layout = cdh::tm_layout(protection);
    std::uint8_t* header = frame.data() + cdh::tm_header_octets;
    cdh::Writer security(header, cdh::tm_security_header_octets);
    security.u16(ring_.keys[0].id);
    security.u32(nonce_prefix);
    security.u64(counter);
    const bool encrypted = protection == cdh::TelemetryProtection::encrypted;
    std::uint8_t* data = frame.data() + layout.data_at;
    const Unsealed unsealed{ring_.keys[0].octets.data(), header + 2, data,
                            encrypted ? layout.data_octets : 0};
    const Associated first{frame.data(), layout.data_at + (encrypted ? 0 : layout.data_octets)};
    const Associated second{frame.data() + ocf_at, ocf_octets};
    if (!gcm_seal(unsealed, first, second, data + layout.data_octets)) return false;
    cdh::Writer fecf(frame.data() + fecf_at, 2);
    fecf.u16(cdh::crc16(frame.data(), fecf_at));
    return true;
}

}  // namespace safehold::security
