// TC transfer frames (CCSDS 232.0-B): from an authenticated frame to the telecommand packets in it.
//
// Rate: every control tick with uplink. Inputs: the clear frames that the crypto stage hands on (primary
// header; in AD and BD frames segment header and data, in BC frames the control command). Outputs: packets in
// the command buffer, the FARM's state. Whoever sent a frame held a key; its content is checked all the same,
// and every drop counted under its reason. Meets L2.3, L2.6, S3.
#pragma once

#include <cstddef>
#include <cstdint>

#include "safehold/cdh/farm.hpp"
#include "safehold/cdh/segments.hpp"
#include "safehold/cdh/state.hpp"

namespace safehold::cdh {

inline constexpr std::size_t tc_primary_header_octets = 5;
inline constexpr std::size_t packets_per_tick = 4;  // telecommand packets executed in a tick

// What of the uplink decides about what comes next; a part of the control state.
struct UplinkState {
    Reassembly sequence_controlled;  // segments of AD frames
    Reassembly expedited;            // of BD frames
    CommandBuffer commands;
    FarmState farm;
};
static_assert(sizeof(UplinkState) == 2 * sizeof(Reassembly) + sizeof(CommandBuffer) + sizeof(FarmState));

// A start that remembers nothing, or not the latest: what waited or was begun is given up, and the FARM is
// locked.
void start_cold(UplinkState& uplink);

// Takes one clear frame; whether the FARM accepted it.
bool accept_frame(UplinkState& uplink, CdhAccount& account, const std::uint8_t* frame, std::size_t octets);

// Takes the next packet out of the command buffer; returns its length, 0 if none waits.
[[nodiscard]] std::size_t next_packet(UplinkState& uplink, CdhAccount& account,
                                      std::array<std::uint8_t, tc_packet_octets_max>& packet);

// Lets the FARM go on once the command buffer has room; call at the end of a tick's executions.
void release_buffer(UplinkState& uplink);

}  // namespace safehold::cdh
