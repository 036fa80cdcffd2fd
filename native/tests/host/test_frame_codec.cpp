// The black box's code of sensor frames: any octets come back, and a flight's cost a ninth of themselves.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "safehold/host/frame_codec.hpp"

namespace safehold::tests {
namespace {

using host::BitReader;
using host::CodedFrame;
using host::FrameCodec;

std::uint64_t next(std::uint64_t& seed) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return seed >> 33;
}

using Octets = std::vector<std::uint8_t>;

std::vector<Octets> encode(const std::vector<SensorFrame>& frames) {
    FrameCodec codec;
    CodedFrame bits{};
    std::vector<Octets> coded;
    for (const SensorFrame& frame : frames) {
        const std::size_t length = codec.encode(frame, bits);
        REQUIRE(length <= host::coded_octets_max);
        coded.emplace_back(bits.data(), bits.data() + length);
    }
    return coded;
}

std::size_t total(const std::vector<Octets>& coded) {
    std::size_t octets = 0;
    for (const Octets& one : coded)
        octets += one.size();
    return octets;
}

void check_back(const std::vector<SensorFrame>& frames) {
    const auto coded = encode(frames);
    FrameCodec codec;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        BitReader bits(coded[i].data(), coded[i].size());
        SensorFrame back{};
        REQUIRE(codec.decode(bits, back));
        REQUIRE(std::memcmp(&back, &frames[i], sizeof back) == 0);
    }
}

// What a flight's frames look like: clocks that run, noise on the units' own steps, fixes once a second.
std::vector<SensorFrame> flight(std::size_t count) {
    std::vector<SensorFrame> frames;
    std::uint64_t seed = 1;
    const auto noise = [&seed](int width) { return static_cast<double>(next(seed) % 1000) * width / 1000.0; };
    for (std::size_t i = 0; i < count; ++i) {
        SensorFrame frame{};
        frame.clock_ns = static_cast<std::int64_t>(i) * 100'000'000;
        frame.sequence = static_cast<std::uint32_t>(i);
        for (auto& unit : frame.gyro_rate_body_rad_s)
            for (float& rate : unit)
                rate = static_cast<float>(std::floor(noise(400)) * 1e-6);
        for (auto& unit : frame.magnetometer_body_t)
            for (float& field : unit)
                field = static_cast<float>(std::floor(noise(40) + 4000.0) * 5e-9);
        for (float& cell : frame.sun_sensor)
            cell = static_cast<float>(std::floor(noise(150)) * 0.000244140625);
        for (float& speed : frame.wheel_speed_rad_s)
            speed = static_cast<float>(std::floor(noise(20) + 9000.0) * 0.01);
        if (i % 10 == 3) {
            for (auto& position : frame.gps_position_itrs_m)
                for (double& x : position)
                    x = std::floor(static_cast<double>(i) * 750.0e3 + noise(9000)) * 1e-3;
            frame.gps_time_ns = {frame.clock_ns, frame.clock_ns};
        }
        frame.valid = i % 10 == 3 ? 0x7FFF : 0x0FFF;
        frame.sample_age_ms.fill(i % 5 == 0 ? 100 : 65535);
        frames.push_back(frame);
    }
    return frames;
}

}  // namespace

TEST_CASE("L6.3: a flight's sensor frames come back bit for bit, in less than 64 octets each") {
    const auto frames = flight(2000);
    check_back(frames);
    CHECK(total(encode(frames)) < frames.size() * 64);
}

TEST_CASE("L6.3: any octets come back: noise, NaN, infinities, minus zero, extremes") {
    std::uint64_t seed = 7;
    std::vector<SensorFrame> frames(300);
    for (SensorFrame& frame : frames) {
        auto* octets = reinterpret_cast<std::uint8_t*>(&frame);
        for (std::size_t i = 0; i < sizeof frame; ++i)
            octets[i] = static_cast<std::uint8_t>(next(seed));
    }
    check_back(frames);
    frames = flight(40);
    const float odd[] = {
        std::numeric_limits<float>::quiet_NaN(),  std::numeric_limits<float>::infinity(), -0.0F,
        std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(),      1e-6F};
    for (std::size_t i = 0; i < frames.size(); ++i) {
        frames[i].gyro_rate_body_rad_s[i % 4][i % 3] = odd[i % 6];
        frames[i].gps_position_itrs_m[0][0] = static_cast<double>(odd[(i + 1) % 6]);
        frames[i].clock_ns =
            i % 2 == 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
    }
    check_back(frames);
}

TEST_CASE("L6.3: one flipped bit of any frame comes back") {
    auto frames = flight(64);
    std::uint64_t seed = 3;
    for (int trial = 0; trial < 400; ++trial) {
        auto flipped = frames;
        auto* octets = reinterpret_cast<std::uint8_t*>(&flipped[next(seed) % flipped.size()]);
        const std::size_t bit = next(seed) % (8 * sizeof(SensorFrame));
        octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (1U << (bit % 8)));
        check_back(flipped);
    }
}

TEST_CASE("L6.3: bits that end too soon or are noise are told, and read nothing beyond them") {
    const auto coded = encode(flight(20));
    for (std::size_t cut = 0; cut < coded.size(); ++cut) {
        for (std::size_t kept = 0; kept < coded[cut].size(); ++kept) {
            FrameCodec codec;
            SensorFrame frame{};
            for (std::size_t i = 0; i < cut; ++i) {
                BitReader whole(coded[i].data(), coded[i].size());
                REQUIRE(codec.decode(whole, frame));
            }
            BitReader part(coded[cut].data(), kept);
            CHECK_FALSE(codec.decode(part, frame));
        }
    }
    std::uint64_t seed = 11;
    std::vector<std::uint8_t> noise(4096);
    for (std::uint8_t& octet : noise)
        octet = static_cast<std::uint8_t>(next(seed));
    FrameCodec codec;
    BitReader bits(noise.data(), noise.size());
    SensorFrame frame{};
    int decoded = 0;
    while (codec.decode(bits, frame))
        REQUIRE(++decoded < 32768);
}

}  // namespace safehold::tests
