// Space packets with PUS headers, into the queue that waits for the downlink.
#include <cstring>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/telemetry.hpp"

namespace safehold::cdh {
namespace {

constexpr std::size_t primary_octets = 6;
constexpr std::size_t secondary_octets = 14;

struct Service {
    std::uint8_t type;
    std::uint8_t subtype;
};

constexpr std::array<Service, static_cast<std::size_t>(Message::count)> services = {
    {{1, 1}, {1, 2}, {1, 7}, {1, 8}, {3, 25}, {5, 1}, {5, 2}, {5, 3}, {5, 4}, {17, 2}}};

void put_time(Writer& writer, std::int64_t clock_ns) {
    const std::uint64_t ns = clock_ns < 0 ? 0 : static_cast<std::uint64_t>(clock_ns);
    const std::uint64_t fraction = ((ns % 1'000'000'000ULL) << 24) / 1'000'000'000ULL;
    writer.u32(static_cast<std::uint32_t>(ns / 1'000'000'000ULL));
    writer.u8(static_cast<std::uint8_t>(fraction >> 16));
    writer.u16(static_cast<std::uint16_t>(fraction));
}

// One packet under construction on the stack; `finish` sets the length, adds the CRC and queues it.
class Packet {
  public:
    Packet(CdhAccount& account, Message message, std::int64_t clock_ns)
        : account_(account), writer_(octets_.data(), octets_.size() - 2) {
        const auto index = static_cast<std::size_t>(message);
        writer_.u16(static_cast<std::uint16_t>(0x0800U | apid_flight));
        writer_.u16(static_cast<std::uint16_t>(0xC000U | (account.packet_sequence_count & 0x3FFFU)));
        writer_.u16(0);
        writer_.u8(0x20);
        writer_.u8(services[index].type);
        writer_.u8(services[index].subtype);
        writer_.u16(account.message_counters[index]);
        writer_.u16(1);
        put_time(writer_, clock_ns);
        counter_ = &account.message_counters[index];
    }

    Writer& data() { return writer_; }

    void finish() {
        PacketQueue& queue = account_.packets;
        const std::size_t length = writer_.length() + 2;
        if (writer_.failed() || queue.length > PacketQueue::capacity ||
            length > PacketQueue::capacity - queue.length) {
            ++account_.packets_lost;
            return;
        }
        const std::size_t data_length = length - primary_octets - 1;
        octets_[4] = static_cast<std::uint8_t>(data_length >> 8);
        octets_[5] = static_cast<std::uint8_t>(data_length);
        const std::uint16_t crc = crc16(octets_.data(), length - 2);
        octets_[length - 2] = static_cast<std::uint8_t>(crc >> 8);
        octets_[length - 1] = static_cast<std::uint8_t>(crc);
        std::memcpy(queue.octets.data() + queue.length, octets_.data(), length);
        queue.length += static_cast<std::uint32_t>(length);
        ++account_.packet_sequence_count;
        ++*counter_;
    }

  private:
    CdhAccount& account_;
    std::array<std::uint8_t, tm_packet_octets_max> octets_;
    Writer writer_;
    std::uint16_t* counter_;
};

// One value of the telemetry struct, big-endian; a float that is not finite goes down as zero.
void put_value(Writer& writer, const std::uint8_t* at, Type type) {
    const auto load = [at](auto value) {
        std::memcpy(&value, at, sizeof value);
        return value;
    };
    switch (type) {
        case Type::f64: {
            const auto bits = load(std::uint64_t{});
            writer.u64((bits & 0x7FF0000000000000ULL) == 0x7FF0000000000000ULL ? 0 : bits);
            return;
        }
        case Type::f32: {
            const auto bits = load(std::uint32_t{});
            writer.u32((bits & 0x7F800000U) == 0x7F800000U ? 0 : bits);
            return;
        }
        case Type::i64:
        case Type::u64:
            writer.u64(load(std::uint64_t{}));
            return;
        case Type::u32:
            writer.u32(load(std::uint32_t{}));
            return;
        case Type::i16:
        case Type::u16:
            writer.u16(load(std::uint16_t{}));
            return;
        case Type::u8:
            writer.u8(*at);
            return;
    }
}

// Range-checked: a float conversion of a double beyond float's range is undefined.
float to_f32(double value) {
    constexpr double limit = 3.4028234663852886e38;
    if (!(value == value)) return 0.0F;
    return static_cast<float>(value > limit ? limit : (value < -limit ? -limit : value));
}

}  // namespace

void report_verification(CdhAccount& account, std::int64_t clock_ns, Message message, RequestId request) {
    Packet packet(account, message, clock_ns);
    packet.data().u32(request.value);
    packet.finish();
}

void report_failure(CdhAccount& account, std::int64_t clock_ns, Message message, RequestId request,
                    std::uint16_t code, std::uint32_t parameter) {
    Packet packet(account, message, clock_ns);
    packet.data().u32(request.value);
    packet.data().u16(code);
    packet.data().u32(parameter);
    packet.finish();
}

void report_alive(CdhAccount& account, std::int64_t clock_ns) {
    Packet packet(account, Message::alive, clock_ns);
    packet.finish();
}

void report_housekeeping(CdhAccount& account, std::int64_t clock_ns, const Telemetry& telemetry,
                         std::uint8_t structure) {
    Packet packet(account, Message::housekeeping, clock_ns);
    packet.data().u16(structure);
    const auto* base = reinterpret_cast<const std::uint8_t*>(&telemetry);
    for (const TelemetryEntry& entry : telemetry_entries) {
        if (entry.structure != structure) continue;
        const std::size_t size = octets_of(entry.type);
        for (std::size_t i = 0; i < entry.count; ++i)
            put_value(packet.data(), base + entry.offset + i * size, entry.type);
    }
    packet.finish();
}

void keep_events(CdhAccount& account, std::int64_t clock_ns, const EventList& events) {
    EventQueue& queue = account.events;
    const std::size_t count = events.count < EventList::capacity ? events.count : EventList::capacity;
    for (std::size_t i = 0; i < count; ++i) {
        if (queue.count >= EventQueue::capacity) {
            queue.first = static_cast<std::uint32_t>((queue.first + 1ULL) % EventQueue::capacity);
            queue.count = EventQueue::capacity - 1;
            ++queue.lost;
        }
        const std::size_t at = (static_cast<std::size_t>(queue.first) + queue.count) % EventQueue::capacity;
        queue.items[at] = {events.items[i], clock_ns, queue.counter, 0};
        ++queue.count;
        ++queue.counter;
    }
    queue.counter += events.dropped;
    queue.lost += events.dropped;
}

void report_events(CdhAccount& account) {
    EventQueue& queue = account.events;
    if (queue.count > EventQueue::capacity) queue.count = EventQueue::capacity;
    constexpr std::size_t room = 64;  // more than any event packet
    for (std::size_t i = 0; i < EventQueue::capacity && queue.count > 0; ++i) {
        if (account.packets.length > PacketQueue::capacity - room) return;
        const WaitingEvent& waiting = queue.items[queue.first % EventQueue::capacity];
        const std::size_t severity =
            waiting.event.severity >= 1 && waiting.event.severity <= 4 ? waiting.event.severity - 1U : 0U;
        const auto message = static_cast<Message>(static_cast<std::size_t>(Message::event_info) + severity);
        Packet packet(account, message, waiting.clock_ns);
        packet.data().u16(waiting.event.id);
        packet.data().u16(static_cast<std::uint16_t>(waiting.counter));
        const std::size_t arguments = waiting.event.argument_count < event_arguments_max
                                          ? waiting.event.argument_count
                                          : event_arguments_max;
        for (std::size_t k = 0; k < arguments; ++k)
            packet.data().f32(to_f32(waiting.event.arguments[k]));
        packet.finish();
        queue.first = static_cast<std::uint32_t>((queue.first + 1ULL) % EventQueue::capacity);
        --queue.count;
    }
}

}  // namespace safehold::cdh
