// TC transfer frames (CCSDS 232.0-B): from a frame to the telecommand packet in it.
//
// Rate: every control tick with uplink. Inputs: frames of at most 256 octets, all hostile. Every drop is
// counted under its reason. Meets L2.3, S3.
#pragma once

#include <cstddef>
#include <cstdint>

#include "safehold/cdh/telecommand.hpp"

namespace safehold::cdh {

void accept_frame(CommandContext& context, const std::uint8_t* frame, std::size_t octets);

}  // namespace safehold::cdh
