// Fuzz target: telecommand packets of a key holder, any content: each an octet of switches, a length, and the
// packet from its secondary header on. Identification, length and packet error control are mended, so that
// every service is reached: memory loads (6), housekeeping structures (3), the schedule (11), storage (15),
// settings (20), files (23), functions (8). The switches arm the command beforehand and let ticks pass. No
// setting leaves its limits, and no input makes a step silent or grows a list beyond its bounds.
#include "safehold/cdh/telecommand.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "safehold/cdh/octets.hpp"
#include "safehold/computer/replica.hpp"

namespace {

using namespace safehold;
using namespace safehold::computer;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const ReplicaState& state, const StepOutput& output) {
    require(output.status == static_cast<std::uint32_t>(StepStatus::done));
    require(output.records.count <= RecordList::items_max && output.records.length <= RecordList::capacity);
    require(output.files.count <= file_requests_max && output.files.length <= FileList::capacity);
    require(output.frame_count <= cdh::tm_frames_max);
    require(state.account.cdh.packets.length <= cdh::PacketQueue::capacity);
    for (const SettingEntry& entry : setting_entries) {
        for (std::uint16_t i = 0; i < entry.count; ++i) {
            const double value = cdh::setting_value(state.control.parameters, entry, i);
            require(value >= entry.min && value <= entry.max);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto start = [] {
        auto state = std::make_unique<ReplicaState>();
        replica_init(*state, parameters_default);
        // Modes in which memory may be loaded, and a clock that is right.
        state->control.autonomy.modes.mode = static_cast<std::uint32_t>(Mode::safe);
        return state;
    }();
    static auto state = std::make_unique<ReplicaState>();
    static auto input = std::make_unique<StepInput>();
    static auto output = std::make_unique<StepOutput>();
    static auto readback = std::make_unique<Readback>();
    static const security::SecurityState security{};
    *state = *start;
    *input = StepInput{};
    input->tick_ns = 100'000'000;
    input->configured = &parameters_default;
    input->security = &security;
    input->readback = readback.get();
    input->sensor.receiver_lock = 1;
    input->autonomy = 1;
    std::int64_t tick = 0;
    const auto step = [&] {
        input->sensor.clock_ns = tick++ * input->tick_ns;
        input->store.persisted = state->control.executive.persist_sequence;
        replica_step(*state, *input, *output);
        input->uplink_count = 0;
        check(*state, *output);
    };
    step();
    for (int packets = 0; size >= 3 && packets < 16; ++packets) {
        const std::uint8_t switches = data[0];
        const std::size_t wanted = (static_cast<std::size_t>(data[1]) << 8) | data[2];
        data += 3;
        size -= 3;
        constexpr std::size_t header = 6;
        std::array<std::uint8_t, cdh::tc_packet_octets_max> packet{};
        std::size_t octets = wanted < size ? wanted : size;
        octets = octets < packet.size() - header - 2 ? octets : packet.size() - header - 2;
        std::memcpy(packet.data() + header, data, octets);
        data += octets;
        size -= octets;
        if (octets == 0) octets = 1;
        const std::size_t length = header + octets + 2;
        packet[0] = 0x18;
        packet[1] = cdh::apid_flight;
        packet[2] = 0xC0;
        packet[3] = static_cast<std::uint8_t>(packets);
        packet[4] = static_cast<std::uint8_t>((length - 7) >> 8);
        packet[5] = static_cast<std::uint8_t>(length - 7);
        const std::uint16_t crc = cdh::crc16(packet.data(), length - 2);
        packet[length - 2] = static_cast<std::uint8_t>(crc >> 8);
        packet[length - 1] = static_cast<std::uint8_t>(crc);
        if ((switches & 1U) != 0) {
            state->control.services.arming = {60'000, static_cast<std::uint16_t>(TelecommandId::load_memory),
                                              0};
        }
        (void)cdh::push_packet(state->control.uplink.commands, packet.data(), length);
        for (int i = 0; i <= (switches >> 5U); ++i)
            step();
    }
    for (int i = 0; i < 12; ++i)
        step();
    return 0;
}
