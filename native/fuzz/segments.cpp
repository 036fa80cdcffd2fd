// Fuzz target: segments to packets, and packets through the command buffer. Each part is a flag, a length and
// octets. Whatever comes out is as long as its header says, in the order in which it went in.
#include "safehold/cdh/segments.hpp"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace safehold::cdh;
    Reassembly reassembly{};
    CommandBuffer buffer{};
    std::deque<std::vector<std::uint8_t>> waiting;
    std::array<std::uint8_t, tc_packet_octets_max> packet{};
    while (size >= 2) {
        const auto flag = static_cast<SegmentFlag>(data[0] & 3U);
        const bool take = (data[0] & 0x80U) != 0;
        const std::size_t octets = data[1] < size - 2 ? data[1] : size - 2;
        const std::vector<std::uint8_t> part(data + 2, data + 2 + octets);
        data += 2 + octets;
        size -= 2 + octets;
        const SegmentOutcome outcome = add_segment(reassembly, flag, part.data(), part.size());
        if (reassembly.length > reassembly.octets.size()) std::abort();
        if (outcome.segment == Segment::complete) {
            const std::vector<std::uint8_t> whole(reassembly.octets.begin(),
                                                  reassembly.octets.begin() + reassembly.length);
            if (whole.size() < tc_packet_octets_min) std::abort();
            const std::size_t declared = (static_cast<std::size_t>(whole[4]) << 8) | whole[5];
            if (declared + 7 != whole.size()) std::abort();
            if (push_packet(buffer, whole.data(), whole.size())) waiting.push_back(whole);
            clear(reassembly);
        }
        if (!take) continue;
        bool damaged = false;
        const std::size_t came = pop_packet(buffer, packet, damaged);
        if (damaged || (came == 0) != waiting.empty()) std::abort();
        if (came == 0) continue;
        if (came != waiting.front().size() || std::memcmp(packet.data(), waiting.front().data(), came) != 0)
            std::abort();
        waiting.pop_front();
    }
    if (buffer.packets != waiting.size()) std::abort();
    return 0;
}
