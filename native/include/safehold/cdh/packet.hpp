// One TM packet under construction (CCSDS 133.0-B with the secondary header of PUS-C).
//
// Purpose: whoever reports something writes the data; `finish` queues the packet. Its sequence count, message
// type counter and packet error control are set when it is queued, so that counts run in the order in which
// packets leave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/state.hpp"

namespace safehold::cdh {

inline constexpr std::size_t tm_packet_header_octets = 20;  // primary and secondary header

// CUC time, four octets of seconds and three of fraction.
void put_time(Writer& writer, std::int64_t clock_ns);

// One value of a struct in its dictionary type, big-endian; a float that is not finite goes down as zero.
void put_value(Writer& writer, const std::uint8_t* at, Type type);

class Packet {
  public:
    Packet(CdhAccount& account, Message message, std::int64_t clock_ns);

    Writer& data() { return writer_; }
    // False if it did not fit or found no room; it is then counted.
    bool finish();

  private:
    CdhAccount& account_;
    std::array<std::uint8_t, tm_packet_octets_max> octets_;
    Writer writer_;
    Message message_;
};

}  // namespace safehold::cdh
