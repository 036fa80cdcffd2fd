// Segments to packets, and the command buffer: every length, every order, every damaged bookkeeping.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>

#include "safehold/cdh/tc_frames.hpp"
#include "telecommands.hpp"

namespace safehold::tests {
namespace {

using namespace cdh;

struct Path {
    std::unique_ptr<UplinkState> uplink = std::make_unique<UplinkState>();
    std::unique_ptr<CdhAccount> account = std::make_unique<CdhAccount>();
    std::array<std::uint8_t, tc_packet_octets_max> packet{};

    void send(const Octets& frame) { accept_frame(*uplink, *account, frame.data(), frame.size()); }
    Octets next() {
        const std::size_t octets = next_packet(*uplink, *account, packet);
        return {packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(octets)};
    }
    std::uint32_t dropped(FrameDrop reason) const {
        return account->frames_dropped[static_cast<std::size_t>(reason)];
    }
    void free() {
        while (!next().empty()) {}
        release_buffer(*uplink);
    }
};

Octets packet_of(std::size_t length) {
    Octets data(length - 13);
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::uint8_t>(i * 7 + length);
    return tc_packet(8, 1, data);
}

std::vector<Octets> segments(const Octets& packet, std::size_t size) {
    std::vector<Octets> parts;
    for (std::size_t at = 0; at < packet.size(); at += size) {
        const std::size_t end = at + size < packet.size() ? at + size : packet.size();
        parts.emplace_back(packet.begin() + static_cast<std::ptrdiff_t>(at),
                           packet.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return parts;
}

std::uint8_t header_of(std::size_t i, std::size_t count) {
    if (count == 1) return 0xC0;
    return i == 0 ? 0x40 : (i + 1 == count ? 0x80 : 0x00);
}

TEST_CASE("packets of every length come out whole, in any number of segments, AD and BD interleaved [L2.3]") {
    Path path;
    std::uint8_t sequence = 0;
    for (std::size_t length = 13; length <= tc_packet_octets_max; length += 11) {
        const Octets controlled = packet_of(length);
        const Octets expedited = packet_of(13 + (length * 5) % 1000);
        const auto a = segments(controlled, 218);
        const auto b = segments(expedited, 100);
        for (std::size_t i = 0; i < a.size() || i < b.size(); ++i) {
            if (i < a.size()) path.send(ad_frame(sequence++, a[i], header_of(i, a.size())));
            if (i < b.size()) path.send(tc_frame(b[i], header_of(i, b.size())));
        }
        Octets first = path.next();
        Octets second = path.next();
        if (first != controlled) std::swap(first, second);
        CHECK(first == controlled);
        CHECK(second == expedited);
        CHECK(path.next().empty());
    }
    for (const std::uint32_t count : path.account->frames_dropped)
        CHECK(count == 0);
    // What is not in use is zero.
    const UplinkState fresh{};
    CHECK(std::memcmp(&path.uplink->commands, &fresh.commands, sizeof fresh.commands) == 0);
    CHECK(std::memcmp(&path.uplink->expedited, &fresh.expedited, sizeof fresh.expedited) == 0);
    CHECK(std::memcmp(&path.uplink->sequence_controlled, &fresh.sequence_controlled,
                      sizeof fresh.expedited) == 0);
}

TEST_CASE("segments out of sequence are dropped and counted, and the next packet is whole [L2.3]") {
    const Octets packet = packet_of(500);
    const auto parts = segments(packet, 200);
    REQUIRE(parts.size() == 3);
    // Every order of up to four segments, by their kinds; what must come out follows from the last first.
    for (unsigned order = 0; order < 256; ++order) {
        Path path;
        std::size_t expected = 0;
        unsigned at = 0;  // segments of a packet that have come in order
        for (unsigned k = 0; k < 4; ++k) {
            const unsigned kind = (order >> (2 * k)) & 3U;
            const Octets& part =
                kind == 1 ? parts[0] : (kind == 0 ? parts[1] : (kind == 2 ? parts[2] : packet));
            if (kind == 3) {
                path.send(tc_frame(packet_of(40)));
                ++expected;
                at = 0;
                continue;
            }
            path.send(tc_frame(part, static_cast<std::uint8_t>(kind << 6)));
            if (kind == 1) at = 1;
            if (kind == 0) at = at == 0 ? 0 : at + 1;
            if (kind == 2) {
                if (at == 2) ++expected;
                at = 0;
            }
        }
        std::size_t came = 0;
        for (Octets next = path.next(); !next.empty(); next = path.next()) {
            CHECK((next == packet || next == packet_of(40)));
            ++came;
        }
        CHECK(came == expected);
        path.send(tc_frame(packet_of(90)));
        CHECK(path.next() == packet_of(90));
    }
}

TEST_CASE("a packet that grows beyond 1,024 octets, or contradicts its length, is dropped [L2.3]") {
    Path path;
    const Octets part(218, 0xFF);
    path.send(tc_frame(part, 0x40));
    for (int i = 0; i < 40; ++i)
        path.send(tc_frame(part, 0x00));
    path.send(tc_frame(part, 0x80));
    CHECK(path.dropped(FrameDrop::packet) == 1);
    CHECK(path.dropped(FrameDrop::segment) == 37);
    CHECK(path.next().empty());
    for (std::size_t length = 1; length < 40; ++length) {
        Octets packet = packet_of(40);
        packet.resize(length);
        path.send(tc_frame(packet));
    }
    CHECK(path.dropped(FrameDrop::packet) == 40);
    CHECK(path.next().empty());
}

TEST_CASE("a full command buffer makes the FARM wait; BD gets in; with room again it goes on [L2.3]") {
    Path path;
    const Octets large = packet_of(200);
    std::uint8_t sequence = 0;
    while (path.uplink->farm.wait == 0) {
        path.send(ad_frame(sequence++, large));
        REQUIRE(sequence < 200);
    }
    const auto expected = static_cast<std::uint8_t>(sequence - 1);
    CHECK(path.dropped(FrameDrop::wait) == 1);
    CHECK(clcw(path.uplink->farm, true) == (0x0100'1800U | expected));  // wait and retransmit
    path.send(ad_frame(expected, large));
    CHECK(path.dropped(FrameDrop::wait) == 2);
    CHECK(path.uplink->farm.expected == expected);
    const Octets urgent = packet_of(1024);
    const auto parts = segments(urgent, 218);
    for (std::size_t i = 0; i < parts.size(); ++i)
        path.send(tc_frame(parts[i], header_of(i, parts.size())));
    CHECK(path.dropped(FrameDrop::buffer) == 0);
    Octets last;
    std::size_t came = 0;
    for (Octets next = path.next(); !next.empty(); next = path.next(), ++came)
        last = next;
    CHECK(last == urgent);
    CHECK(came == expected + 1U);
    release_buffer(*path.uplink);
    CHECK(clcw(path.uplink->farm, true) == (0x0100'0A00U | expected));
    path.send(ad_frame(expected, large));
    CHECK(path.next() == large);
    CHECK(clcw(path.uplink->farm, true) == (0x0100'0200U | static_cast<std::uint8_t>(expected + 1)));
    // Expedited frames beyond the room that is kept for them are dropped, never written beyond it.
    for (int i = 0; i < 100; ++i)
        path.send(tc_frame(large));
    CHECK(path.dropped(FrameDrop::buffer) > 0);
    path.free();
    CHECK(path.uplink->commands.length == 0);
}

TEST_CASE("no bit of the uplink's state leads beyond it, and it is of use again [L3.1]") {
    const Octets packet = packet_of(300);
    const auto parts = segments(packet, 200);
    std::uint64_t x = 7;
    const auto next = [&x] { return x = x * 6364136223846793005ULL + 1442695040888963407ULL, x >> 33; };
    for (int round = 0; round < 20'000; ++round) {
        Path path;
        path.send(tc_frame(packet_of(90)));
        path.send(tc_frame(parts[0], 0x40));
        path.send(ad_frame(0, parts[0], 0x40));
        auto* octets = reinterpret_cast<std::uint8_t*>(path.uplink.get());
        for (int flips = 0; flips < 3; ++flips) {
            // Bookkeeping more often than content.
            const std::size_t places[] = {1024, 1028, 2056, 2060, 2064, 6160, 6164, 6168, 6172};
            const std::size_t at =
                round % 2 == 0 ? places[next() % 9] + next() % 4 : next() % sizeof(UplinkState);
            octets[at] ^= static_cast<std::uint8_t>(1U << (next() % 8));
        }
        path.send(tc_frame(parts[1], 0x80));
        path.send(ad_frame(1, parts[1], 0x80));
        for (int i = 0; i < 8; ++i)
            (void)path.next();
        release_buffer(*path.uplink);
        path.free();
        path.send(bc_frame({0x00}));
        path.send(bc_frame({0x82, 0x00, 5}));
        path.send(ad_frame(5, packet_of(90)));
        CHECK(path.next() == packet_of(90));
    }
}

}  // namespace
}  // namespace safehold::tests
