// TM transfer frames (CCSDS 132.0-B): packets back to back, idle packets behind them, CLCW and FECF.
#include <cstring>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/telemetry.hpp"

namespace safehold::cdh {
namespace {

constexpr std::size_t header_octets = 6;
constexpr std::size_t idle_octets_min = 7;
constexpr std::uint16_t no_packet_starts = 0x7FF;

std::uint32_t clcw(const CdhAccount& account, bool receiver_lock) {
    const std::uint32_t no_signal = receiver_lock ? 0U : 0xC000U;  // no RF available, no bit lock
    return 0x0100'0000U | no_signal | ((account.farm_b_counter & 3U) << 9);
}

// The packet's length by its header at `at`, or 0 if it does not lie wholly in the queue.
std::size_t packet_length(const PacketQueue& queue, std::size_t at) {
    if (queue.length - at < idle_octets_min) return 0;
    const std::size_t length =
        ((static_cast<std::size_t>(queue.octets[at + 4]) << 8) | queue.octets[at + 5]) + 7;
    return length <= queue.length - at ? length : 0;
}

void add_idle_packet(PacketQueue& queue, std::size_t length) {
    std::uint8_t* at = queue.octets.data() + queue.length;
    std::memset(at, 0, length);
    Writer writer(at, length);
    writer.u16(apid_idle);
    writer.u16(0xC000);
    writer.u16(static_cast<std::uint16_t>(length - 7));
    queue.length += static_cast<std::uint32_t>(length);
}

void reset(PacketQueue& queue) {
    queue.length = 0;
    queue.rest = 0;
    queue.rest_is_idle = 0;
}

bool something_waits(const PacketQueue& queue) {
    return queue.length > (queue.rest_is_idle != 0 ? queue.rest : 0U);
}

// Fills one data field. The first header pointer is the first packet's place; returns false if the queue is
// broken.
bool fill(PacketQueue& queue, std::uint8_t* data, std::uint16_t& first_header_pointer) {
    const bool idle_follows = queue.length < tm_data_octets;
    if (idle_follows) {
        const std::size_t gap = tm_data_octets - queue.length;
        add_idle_packet(queue, gap < idle_octets_min ? idle_octets_min : gap);
    }
    first_header_pointer =
        queue.rest < tm_data_octets ? static_cast<std::uint16_t>(queue.rest) : no_packet_starts;
    std::size_t end = queue.rest;  // the end of the last packet that starts in this data field
    while (end < tm_data_octets) {
        const std::size_t length = packet_length(queue, end);
        if (length == 0) return false;
        end += length;
    }
    std::memcpy(data, queue.octets.data(), tm_data_octets);
    queue.length -= static_cast<std::uint32_t>(tm_data_octets);
    queue.rest = static_cast<std::uint16_t>(end - tm_data_octets);
    queue.rest_is_idle = idle_follows && queue.rest != 0 ? 1 : 0;
    std::memmove(queue.octets.data(), queue.octets.data() + tm_data_octets, queue.length);
    return true;
}

}  // namespace

std::size_t make_frames(CdhAccount& account, bool receiver_lock,
                        std::array<std::array<std::uint8_t, tm_frame_octets>, tm_frames_max>& frames,
                        std::size_t frames_max) {
    PacketQueue& queue = account.packets;
    // A queue that cannot be what this file left behind is emptied; the packets are lost and counted.
    constexpr std::size_t room = tm_data_octets + idle_octets_min;
    static_assert(PacketQueue::capacity > 2 * room);
    if (queue.length > PacketQueue::capacity || queue.rest > queue.length) {
        reset(queue);
        ++account.packets_lost;
    }
    if (frames_max > tm_frames_max) frames_max = tm_frames_max;
    std::size_t count = 0;
    while (count < frames_max && something_waits(queue)) {
        std::array<std::uint8_t, tm_frame_octets>& frame = frames[count];
        std::uint16_t first_header_pointer = 0;
        if (!fill(queue, frame.data() + header_octets, first_header_pointer)) {
            reset(queue);
            ++account.packets_lost;
            break;
        }
        Writer writer(frame.data(), header_octets);
        writer.u16(static_cast<std::uint16_t>((spacecraft_id << 4) | 1U));
        writer.u8(account.master_frame_count++);
        writer.u8(account.channel_frame_count++);
        writer.u16(static_cast<std::uint16_t>(0x1800U | first_header_pointer));
        Writer trailer(frame.data() + header_octets + tm_data_octets, 6);
        trailer.u32(clcw(account, receiver_lock));
        trailer.u16(crc16(frame.data(), tm_frame_octets - 2));
        ++account.frames_sent;
        ++count;
    }
    return count;
}

}  // namespace safehold::cdh
