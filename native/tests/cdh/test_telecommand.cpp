// Telecommands through the whole computer: every drop counted under its reason, every refusal under its code.
#include <doctest/doctest.h>

#include <memory>
#include <string_view>

#include "../computer/frames.hpp"
#include "safehold/cdh/telecommand.hpp"
#include "telecommands.hpp"

namespace safehold::tests {
namespace {

using namespace computer;
using cdh::FrameDrop;

struct Report {
    std::uint8_t service;
    std::uint8_t subtype;
    Octets data;
};

// The reports in the frames of the last step, idle packets left out; packets in these tests never straddle
// frames.
std::vector<Report> reports(const FlightComputer& flight) {
    std::vector<Report> found;
    REQUIRE(flight.voted() != nullptr);
    for (std::size_t f = 0; f < flight.voted()->frame_count; ++f) {
        const auto& frame = flight.voted()->frames[f];
        CHECK(cdh::crc16(frame.data(), frame.size()) == 0);
        std::size_t at = 6 + ((static_cast<std::size_t>(frame[4] & 7U) << 8) | frame[5]);
        while (at + 7 <= 1109) {
            const std::size_t length = ((static_cast<std::size_t>(frame[at + 4]) << 8) | frame[at + 5]) + 7;
            if (at + length > 1109) break;
            const std::size_t apid = ((static_cast<std::size_t>(frame[at] & 7U) << 8) | frame[at + 1]);
            if (apid == 100 || apid == 101) {
                CHECK(cdh::crc16(frame.data() + at, length) == 0);
                found.push_back({frame[at + 7], frame[at + 8],
                                 Octets(frame.begin() + static_cast<std::ptrdiff_t>(at + 20),
                                        frame.begin() + static_cast<std::ptrdiff_t>(at + length - 2))});
            }
            at += length;
        }
    }
    return found;
}

// A computer that is past the start and has a receiver locked, so that reports leave.
struct Bench {
    std::unique_ptr<FlightComputer> flight = make_computer(1);
    std::uint64_t tick = 0;
    std::vector<Report> found;  // by the last frame

    Bench() { step(200); }

