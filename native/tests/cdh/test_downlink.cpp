// TM transfer frames: packets that straddle frames, idle fill at every gap, lossless reassembly, damaged
// queues.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "safehold/cdh/downlink.hpp"
#include "safehold/cdh/farm.hpp"
#include "safehold/cdh/octets.hpp"

namespace safehold::tests {
namespace {

using namespace cdh;

using Octets = std::vector<std::uint8_t>;

// Puts one packet of a given length into the queue; its data are the length, to be recognised by.
void put_packet(CdhAccount& account, std::size_t length) {
    std::uint8_t* at = account.packets.octets.data() + account.packets.length;
    Writer writer(at, length);
    writer.u16(0x0800U | apid_flight);
    writer.u16(0xC000);
    writer.u16(static_cast<std::uint16_t>(length - 7));
    for (std::size_t i = 6; i < length; ++i)
        writer.u8(static_cast<std::uint8_t>(length + i));
    REQUIRE_FALSE(writer.failed());
    account.packets.length += static_cast<std::uint32_t>(length);
}

constexpr std::uint32_t locked = 0x0100'0000U;

// The frames of one tick of 100 ms with nothing in mass memory.
std::size_t make(CdhAccount& account, Frames& frames, std::uint32_t clcw = locked) {
    const computer::StoreStatus store{};
    static const computer::RecordList records{};
    DownlinkContext context{account, store, records, nullptr, nullptr, clcw, 100'000'000};
    return make_frames(context, frames, tm_frames_max);
}

// The ground's view: the stream of data fields, cut into packets.
class Receiver {
  public:
    std::vector<std::size_t> lengths;  // of packets that are not idle

    void take(const std::array<std::uint8_t, tm_frame_octets>& frame) {
        REQUIRE(crc16(frame.data(), frame.size()) == 0);
        const std::size_t pointer = (static_cast<std::size_t>(frame[4] & 7U) << 8) | frame[5];
        // The pointer must be what the packet begun in an earlier frame still lacks; unless its header is
        // cut.
        if (stream_.empty() || stream_.size() >= 6) CHECK(pointer == lacking_);
        stream_.insert(stream_.end(), frame.begin() + 6, frame.begin() + 1109);
        lacking_ = 0;
        while (stream_.size() >= 6) {
            const std::size_t length = ((static_cast<std::size_t>(stream_[4]) << 8) | stream_[5]) + 7;
            if (stream_.size() < length) {
                lacking_ = length - stream_.size();
                return;
            }
            const std::size_t apid = ((static_cast<std::size_t>(stream_[0]) & 7U) << 8) | stream_[1];
            if (apid == apid_flight) lengths.push_back(length);
            stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(length));
        }
    }

