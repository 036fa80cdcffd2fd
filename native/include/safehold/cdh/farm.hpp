// FARM-1: the receiving end of COP-1 (CCSDS 232.1-B-2), which keeps telecommand frames in order.
//
// Rate: at every frame that was authenticated, and when the command buffer has room again. A frame of type AD
// is accepted only in its turn, one of type BD always; the control commands of type BC free a locked FARM and
// set V(R). What it decided is in the CLCW, by which the ground sends again what was lost. The state is 8
// octets; whatever they hold, no more than the frame at hand is decided by them. Meets L2.3, L2.6.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace safehold::cdh {

// Of the 256 sequence numbers, those from V(R) on are the positive window, those before it the negative one;
// two are left, which lead to lockout.
inline constexpr unsigned farm_window_positive = 127;
inline constexpr unsigned farm_window_negative = 127;

enum class FarmMode : std::uint8_t { open = 0, wait = 1, lockout = 2 };
inline constexpr std::size_t farm_modes = 3;

// The events of the standard's state table, by their numbers there. E9, a frame that is not valid, never
// comes this far; E11, the report of a CLCW, is `clcw`.
enum class FarmEvent : std::uint8_t {
    in_turn_with_room,     // E1: AD, N(S) = V(R), room in the buffer
    in_turn_without_room,  // E2: AD, N(S) = V(R), no room
    ahead,                 // E3: AD in the positive window, not V(R)
    behind,                // E4: AD in the negative window
    outside,               // E5: AD in neither
    expedited,             // E6: BD
    unlock,                // E7: BC
    set_expected,          // E8: BC, V(R) given
    released,              // E10: the buffer has room again
    count
};

struct FarmState {
    std::uint8_t mode;            // FarmMode
    std::uint8_t expected;        // V(R)
    std::uint8_t farm_b_counter;  // frames taken with the bypass flag, modulo 4 in the CLCW
    std::uint8_t retransmit;      // flags, 0 or 1
    std::uint8_t wait;
    std::uint8_t cold;  // 1 from a start without memory until an Unlock
    std::array<std::uint8_t, 2> spare;
};
static_assert(sizeof(FarmState) == 8 && std::is_trivially_copyable_v<FarmState>);

// Which event a frame of type AD with this N(S) is.
[[nodiscard]] FarmEvent farm_event(const FarmState& state, std::uint8_t sequence, bool room);

// Whether the event's frame is accepted. `value` is the V(R) to be set.
[[nodiscard]] bool farm_step(FarmState& state, FarmEvent event, std::uint8_t value = 0);

// A start that remembers nothing, or not the latest: which of the frames under way were taken is not known,
// so none of type AD is until the ground has unlocked the FARM, and knows why it has to.
void farm_start_cold(FarmState& state);

// The communications link control word of virtual channel 0 (CCSDS 232.0-B, 4.2).
[[nodiscard]] std::uint32_t clcw(const FarmState& state, bool receiver_lock);

}  // namespace safehold::cdh
