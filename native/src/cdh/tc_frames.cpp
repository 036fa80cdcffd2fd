#include "safehold/cdh/tc_frames.hpp"

#include "safehold/cdh/octets.hpp"

namespace safehold::cdh {
namespace {

constexpr std::size_t frame_header_octets = 6;  // primary header and segment header
constexpr std::size_t frame_octets_min = 9;

// The frame's checks in the order of docs/wire.md; `count` when it is to be accepted.
FrameDrop check_frame(const std::uint8_t* frame, std::size_t octets) {
    if (octets < frame_octets_min || octets > tc_frame_octets_max) return FrameDrop::length;
    const std::size_t declared = ((static_cast<std::size_t>(frame[2] & 3U) << 8) | frame[3]) + 1;
    if (declared != octets) return FrameDrop::length;
    const auto fecf = static_cast<std::uint16_t>((frame[octets - 2] << 8) | frame[octets - 1]);
    if (crc16(frame, octets - 2) != fecf) return FrameDrop::fecf;
    if ((frame[0] & 0xCCU) != 0) return FrameDrop::version;
    const auto scid = static_cast<std::uint16_t>(((frame[0] & 3U) << 8) | frame[1]);
    if (scid != spacecraft_id) return FrameDrop::scid;
    if ((frame[2] >> 2) != 0) return FrameDrop::vcid;
    if ((frame[0] & 0x30U) != 0x20U) return FrameDrop::type;
    if (frame[5] != 0xC0U) return FrameDrop::segment;
    const std::size_t packet = octets - frame_header_octets - 2;
    if (packet < 7) return FrameDrop::packet;
    const std::size_t packet_declared = ((static_cast<std::size_t>(frame[10]) << 8) | frame[11]) + 7;
    return packet_declared == packet ? FrameDrop::count : FrameDrop::packet;
}

}  // namespace

void accept_frame(CommandContext& context, const std::uint8_t* frame, std::size_t octets) {
    CdhAccount& account = context.account;
    const FrameDrop drop = check_frame(frame, octets);
    if (drop != FrameDrop::count) {
        ++account.frames_dropped[static_cast<std::size_t>(drop)];
        return;
    }
    ++account.frames_accepted;
    context.control_dirty = true;
    ++account.farm_b_counter;
    handle_packet(context, frame + frame_header_octets, octets - frame_header_octets - 2);
}

}  // namespace safehold::cdh