    void step(std::uint64_t count = 1) {
        for (std::uint64_t i = 0; i < count; ++i, ++tick) {
            SensorFrame frame = sensor_frame(tick);
            frame.receiver_lock = 1;
            flight->step(frame);
        }
    }
    // A step with the frame, and one more, in which the reports that waited for persistence leave.
    void send(const Octets& frame) {
        hand_on(*flight, frame);
        settle();
    }
    void settle() {
        found.clear();
        for (int i = 0; i < 2; ++i) {
            step();
            const auto more = reports(*flight);
            found.insert(found.end(), more.begin(), more.end());
        }
    }
    const cdh::CdhAccount& account() const { return flight->leader().account.cdh; }
    std::uint32_t dropped(FrameDrop reason) const {
        return account().frames_dropped[static_cast<std::size_t>(reason)];
    }
};

std::vector<Report> verification(const Bench& bench) {
    std::vector<Report> kept;
    for (const Report& report : bench.found) {
        if (report.service == 1 || report.service == 17) kept.push_back(report);
    }
    return kept;
}

void check_failure(const Bench& bench, std::uint8_t subtype, std::uint16_t code, std::uint32_t parameter) {
    const auto found = verification(bench);
    REQUIRE(found.size() >= 1);
    const Report& last = found.back();
    CHECK(last.subtype == subtype);
    cdh::Reader reader(last.data.data(), last.data.size());
    reader.u32();
    CHECK(reader.u16() == code);
    CHECK(reader.u32() == parameter);
    CHECK_FALSE(reader.failed());
}

TEST_CASE("the check value of the CRC") {
    const Octets text = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
    CHECK(cdh::crc16(text.data(), text.size()) == 0x29B1);
}

TEST_CASE("a ping is answered and verified once that is kept [L2.6]") {
    Bench bench;
    bench.send(telecommand(17, 1));
    const auto found = verification(bench);
    REQUIRE(found.size() == 3);
    CHECK(found[0].service == 17);
    CHECK(found[0].subtype == 2);
    CHECK(found[1].subtype == 1);
    CHECK(found[2].subtype == 7);
    CHECK(found[1].data == Octets{0x18, 100, 0xC0, 5});
    CHECK(bench.account().commands_completed == 1);
}

TEST_CASE("without acknowledgement flags only the answer comes") {
    Bench bench;
    bench.send(telecommand(17, 1, {}, 0));
    const auto found = verification(bench);
    REQUIRE(found.size() == 1);
    CHECK(found[0].service == 17);
}

TEST_CASE("every clear frame that cannot be is dropped under its reason, and the next good one is taken") {
    Bench bench;
    const Octets good = telecommand(17, 1);
    const auto broken = [&](std::size_t at, std::uint8_t mask) {
        Octets frame = good;
        frame[at] ^= mask;
        return frame;
    };
    bench.send({});
    bench.send(Octets(good.begin(), good.begin() + 5));
    bench.send(Octets(good.begin(), good.begin() + 6));
    CHECK(bench.dropped(FrameDrop::length) == 3);
    bench.send(broken(0, 0x30));
    CHECK(bench.dropped(FrameDrop::type) == 1);
    bench.send(broken(0, 0x10));
    bench.send(bc_frame({0x01}));
    bench.send(bc_frame({0x00, 0x00}));
    bench.send(bc_frame({0x82, 0x00}));
    bench.send(bc_frame({0x82, 0x01, 7}));
    CHECK(bench.dropped(FrameDrop::control) == 5);
    bench.send(broken(5, 1));
    CHECK(bench.dropped(FrameDrop::map) == 1);
    CHECK(bench.account().frames_accepted == 0);
    bench.send(broken(5, 0xC0));
    bench.send(broken(5, 0x40));
    CHECK(bench.dropped(FrameDrop::segment) == 2);
    bench.send(broken(11, 1));
    CHECK(bench.dropped(FrameDrop::packet) == 1);
    bench.send(broken(6, 0x10));
    CHECK(bench.dropped(FrameDrop::header) == 1);
    CHECK(bench.account().frames_accepted == 4);  // the frames around the bad segments and packets
    bench.send(good);
    CHECK(bench.account().frames_accepted == 5);
    CHECK(bench.account().commands_accepted == 1);
}

TEST_CASE("a frame whose octets have changed on their way into a replica is dropped there [L3.1]") {
    auto state = std::make_unique<ReplicaState>();
    auto output = std::make_unique<StepOutput>();
    auto input = std::make_unique<StepInput>();
    const ComputerConfig configured = config(1);
    const security::SecurityState security{};
    replica_init(*state, configured.parameters);
    input->sensor = sensor_frame(0);
    input->tick_ns = configured.tick_ns;
    input->configured = &configured.parameters;
    input->security = &security;
    input->uplink_count = 1;
    const Octets good = telecommand(17, 1);
    UplinkFrame& frame = input->uplink[0];
    std::copy(good.begin(), good.end(), frame.octets.begin());
    frame.length = static_cast<std::uint32_t>(good.size());
    frame.crc = crc32(good.data(), good.size());
    frame.octets[8] ^= 1U;
    replica_step(*state, *input, *output);
    CHECK(state->account.cdh.frames_dropped[static_cast<std::size_t>(FrameDrop::integrity)] == 1);
    frame.length = 0xFFFF'FFFF;
    replica_step(*state, *input, *output);
    CHECK(state->account.cdh.frames_dropped[static_cast<std::size_t>(FrameDrop::integrity)] == 2);
    frame.length = static_cast<std::uint32_t>(good.size());
    frame.octets[8] ^= 1U;
    replica_step(*state, *input, *output);
    CHECK(state->account.cdh.commands_accepted == 1);
}

TEST_CASE("a refused packet is reported with its code and parameter [L2.6]") {
    Bench bench;
    Octets packet = tc_packet(17, 1, {});
    packet.back() ^= 1U;
    bench.send(tc_frame(packet));
    check_failure(bench, 2, 1, 0);
    packet = tc_packet(17, 1, {});
    packet[6] = 0x19;
    packet.resize(packet.size() - 2);
    append_crc(packet);
    bench.send(tc_frame(packet));
    check_failure(bench, 2, 2, 1);
    packet = tc_packet(17, 1, {});
    packet[1] = 101;
    packet.resize(packet.size() - 2);
    append_crc(packet);
    bench.send(tc_frame(packet));
    check_failure(bench, 2, 3, 101);
    bench.send(telecommand(99, 7));
    check_failure(bench, 2, 4, 99 * 256 + 7);
    bench.send(telecommand(8, 1, {0xFF, 0xFE}));
    check_failure(bench, 2, 5, 0xFFFE);
    bench.send(telecommand(17, 1, {1, 2, 3}));
    check_failure(bench, 2, 6, 3);
    bench.send(telecommand(8, 1, {0, 2}));
    check_failure(bench, 2, 6, 0);
    bench.send(telecommand(8, 1, {0, 2, 200}));
    check_failure(bench, 2, 7, 0);
    CHECK(bench.account().commands_refused == 8);
    CHECK(bench.account().commands_accepted == 0);
}

Octets setting(std::uint16_t id, std::uint16_t index, double value) {
    Octets data(13);
    cdh::Writer writer(data.data(), data.size());
    writer.u8(1);
    writer.u16(id);
    writer.u16(index);
    writer.f64(value);
    return data;
}

const SettingEntry& setting_of(std::string_view name) {
    for (const SettingEntry& entry : setting_entries) {
        if (name == entry.name) return entry;
    }
    FAIL("there is no setting ", name);
    return setting_entries[0];
}

TEST_CASE("a setting is stored within its limits only; NaN and infinity never") {
    Bench bench;
    const SettingEntry& entry = setting_of("carrier_timeout_s");
    const auto value = [&] {
        return cdh::setting_value(bench.flight->leader().control.parameters, entry, 0);
    };
    bench.send(telecommand(20, 3, setting(entry.id, 0, entry.max)));
    CHECK(value() == entry.max);
    bench.send(telecommand(20, 3, setting(entry.id, 0, entry.max * 2 + 1)));
    check_failure(bench, 4, 7, entry.id);
    bench.send(telecommand(20, 3, setting(entry.id, entry.count, entry.min)));
    check_failure(bench, 4, 7, entry.id);
    bench.send(telecommand(20, 3, setting(entry.id, 0, __builtin_nan(""))));
    check_failure(bench, 2, 7, 2);
    bench.send(telecommand(20, 3, setting(entry.id, 0, __builtin_inf())));
    check_failure(bench, 2, 7, 2);
    bench.send(telecommand(20, 3, setting(999, 0, 1.0)));
    check_failure(bench, 4, 16, 999);
    CHECK(value() == entry.max);
}

TEST_CASE("the ground cannot set the control period") {
    Bench bench;
    const SettingEntry& entry = setting_of("control_period_s");
    bench.send(telecommand(20, 3, setting(entry.id, 0, 1.0)));
    check_failure(bench, 4, 8, entry.id);
    CHECK(bench.flight->leader().control.parameters.control_period_s == 0.1);
}

TEST_CASE("a unit is left out by command; the last good one, and one that there is not, are refused") {
    Bench bench;
    const auto held_out = [&] { return bench.flight->leader().account.telemetry.units_held_out; };
    const auto order = [&](std::uint8_t kind, std::uint8_t unit, std::uint8_t state) {
        bench.send(telecommand(8, 1, {0, 7, kind, unit, state}));
    };
    for (const std::uint8_t gyro : Octets{0, 2, 3}) {
        order(0, gyro, 1);
        const auto found = verification(bench);
        REQUIRE(found.size() == 2);
        CHECK(found[1].subtype == 7);
    }
    CHECK(held_out() == 0b1101);
    order(0, 1, 1);
    check_failure(bench, 8, 8, 1);
    order(1, 2, 1);
    check_failure(bench, 8, 7, 1);
    order(7, 0, 1);
    check_failure(bench, 2, 7, 0);
    order(0, 1, 4);
    check_failure(bench, 2, 7, 2);
    CHECK(held_out() == 0b1101);
    order(0, 2, 0);
    CHECK(held_out() == 0b1001);
}

TEST_CASE("a second mode request in a tick is refused, and each has exactly one completion report") {
    Bench bench;
    const Octets safe = telecommand(8, 1, {0, 2, 3});
    hand_on(*bench.flight, safe);
    hand_on(*bench.flight, safe);
    bench.settle();
    const auto found = verification(bench);
    std::size_t completions = 0;
    for (const Report& report : found)
        completions += report.subtype == 4 || report.subtype == 7 || report.subtype == 8 ? 1 : 0;
    CHECK(completions == 2);
    CHECK(bench.account().commands_failed >= 1);
    CHECK(bench.account().commands_completed + bench.account().commands_failed == 2);
}

TEST_CASE("random octets, damaged frames and floods are only ever counted") {
    Bench bench;
    const Octets good = telecommand(17, 1);
    std::uint64_t x = 1;
    const auto next = [&x] { return x = x * 6364136223846793005ULL + 1442695040888963407ULL, x >> 33; };
    std::uint64_t sent = 0;
    for (int round = 0; round < 20'000; ++round) {
        Octets frame = good;
        if (round % 2 == 0) {
            frame.resize(next() % 300);
            for (auto& octet : frame)
                octet = static_cast<std::uint8_t>(next());
        } else {
            frame[next() % frame.size()] ^= static_cast<std::uint8_t>(1U << (next() % 8));
        }
        ++sent;
        bench.send(frame);
    }
    const std::uint32_t overflow = bench.flight->uplink_overflow();  // those of more than 256 octets
    std::uint64_t counted = bench.account().frames_accepted + overflow;
    for (std::size_t reason = 0; reason < static_cast<std::size_t>(FrameDrop::segment); ++reason) {
        counted += bench.account().frames_dropped[reason];
    }
    CHECK(counted == sent);
    for (int i = 0; i < 100; ++i)
        hand_on(*bench.flight, good);
    bench.step();
    CHECK(bench.flight->uplink_overflow() == overflow + 76);
    const Telemetry& told = bench.flight->leader().account.telemetry;
    CHECK(told.uplink_overflow == overflow + 76);
    CHECK(told.frames_dropped >= 76 + bench.dropped(FrameDrop::packet));
}

}  // namespace
}  // namespace safehold::tests
