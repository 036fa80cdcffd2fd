#include "safehold/cdh/tc_frames.hpp"

namespace safehold::cdh {
namespace {

constexpr std::uint8_t unlock_command = 0x00;
constexpr std::uint8_t set_expected_command = 0x82;

bool drop(CdhAccount& account, FrameDrop reason) {
    ++account.frames_dropped[static_cast<std::size_t>(reason)];
    return false;
}

// A control command: Unlock is one octet, Set V(R) three.
bool accept_control(UplinkState& uplink, CdhAccount& account, const std::uint8_t* data, std::size_t octets) {
    bool accepted = false;
    if (octets == 1 && data[0] == unlock_command) {
        accepted = farm_step(uplink.farm, FarmEvent::unlock);
    } else if (octets == 3 && data[0] == set_expected_command && data[1] == 0) {
        accepted = farm_step(uplink.farm, FarmEvent::set_expected, data[2]);
    }
    if (!accepted) return drop(account, FrameDrop::control);
    ++account.frames_accepted;
    return true;
}

FrameDrop reason_of(FarmEvent event, const FarmState& farm) {
    if (farm.mode == static_cast<std::uint8_t>(FarmMode::lockout)) return FrameDrop::lockout;
    if (event == FarmEvent::in_turn_without_room) return FrameDrop::wait;
    return event == FarmEvent::behind ? FrameDrop::behind : FrameDrop::ahead;
}

void take_segment(UplinkState& uplink, CdhAccount& account, Reassembly& reassembly, std::uint8_t header,
                  const std::uint8_t* data, std::size_t octets) {
    const auto outcome = add_segment(reassembly, static_cast<SegmentFlag>(header >> 6), data, octets);
    if (outcome.interrupted) drop(account, FrameDrop::segment);
    switch (outcome.segment) {
        case Segment::kept:
            return;
        case Segment::sequence:
            drop(account, FrameDrop::segment);
            return;
        case Segment::size:
            drop(account, FrameDrop::packet);
            return;
        case Segment::complete:
            break;
    }
    if (!push_packet(uplink.commands, reassembly.octets.data(), reassembly.length)) {
        drop(account, FrameDrop::buffer);
    }
    clear(reassembly);
}

}  // namespace

void start_cold(UplinkState& uplink) {
    uplink = UplinkState{};
    farm_start_cold(uplink.farm);
}

bool accept_frame(UplinkState& uplink, CdhAccount& account, const std::uint8_t* frame, std::size_t octets) {
    if (octets <= tc_primary_header_octets || octets > tc_frame_octets_max) {
        return drop(account, FrameDrop::length);
    }
    const bool bypass = (frame[0] & 0x20U) != 0;
    const bool control = (frame[0] & 0x10U) != 0;
    const std::uint8_t* data = frame + tc_primary_header_octets;
    octets -= tc_primary_header_octets;
    if (control) {
        if (!bypass) return drop(account, FrameDrop::type);
        return accept_control(uplink, account, data, octets);
    }
    // What is wrong with the segment header is wrong before the FARM, so that it moves nothing.
    if (octets < 2) return drop(account, FrameDrop::length);
    if ((data[0] & 0x3FU) != 0) return drop(account, FrameDrop::map);
    release_buffer(uplink);
    const FarmEvent event =
        bypass ? FarmEvent::expedited : farm_event(uplink.farm, frame[4], has_room(uplink.commands));
    if (!farm_step(uplink.farm, event)) return drop(account, reason_of(event, uplink.farm));
    ++account.frames_accepted;
    take_segment(uplink, account, bypass ? uplink.expedited : uplink.sequence_controlled, data[0], data + 1,
                 octets - 1);
    return true;
}

std::size_t next_packet(UplinkState& uplink, CdhAccount& account,
                        std::array<std::uint8_t, tc_packet_octets_max>& packet) {
    bool damaged = false;
    const std::size_t octets = pop_packet(uplink.commands, packet, damaged);
    if (damaged) drop(account, FrameDrop::damaged);
    return octets;
}

void release_buffer(UplinkState& uplink) {
    if (has_room(uplink.commands)) (void)farm_step(uplink.farm, FarmEvent::released);
}

}  // namespace safehold::cdh
