// Fuzz target: what a key holder may send. Clear frames, each behind its length, through FARM-1, segments,
// command buffer and telecommands of a whole replica; its outputs must stay within their lists.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "safehold/computer/replica.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace safehold;
    using namespace safehold::computer;
    static const auto start = [] {
        auto state = std::make_unique<ReplicaState>();
        replica_init(*state, parameters_default);
        return state;
    }();
    static auto state = std::make_unique<ReplicaState>();
    static auto input = std::make_unique<StepInput>();
    static auto output = std::make_unique<StepOutput>();
    static const security::SecurityState security{};
    static auto readback = std::make_unique<Readback>();
    *state = *start;
    input->tick_ns = 100'000'000;
    input->configured = &parameters_default;
    input->security = &security;
    input->readback = readback.get();
    input->sensor.receiver_lock = 1;
    input->uplink_count = 0;
    while (size > 1 && input->uplink_count < uplink_frames_max) {
        const std::size_t octets = data[0] < size - 1 ? data[0] : size - 1;
        UplinkFrame& frame = input->uplink[input->uplink_count++];
        std::memcpy(frame.octets.data(), data + 1, octets);
        frame.length = static_cast<std::uint32_t>(octets);
        frame.crc = crc32(frame.octets.data(), octets);
        data += 1 + octets;
        size -= 1 + octets;
    }
    for (std::uint64_t tick = 0; tick < 4; ++tick) {
        input->sensor.clock_ns = static_cast<std::int64_t>(tick) * input->tick_ns;
        replica_step(*state, *input, *output);
        input->uplink_count = 0;
        const cdh::UplinkState& uplink = state->control.uplink;
        if (uplink.commands.length > cdh::CommandBuffer::capacity) std::abort();
        if (uplink.farm.mode >= cdh::farm_modes) std::abort();
        if (output->frame_count > cdh::tm_frames_max) std::abort();
    }
    return 0;
}