  private:
    Octets stream_;
    std::size_t lacking_ = 0;
};

TEST_CASE("every gap at the end of a frame is filled so that packets come out whole") {
    for (std::size_t last = 20; last < 60; ++last) {
        auto account = std::make_unique<CdhAccount>();
        auto frames = std::make_unique<Frames>();
        Receiver receiver;
        // 1,103 = 1,024 + 79: the second packet leaves a gap of 59 down to 20 and, with a third, of 0 to 39.
        put_packet(*account, 1024);
        put_packet(*account, last);
        put_packet(*account, 79 - last >= 7 ? 79 - last : 7);
        std::size_t count = make(*account, *frames);
        for (std::size_t i = 0; i < count; ++i)
            receiver.take((*frames)[i]);
        CHECK(receiver.lengths.size() == 3);
    }
}

TEST_CASE("a gap of 1 to 6 octets begins an idle packet whose rest opens the next frame") {
    for (std::size_t gap = 0; gap <= 8; ++gap) {
        auto account = std::make_unique<CdhAccount>();
        auto frames = std::make_unique<Frames>();
        put_packet(*account, 1000);
        put_packet(*account, 103 - gap);
        REQUIRE(make(*account, *frames) == 1);
        CHECK((*frames)[0][4] == 0x18);
        CHECK((*frames)[0][5] == 0);
        const std::size_t rest = gap >= 1 && gap <= 6 ? 7 - gap : 0;
        CHECK(account->downlink.channels[0].rest_length == rest);
        CHECK(make(*account, *frames) == 0);  // a rest alone is no reason for a frame
        put_packet(*account, 50);
        REQUIRE(make(*account, *frames) == 1);
        CHECK((((*frames)[0][4] & 7U) << 8 | (*frames)[0][5]) == rest);
        CHECK(account->downlink.channels[0].rest_length == 0);
    }
}

TEST_CASE("L2.6: a protected frame leaves room for security header, MAC and FECF, and loses no octet") {
    const TmLayout layout = tm_layout(TelemetryProtection::encrypted);
    CHECK(layout.data_at == 20);
    CHECK(layout.data_octets == 1073);
    auto account = std::make_unique<CdhAccount>();
    auto frames = std::make_unique<Frames>();
    for (Frame& frame : *frames)
        frame.fill(0xEE);  // what another tick left there
    for (const std::size_t length : {1024U, 1024U, 900U, 198U})
        put_packet(*account, length);
    const Octets packets(
        account->packets.octets.begin(),
        account->packets.octets.begin() + static_cast<std::ptrdiff_t>(account->packets.length));
    const computer::StoreStatus store{};
    static const computer::RecordList records{};
    DownlinkContext context{*account, store,  records,     nullptr,
                            nullptr,  locked, 100'000'000, TelemetryProtection::encrypted};
    const std::size_t count = make_frames(context, *frames, tm_frames_max);
    REQUIRE(count == 3);
    Octets stream;
    for (std::size_t i = 0; i < count; ++i) {
        const Frame& frame = (*frames)[i];
        const auto zeros = [&frame](std::size_t from, std::size_t octets) {
            for (std::size_t at = from; at < from + octets; ++at)
                if (frame[at] != 0) return false;
            return true;
        };
        CHECK(zeros(6, 14));
        CHECK(zeros(1093, 16));
        CHECK(zeros(1113, 2));
        CHECK(frame[1109] == locked >> 24U);
        stream.insert(stream.end(), frame.begin() + 20, frame.begin() + 1093);
    }
    REQUIRE(stream.size() >= packets.size());
    stream.resize(packets.size());
    CHECK(stream == packets);
    // The pointer of the second frame counts from its data field: 2 · 1,024 − 1,073.
    CHECK((((*frames)[1][4] & 7U) << 8 | (*frames)[1][5]) == 975);
}

TEST_CASE("packets that straddle frames come out whole, over many ticks") {
    auto account = std::make_unique<CdhAccount>();
    auto frames = std::make_unique<Frames>();
    Receiver receiver;
    std::vector<std::size_t> sent;
    std::size_t x = 1;
    for (int tick = 0; tick < 500; ++tick) {
        for (int k = 0; k < 4; ++k) {
            x = (x * 1103515245 + 12345) % 2147483648U;
            const std::size_t length = 20 + x % 1005;
            put_packet(*account, length);
            sent.push_back(length);
        }
        const std::size_t count = make(*account, *frames);
        for (std::size_t i = 0; i < count; ++i)
            receiver.take((*frames)[i]);
    }
    std::size_t same = 0;
    while (same < sent.size() && same < receiver.lengths.size() && sent[same] == receiver.lengths[same])
        ++same;
    CHECK(same == sent.size());
    CHECK(receiver.lengths.size() == sent.size());
}

TEST_CASE("frame counts run on and the CLCW follows the receiver") {
    auto account = std::make_unique<CdhAccount>();
    auto frames = std::make_unique<Frames>();
    for (int i = 0; i < 300; ++i) {
        put_packet(*account, 100);
        REQUIRE(make(*account, *frames, clcw(FarmState{}, i % 2 == 0)) == 1);
        const auto& frame = (*frames)[0];
        CHECK(frame[0] == 0x15);
        CHECK(frame[1] == 0xA1);
        CHECK(frame[2] == static_cast<std::uint8_t>(i));
        CHECK(frame[3] == static_cast<std::uint8_t>(i));
        CHECK(frame[1109] == 0x01);
        CHECK(frame[1111] == (i % 2 == 0 ? 0x00 : 0xC0));
    }
}

TEST_CASE("a queue damaged in any octet of its bookkeeping or headers is emptied, never read beyond") {
    for (std::size_t octet = 0; octet < 6; ++octet) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            auto account = std::make_unique<CdhAccount>();
            auto frames = std::make_unique<Frames>();
            put_packet(*account, 900);
            put_packet(*account, 900);
            account->packets.octets[octet] ^= static_cast<std::uint8_t>(1U << bit);
            (void)make(*account, *frames);
            CHECK(account->packets.length <= PacketQueue::capacity);
        }
    }
    for (unsigned bit = 0; bit < 32; ++bit) {
        auto account = std::make_unique<CdhAccount>();
        auto frames = std::make_unique<Frames>();
        put_packet(*account, 900);
        account->packets.length ^= 1U << bit;
        (void)make(*account, *frames);
        account->downlink.channels[0].rest_length = static_cast<std::uint16_t>(1U << (bit % 16));
        (void)make(*account, *frames);
        CHECK(account->packets.length <= PacketQueue::capacity);
    }
}

}  // namespace
}  // namespace safehold::tests
