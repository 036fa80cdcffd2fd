#include "safehold/security/stage.hpp"

#include <cstring>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/state.hpp"
#include "safehold/security/gcm.hpp"

namespace safehold::security {
namespace {

constexpr std::size_t primary_octets = 5;
constexpr std::size_t security_header_octets = 14;
constexpr std::size_t nonce_octets = 12;
constexpr std::size_t mac_octets = 16;
constexpr std::size_t fecf_octets = 2;
constexpr std::size_t aes_block_octets = 16;
constexpr std::size_t frame_octets_min = 9;
constexpr std::uint32_t nonce_prefix = 0x5443'0000;

std::size_t place_of(const SecurityKept& kept, std::uint32_t id) {
    for (std::size_t i = 0; i < key_places; ++i) {
        if (id != 0 && kept.key[i] == id) return i;
    }
    return key_places;
}

// What can be said of a frame without a key.
Reject check_frame(const std::uint8_t* frame, std::size_t octets) {
    if (octets < frame_octets_min || octets > cdh::tc_frame_octets_max) return Reject::length;
    const std::size_t declared = ((static_cast<std::size_t>(frame[2] & 3U) << 8) | frame[3]) + 1;
    if (declared != octets) return Reject::length;
    if (cdh::crc16(frame, octets) != 0) return Reject::fecf;
    if ((frame[0] & 0xCCU) != 0) return Reject::version;
    const auto scid = static_cast<std::uint16_t>(((frame[0] & 3U) << 8) | frame[1]);
    if (scid != cdh::spacecraft_id) return Reject::scid;
    if ((frame[2] >> 2) != 0) return Reject::vcid;
    if ((frame[0] & 0x30U) == 0x10U) return Reject::type;
    return Reject::count;
}

}  // namespace

bool holds_key(const SecurityState& state, std::uint32_t id) {
    const std::size_t place = place_of(state.kept, id);
    return place < key_places && ((static_cast<unsigned>(state.loaded) >> place) & 1U) != 0;
}

std::uint64_t counter_of(const SecurityState& state, std::uint32_t id) {
    const std::size_t place = place_of(state.kept, id);
    return place < key_places ? state.kept.counter[place] : 0;
}

bool select_key(SecurityState& state, std::uint32_t id) {
    if (!holds_key(state, id)) return false;
    state.kept.active = static_cast<std::uint16_t>(id);
    return true;
}

void take(SecurityState& state, std::uint32_t id, std::uint64_t counter) {
    const std::size_t place = place_of(state.kept, id);
    if (place < key_places) state.kept.counter[place] = counter;
    ++state.accepted;
}

void refuse(SecurityState& state, Reject reject) {
    if (reject >= Reject::count) return;
    ++state.rejected[static_cast<std::size_t>(reject)];
    state.last_reject = static_cast<std::uint8_t>(reject);
}

std::uint32_t total_rejected(const SecurityState& state) {
    std::uint32_t total = 0;
    for (const std::uint32_t count : state.rejected)
        total += count;
    return total;
}

void Stage::load(const KeyRing& ring) {
    ring_ = ring;
    if (ring_.count > keys_max) ring_.count = keys_max;
}

const Key* Stage::find(std::uint32_t id) const {
    for (std::size_t i = 0; i < ring_.count; ++i) {
        if (id != 0 && ring_.keys[i].id == id) return &ring_.keys[i];
    }
    return nullptr;
}

void Stage::start(SecurityState& state, const SecurityKept& kept) const {
    state.kept = kept;
    SecurityKept& now = state.kept;
    for (std::size_t i = 0; i < ring_.count; ++i) {
        if (place_of(now, ring_.keys[i].id) < key_places) continue;
        // An empty place, or else that of a key that has left the ring.
        std::size_t place = key_places;
        for (std::size_t k = key_places; k-- > 0;) {
            if (now.key[k] == 0 || (place == key_places && find(now.key[k]) == nullptr)) place = k;
        }
        if (place == key_places) continue;
        now.key[place] = ring_.keys[i].id;
        now.counter[place] = 0;
    }
    unsigned loaded = 0;
    for (std::size_t place = 0; place < key_places; ++place) {
        if (find(now.key[place]) != nullptr) loaded |= 1U << place;
    }
    state.loaded = static_cast<std::uint16_t>(loaded);
    if (find(now.active) == nullptr) now.active = ring_.count != 0 ? ring_.keys[0].id : std::uint16_t{0};
}

Reject Stage::check(const SecurityState& state, const std::uint8_t* frame, std::size_t octets,
                    ClearFrame& clear) const {
    const Reject outside = check_frame(frame, octets);
    if (outside != Reject::count) return outside;
    const bool control = (frame[0] & 0x10U) != 0;
    const std::size_t header = primary_octets + (control ? 0U : 1U);
    const std::size_t overhead = header + security_header_octets + mac_octets + fecf_octets;
    if (octets <= overhead) return Reject::header;
    const std::uint8_t* nonce = frame + header + 2;
    clear.key = static_cast<std::uint16_t>((frame[header] << 8) | frame[header + 1]);
    const Key* key = find(clear.key);
    const std::size_t place = place_of(state.kept, clear.key);
    if (key == nullptr || place >= key_places) return Reject::key_unknown;
    if (clear.key != state.kept.active) return Reject::key_idle;
    cdh::Reader reader(nonce, nonce_octets);
    if (reader.u32() != nonce_prefix) return Reject::iv;
    clear.counter = reader.u64();
    const std::size_t text_octets = octets - overhead;
    const std::uint8_t* text = nonce + nonce_octets;
    const Sealed sealed{key->octets.data(), nonce, frame, header + security_header_octets, text, text_octets,
                        text + text_octets};
    clear.blocks = static_cast<std::uint16_t>(2 + (text_octets + aes_block_octets - 1) / aes_block_octets);
    if (!gcm_open(sealed, clear.octets.data() + header)) return Reject::mac;
    if (clear.counter <= state.kept.counter[place]) return Reject::replay;
    std::memcpy(clear.octets.data(), frame, header);
    clear.length = header + text_octets;
    return Reject::count;
}

bool Stage::open(SecurityState& state, const std::uint8_t* frame, std::size_t octets,
                 ClearFrame& clear) const {
    clear.length = 0;
    clear.blocks = 0;
    const Reject reject = check(state, frame, octets, clear);
    if (reject != Reject::count) {
        refuse(state, reject);
        return false;
    }
    take(state, clear.key, clear.counter);
    return true;
}

}  // namespace safehold::security
