#include "safehold/cdh/segments.hpp"

#include <cstring>

namespace safehold::cdh {

void clear(Reassembly& reassembly) {
    reassembly = Reassembly{};
}

SegmentOutcome add_segment(Reassembly& reassembly, SegmentFlag flag, const std::uint8_t* octets,
                           std::size_t count) {
    const bool begins = flag == SegmentFlag::first || flag == SegmentFlag::whole;
    const bool ends = flag == SegmentFlag::last || flag == SegmentFlag::whole;
    const bool open = reassembly.active == 1 && reassembly.length <= reassembly.octets.size();
    const bool interrupted = begins && reassembly.active != 0;
    if (begins || !open) clear(reassembly);
    if (!begins && !open) return {Segment::sequence, false};
    if (count == 0 || count > reassembly.octets.size() - reassembly.length) {
        clear(reassembly);
        return {Segment::size, interrupted};
    }
    std::memcpy(reassembly.octets.data() + reassembly.length, octets, count);
    reassembly.length += static_cast<std::uint32_t>(count);
    reassembly.active = 1;
    if (!ends) return {Segment::kept, interrupted};
    const std::size_t declared =
        ((static_cast<std::size_t>(reassembly.octets[4]) << 8) | reassembly.octets[5]) + tc_packet_octets_min;
    if (reassembly.length < tc_packet_octets_min || declared != reassembly.length) {
        clear(reassembly);
        return {Segment::size, interrupted};
    }
    return {Segment::complete, interrupted};
}

bool has_room(const CommandBuffer& buffer) {
    return buffer.length <= CommandBuffer::capacity - 2 * buffered_octets_max;
}

bool push_packet(CommandBuffer& buffer, const std::uint8_t* packet, std::size_t octets) {
    if (octets < tc_packet_octets_min || octets > tc_packet_octets_max) return false;
    if (buffer.length > CommandBuffer::capacity || octets + 2 > CommandBuffer::capacity - buffer.length)
        return false;
    std::uint8_t* at = buffer.octets.data() + buffer.length;
    at[0] = static_cast<std::uint8_t>(octets >> 8);
    at[1] = static_cast<std::uint8_t>(octets);
    std::memcpy(at + 2, packet, octets);
    buffer.length += static_cast<std::uint32_t>(octets + 2);
    ++buffer.packets;
    return true;
}

std::size_t pop_packet(CommandBuffer& buffer, std::array<std::uint8_t, tc_packet_octets_max>& packet,
                       bool& damaged) {
    if (buffer.length == 0 && buffer.packets == 0) return 0;
    const std::size_t octets = (static_cast<std::size_t>(buffer.octets[0]) << 8) | buffer.octets[1];
    const bool sound = buffer.length <= CommandBuffer::capacity && buffer.packets != 0 &&
                       octets >= tc_packet_octets_min && octets <= packet.size() &&
                       octets + 2 <= buffer.length;
    if (!sound) {
        buffer = CommandBuffer{};
        damaged = true;
        return 0;
    }
    std::memcpy(packet.data(), buffer.octets.data() + 2, octets);
    const std::size_t rest = buffer.length - octets - 2;
    std::memmove(buffer.octets.data(), buffer.octets.data() + octets + 2, rest);
    std::memset(buffer.octets.data() + rest, 0, octets + 2);
    buffer.length = static_cast<std::uint32_t>(rest);
    --buffer.packets;
    return octets;
}

}  // namespace safehold::cdh
