#include "safehold/host/recording.hpp"

#include <cstring>
#include <stdexcept>

namespace safehold::host {
namespace {

constexpr char magic[16] = "SAFEHOLD-INPUT3";
constexpr std::uint8_t flag_uplink = 1;
constexpr std::uint8_t flag_flips = 2;
constexpr std::uint8_t flag_overrun = 4;
constexpr std::uint8_t flag_image = 64;
constexpr std::uint8_t flag_resets = 8;
constexpr std::uint8_t flag_end = 128;
constexpr std::uint64_t state_octets_max = 1ULL << 30U;

struct Header {
    char magic[16];
    char dictionary[64];
    std::uint64_t first_tick;
    std::uint32_t config_octets;
    std::uint32_t state_octets;
};
static_assert(sizeof(Header) == 96);

Header make_header(std::uint64_t tick) {
    Header header{};
    std::memcpy(header.magic, magic, sizeof magic);
    std::memcpy(header.dictionary, dictionary_sha256, sizeof header.dictionary);
    header.first_tick = tick;
    header.config_octets = sizeof(computer::ComputerConfig);
    header.state_octets = sizeof(computer::ComputerState);
    return header;
}

void put_u16(std::vector<std::uint8_t>& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value));
    out.push_back(static_cast<std::uint8_t>(value >> 8));
}

}  // namespace

Recorder::Recorder(const std::string& path, std::uint64_t tick, const HostedComputer& computer,
                   const Chain& flight_chain)
    : file_(std::fopen(path.c_str(), "wb")), path_(path) {
    if (!file_) throw std::runtime_error("cannot write the recording " + path);
    const Header header = make_header(tick);
    write(&header, sizeof header);
    write(&computer.config(), sizeof computer.config());
    const Quotas& quotas = computer.stores().memory.quotas();
    write(&quotas, sizeof quotas);
    Out out;
    computer.put(out);
    const std::uint64_t octets = out.octets.size();
    write(&octets, sizeof octets);
    write(out.octets.data(), out.octets.size());
    write(&flight_chain, sizeof flight_chain);
}

void Recorder::write(const void* octets, std::size_t count) {
    if (std::fwrite(octets, 1, count, file_.get()) != count) {
        throw std::runtime_error("cannot write the recording " + path_);
    }
}

void Recorder::add(const TickInput& input) {
    buffer_.clear();
    const unsigned flags = (input.outcome.came == 0 ? 0U : flag_uplink) |
                           (input.flips.empty() ? 0U : flag_flips) |
                           (input.resets.empty() ? 0U : flag_resets) | (input.overrun ? flag_overrun : 0U) |
                           (input.image.empty() ? 0U : flag_image);
    buffer_.push_back(static_cast<std::uint8_t>(flags));
    const std::size_t coded = codec_.encode(input.sensor, coded_frame_);
    put_u16(buffer_, coded);
    buffer_.insert(buffer_.end(), coded_frame_.data(), coded_frame_.data() + coded);
    if (input.outcome.came != 0) {
        const auto* at = reinterpret_cast<const std::uint8_t*>(&input.outcome);
        buffer_.insert(buffer_.end(), at, at + sizeof input.outcome);
        put_u16(buffer_, input.uplink.size());
        for (const security::ClearFrame& frame : input.uplink) {
            put_u16(buffer_, frame.length);
            put_u16(buffer_, frame.key);
            for (unsigned i = 0; i < 8; ++i)
                buffer_.push_back(static_cast<std::uint8_t>(frame.counter >> (8 * i)));
            buffer_.insert(buffer_.end(), frame.octets.begin(),
                           frame.octets.begin() + static_cast<std::ptrdiff_t>(frame.length));
        }
    }
    if (!input.flips.empty()) {
        put_u16(buffer_, input.flips.size());
        for (const Flip& flip : input.flips) {
            put_u16(buffer_, flip.replica);
            put_u16(buffer_, flip.bit & 0xFFFFU);
            put_u16(buffer_, flip.bit >> 16);
        }
    }
    if (!input.image.empty()) {
        put_u16(buffer_, input.image.size() & 0xFFFFU);
        put_u16(buffer_, input.image.size() >> 16);
        buffer_.insert(buffer_.end(), input.image.begin(), input.image.end());
    }
    if (!input.resets.empty()) {
        put_u16(buffer_, input.resets.size());
        for (const Reset& reset : input.resets) {
            const auto* at = reinterpret_cast<const std::uint8_t*>(&reset.down_ns);
            buffer_.insert(buffer_.end(), at, at + sizeof reset.down_ns);
        }
    }
    write(buffer_.data(), buffer_.size());
}

