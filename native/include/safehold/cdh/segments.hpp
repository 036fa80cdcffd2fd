// Segments (CCSDS 232.0-B, 4.1.3.2.2) to telecommand packets, and the buffer in which these wait.
//
// Purpose: a packet of up to 1,024 octets comes in as many frames as it needs, on MAP 0, in order; a sequence
// that cannot be is dropped and counted, never guessed at. Whole packets wait in a buffer of fixed size, from
// which a bounded number is executed a tick: when a whole packet might not fit any more, the FARM waits.
// Every length is checked before use, because a bit may flip anywhere; what is not in use is zero, so that
// states that mean the same are the same octets. Meets L2.3, L3.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace safehold::cdh {

inline constexpr std::size_t tc_packet_octets_max = 1024;
inline constexpr std::size_t tc_packet_octets_min = 7;

// The sequence flags of a segment header.
enum class SegmentFlag : std::uint8_t { continuing = 0, first = 1, last = 2, whole = 3 };

// A packet whose segments are still coming.
struct Reassembly {
    std::array<std::uint8_t, tc_packet_octets_max> octets;
    std::uint32_t length;
    std::uint32_t active;  // 1 between a first and a last segment
};
static_assert(sizeof(Reassembly) == tc_packet_octets_max + 8);

enum class Segment : std::uint8_t {
    kept,      // more is to come
    complete,  // the packet is `octets` and `length` of the reassembly; clear it when it has been used
    sequence,  // out of sequence: dropped, with what was kept
    size,      // longer than a packet may be, or not what the packet's own length says: dropped likewise
};

struct SegmentOutcome {
    Segment segment;
    bool interrupted;  // an unfinished packet was given up for this one
};

[[nodiscard]] SegmentOutcome add_segment(Reassembly& reassembly, SegmentFlag flag, const std::uint8_t* octets,
                                         std::size_t count);
void clear(Reassembly& reassembly);

// Packets back to back, each behind its length (16 bits, big-endian).
struct CommandBuffer {
    static constexpr std::size_t capacity = 4096;
    std::array<std::uint8_t, capacity> octets;
    std::uint32_t length;
    std::uint32_t packets;
};
static_assert(sizeof(CommandBuffer) == CommandBuffer::capacity + 8);
static_assert(std::is_trivially_copyable_v<CommandBuffer>);

inline constexpr std::size_t buffered_octets_max = tc_packet_octets_max + 2;

// Room for a frame of type AD: for the longest packet, and behind it for one more, which BD frames alone use,
// so that an expedited command gets in while the FARM waits.
[[nodiscard]] bool has_room(const CommandBuffer& buffer);

// False, and nothing changed, if there is no room.
[[nodiscard]] bool push_packet(CommandBuffer& buffer, const std::uint8_t* packet, std::size_t octets);

// Takes the first packet out; returns its length, 0 if there is none. A buffer that cannot be what
// `push_packet` made is emptied, and `damaged` is set.
[[nodiscard]] std::size_t pop_packet(CommandBuffer& buffer,
                                     std::array<std::uint8_t, tc_packet_octets_max>& packet, bool& damaged);

}  // namespace safehold::cdh
