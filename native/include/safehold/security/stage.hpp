// The crypto stage: what every TC frame passes before it reaches a replica (CCSDS 355.0-B).
//
// Rate: every control tick with uplink. Input: frames as they came, all hostile. Output: clear frames
// (primary header; segment header in AD and BD; data), or a reason, counted. A frame of any type is taken
// only with a MAC by AES-256-GCM under the key in force, and with a counter above the last one taken under
// that key. The counter moves only after the MAC held. The stage is outside the replicas, because OpenSSL's
// contexts cannot live in a state: it is a single point, and its result goes on with a CRC-32. Meets L2.3,
// L2.6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/security/keys.hpp"

namespace safehold::security {

// Why a frame was refused, in the order of the checks.
enum class Reject : std::uint8_t {
    length,       // not 9 to 256 octets, or the length field differs from the octets that came
    fecf,         // frame error control field
    version,      // version or reserved bits not 0
    scid,         // another spacecraft
    vcid,         // another virtual channel
    type,         // sequence-controlled control command: there is none
    header,       // too short for security header, one octet of data and MAC
    key_unknown,  // no key of that id
    key_idle,     // a key that is not, or no more, in force
    iv,           // the fixed part of the initialisation vector
    mac,          // not what this key makes of this frame
    replay,       // counter not above the last one taken
    store,        // the new counter could not be kept
    count
};
inline constexpr std::size_t reject_count = static_cast<std::size_t>(Reject::count);

// All that the stage remembers; plain octets without secrets. What survives a reset is `SecurityKept`.
// There are more places than keys in a ring: a key that has left it keeps its counter, so that its return
// does not open the way for old frames.
inline constexpr std::size_t key_places = 16;
struct SecurityKept {
    std::array<std::uint64_t, key_places> counter;  // last one taken, by place
    std::array<std::uint16_t, key_places> key;      // id of the key of each place; 0 is none
    std::uint16_t active;                           // id of the key in force
    std::array<std::uint8_t, 6> spare;
};
static_assert(sizeof(SecurityKept) == 10 * key_places + 8);

struct SecurityState {
    SecurityKept kept;
    // Of the write that failed, and since which none has succeeded, plus 1; 0: what is in `kept` is kept.
    std::uint64_t unkept_tick;
    std::array<std::uint32_t, reject_count> rejected;
    std::uint32_t unkept;  // frames taken on a counter in memory alone
    std::uint32_t accepted;
    std::uint32_t sequence;    // of what was kept last
    std::uint16_t loaded;      // places whose key is in the ring, bit by place
    std::uint8_t last_reject;  // Reject of the last refused frame
    std::array<std::uint8_t, 5> spare;
};
static_assert(sizeof(SecurityState) == sizeof(SecurityKept) + 8 + 4 * reject_count + 20 &&
              reject_count % 2 == 1);
static_assert(std::is_trivially_copyable_v<SecurityState>);

// Voted by the replicas: bring another key into force.
struct SecurityRequest {
    std::uint16_t select;  // key id; 0 asks nothing
    std::array<std::uint8_t, 6> spare;
};
static_assert(sizeof(SecurityRequest) == 8);

// Whether the ring has this key.
[[nodiscard]] bool holds_key(const SecurityState& state, std::uint32_t id);
// The last counter taken under a key; 0 for one that there is not.
[[nodiscard]] std::uint64_t counter_of(const SecurityState& state, std::uint32_t id);
// Brings a key into force; false, and nothing changed, for one that the ring does not have.
[[nodiscard]] bool select_key(SecurityState& state, std::uint32_t id);
// Notes a frame as taken.
void take(SecurityState& state, std::uint32_t id, std::uint64_t counter);
// Counts a frame as refused.
void refuse(SecurityState& state, Reject reject);
[[nodiscard]] std::uint32_t total_rejected(const SecurityState& state);

// A frame that was authenticated, in the clear. Nothing is written beyond `length`.
struct ClearFrame {
    std::array<std::uint8_t, 256> octets;
    std::size_t length;
    std::uint64_t counter;
    std::uint16_t key;
    std::uint16_t blocks = 0;  // of AES that checking it took, whether or not it was authentic
};

// True in builds that can check a MAC (with OpenSSL).
[[nodiscard]] bool can_authenticate();

class Stage {
  public:
    Stage() = default;
    ~Stage() { wipe(&ring_, sizeof ring_); }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    void load(const KeyRing& ring);

    // Starts with what was kept over a reset (all zero at the first start), and with the keys that are new in
    // the ring at counter 0; the ring's first is in force if none of it was.
    void start(SecurityState& state, const SecurityKept& kept) const;

    // Checks one frame; moves the counter and returns true if it is authentic.
    [[nodiscard]] bool open(SecurityState& state, const std::uint8_t* frame, std::size_t octets,
                            ClearFrame& clear) const;

  private:
    [[nodiscard]] const Key* find(std::uint32_t id) const;
    [[nodiscard]] Reject check(const SecurityState& state, const std::uint8_t* frame, std::size_t octets,
                               ClearFrame& clear) const;

    KeyRing ring_{};
};

}  // namespace safehold::security