void Recorder::finish(const Digest& flight_digest) {
    write(&flag_end, 1);
    write(flight_digest.data(), flight_digest.size());
    if (std::fflush(file_.get()) != 0) throw std::runtime_error("cannot write the recording " + path_);
}

Recording::Recording(const std::string& path) : file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) throw std::runtime_error("cannot read the recording " + path);
    Header header{};
    read(&header, sizeof header);
    const Header mine = make_header(header.first_tick);
    if (std::memcmp(header.magic, mine.magic, sizeof mine.magic) != 0) {
        throw std::runtime_error(path + " is not a recording of flight inputs");
    }
    if (std::memcmp(&header, &mine, sizeof mine) != 0) {
        throw std::runtime_error(path + " was recorded with another dictionary or state layout");
    }
    first_tick = header.first_tick;
    read(&config, sizeof config);
    read(&quotas, sizeof quotas);
    std::uint64_t octets = 0;
    read(&octets, sizeof octets);
    if (octets > state_octets_max) throw std::runtime_error("the recording's start state is too long");
    state.resize(octets);
    read(state.data(), state.size());
    read(&flight_chain, sizeof flight_chain);
}

void Recording::read(void* octets, std::size_t count) {
    if (std::fread(octets, 1, count, file_.get()) != count)
        throw std::runtime_error("the recording is cut short");
}

bool Recording::next(TickInput& input) {
    std::uint8_t flags = 0;
    read(&flags, 1);
    if (flags == flag_end) {
        read(flight_digest.data(), flight_digest.size());
        return false;
    }
    std::uint16_t octets = 0;
    read(&octets, 2);
    coded_.resize(octets);
    if (octets != 0) read(coded_.data(), octets);
    BitReader bits(coded_.data(), coded_.size());
    if (!codec_.decode(bits, input.sensor)) throw std::runtime_error("the recording has a broken frame");
    input.overrun = (flags & flag_overrun) != 0;
    input.uplink.clear();
    input.flips.clear();
    input.outcome = {};
    input.resets.clear();
    if ((flags & flag_uplink) != 0) {
        read(&input.outcome, sizeof input.outcome);
        std::uint16_t count = 0;
        read(&count, 2);
        for (std::size_t i = 0; i < count; ++i) {
            security::ClearFrame frame{};
            std::uint16_t length = 0;
            read(&length, 2);
            read(&frame.key, 2);
            read(&frame.counter, 8);
            if (length > frame.octets.size()) throw std::runtime_error("the recording has a frame too long");
            frame.length = length;
            if (length != 0) read(frame.octets.data(), length);
            input.uplink.push_back(frame);
        }
    }
    if ((flags & flag_flips) != 0) {
        std::uint16_t count = 0;
        read(&count, 2);
        for (std::size_t i = 0; i < count; ++i) {
            std::array<std::uint16_t, 3> values{};
            read(values.data(), sizeof values);
            input.flips.push_back({0, values[0], values[1] | (static_cast<std::uint32_t>(values[2]) << 16)});
        }
    }
    input.image.clear();
    if ((flags & flag_image) != 0) {
        std::uint32_t image_octets = 0;
        read(&image_octets, 4);
        if (image_octets > state_octets_max) throw std::runtime_error("the recording has too long an image");
        input.image.resize(image_octets);
        if (image_octets != 0) read(input.image.data(), image_octets);
    }
    if ((flags & flag_resets) != 0) {
        std::uint16_t count = 0;
        read(&count, 2);
        for (std::size_t i = 0; i < count; ++i) {
            Reset reset{};
            read(&reset.down_ns, sizeof reset.down_ns);
            input.resets.push_back(reset);
        }
    }
    return true;
}

void add_flight_tick(Chain& chain, std::int64_t time_ns, const computer::FlightComputer& computer) {
    chain.add(&time_ns, sizeof time_ns);
    chain.add(&computer.actuator(), sizeof(ActuatorFrame));
    const computer::StepOutput* voted = computer.voted();
    if (voted == nullptr) return;
    for (std::size_t i = 0; i < voted->frame_count; ++i)
        chain.add(voted->frames[i].data(), voted->frames[i].size());
}

void add_full_state(Chain& chain, const HostedComputer& computer) {
    chain.add(&computer.state(), sizeof(computer::ComputerState));
    if (computer.protects_telemetry())
        chain.add(&computer.telemetry_state(), sizeof(computer::TelemetryState));
    const Digest memory = computer.stores().memory.digest();
    chain.add(memory.data(), memory.size());
}

Digest flight_digest_now(const Chain& chain, const HostedComputer& computer) {
    Chain last = chain;
    add_full_state(last, computer);
    return last.digest();
}

}  // namespace safehold::host
