// Space packets with PUS headers, into the queue that waits for the downlink.
#include <cstring>

#include "safehold/cdh/octets.hpp"
#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/services.hpp"
#include "safehold/cdh/telemetry.hpp"
#include "safehold/computer/store.hpp"

namespace safehold::cdh {
namespace {

struct Service {
    std::uint8_t type;
    std::uint8_t subtype;
};

constexpr std::array<Service, static_cast<std::size_t>(Message::count)> services = {
    {{1, 1},   {1, 2},   {1, 3},   {1, 4},  {1, 5},  {1, 6},  {1, 7},   {1, 8},   {3, 10},
     {3, 25},  {5, 1},   {5, 2},   {5, 3},  {5, 4},  {5, 8},  {6, 6},   {6, 10},  {9, 2},
     {11, 10}, {11, 13}, {15, 13}, {17, 2}, {17, 4}, {20, 2}, {23, 13}, {3, 128}, {3, 129}}};

constexpr std::size_t primary_octets = 6;
constexpr std::uint32_t held_too_long_ms = 5'000;  // a store that does not answer must not silence the rest

// Verification reports and events are records: what APID 101 carries is also committed to mass memory.
bool is_record(Message message) {
    return message <= Message::completion_failure ||
           (message >= Message::event_info && message <= Message::event_high);
}

// A packet of which only the counts and the packet error control are missing. A record gets its sequence
// count when it is committed, at the end of the tick.
bool queue_packet(CdhAccount& account, Message message, std::uint8_t* octets, std::size_t length) {
    PacketQueue& queue = account.packets;
    const bool record = is_record(message);
    const std::size_t capacity = PacketQueue::capacity - (record ? 0 : PacketQueue::kept_for_records);
    if (queue.length > capacity || length > capacity - queue.length) {
        if (record) {
            give_up(account.recorder, Stream::critical, GivenUp::no_room, 0, 1);
        } else {
            ++account.packets_lost;
        }
        return false;
    }
    std::uint16_t& counter = account.message_counters[static_cast<std::size_t>(message)];
    Writer header(octets + 2, 4);
    header.u16(static_cast<std::uint16_t>(0xC000U | (record ? 0U : account.packet_sequence_count & 0x3FFFU)));
    header.u16(static_cast<std::uint16_t>(length - primary_octets - 1));
    octets[9] = static_cast<std::uint8_t>(counter >> 8);
    octets[10] = static_cast<std::uint8_t>(counter);
    const std::uint16_t crc = crc16(octets, length - 2);
    octets[length - 2] = static_cast<std::uint8_t>(crc >> 8);
    octets[length - 1] = static_cast<std::uint8_t>(crc);
    std::memcpy(queue.octets.data() + queue.length, octets, length);
    queue.length += static_cast<std::uint32_t>(length);
    if (!record) ++account.packet_sequence_count;
    ++counter;
    return true;
}

// Range-checked: a float conversion of a double beyond float's range is undefined.
float to_f32(double value) {
    constexpr double limit = 3.4028234663852886e38;
    if (!(value == value)) return 0.0F;
    return static_cast<float>(value > limit ? limit : (value < -limit ? -limit : value));
}

void report_verification(CdhAccount& account, const HeldReport& report) {
    const auto message = static_cast<Message>(report.message);
    Packet packet(account, message, report.clock_ns);
    packet.data().u32(report.request);
    if (message == Message::progress_success || message == Message::progress_failure) {
        packet.data().u8(report.step);
    }
    if (services[static_cast<std::size_t>(message)].subtype % 2 == 0) {
        packet.data().u16(report.code);
        packet.data().u32(report.parameter);
    }
    packet.finish();
}

}  // namespace

void put_time(Writer& writer, std::int64_t clock_ns) {
    const std::uint64_t ns = clock_ns < 0 ? 0 : static_cast<std::uint64_t>(clock_ns);
    const std::uint64_t fraction = ((ns % 1'000'000'000ULL) << 24) / 1'000'000'000ULL;
    writer.u32(static_cast<std::uint32_t>(ns / 1'000'000'000ULL));
    writer.u8(static_cast<std::uint8_t>(fraction >> 16));
    writer.u16(static_cast<std::uint16_t>(fraction));
}

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

Packet::Packet(CdhAccount& account, Message message, std::int64_t clock_ns)
    : account_(account), writer_(octets_.data(), octets_.size() - 2), message_(message) {
    const Service& service = services[static_cast<std::size_t>(message)];
    writer_.u16(static_cast<std::uint16_t>(0x0800U | (is_record(message) ? apid_critical : apid_flight)));
    writer_.u32(0);  // sequence count and length
    writer_.u8(0x20);
    writer_.u8(service.type);
    writer_.u8(service.subtype);
    writer_.u16(0);  // message type counter
    writer_.u16(1);
    put_time(writer_, clock_ns);
}

bool Packet::finish() {
    if (!writer_.failed()) return queue_packet(account_, message_, octets_.data(), writer_.length() + 2);
    ++account_.packets_lost;
    return false;
}

void hold_verification(HeldReports& held, CdhAccount& account, std::int64_t clock_ns,
                       const VerificationReport& report, std::uint32_t sequence) {
    const bool step = report.message == Message::progress_success;  // steps are the first to give way
    if (held.count >= HeldReports::capacity - (step ? held_for_the_rest : 0)) {
        ++account.packets_lost;
        return;
    }
    held.items[held.count++] = {clock_ns,   report.request.value, report.parameter,
                                sequence,   report.code,          static_cast<std::uint8_t>(report.message),
                                report.step};
}

bool release_verification(HeldReports& held, CdhAccount& account, std::uint32_t persisted,
                          std::int64_t tick_ns) {
    if (held.count > HeldReports::capacity) held.count = 0;
    if (held.count == 0) return false;
    held.age_ms += static_cast<std::uint32_t>(tick_ns / 1'000'000);
    const bool late = held.age_ms > held_too_long_ms;
    std::uint32_t left = 0;
    for (std::uint32_t i = 0; i < held.count; ++i) {
        const HeldReport report = held.items[i];
        if (report.message > static_cast<std::uint8_t>(Message::completion_failure)) continue;  // a flip
        const bool kept = computer::is_persisted(report.sequence, persisted);
        if (kept || late) {
            report_verification(account, report);
        } else {
            held.items[left++] = report;
        }
    }
    if (left != held.count) held.age_ms = 0;
    for (std::uint32_t i = left; i < held.count; ++i)
        held.items[i] = HeldReport{};
    held.count = left;
    return late;
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

void report_events(CdhAccount& account, std::int64_t clock_ns, const EventList& events,
                   const EventReportControl& control) {
    const std::size_t count = events.count < EventList::capacity ? events.count : EventList::capacity;
    for (std::size_t i = 0; i < count; ++i) {
        const Event& event = events.items[i];
        if (!is_reported(control, event.id)) continue;
        const std::size_t severity = event.severity >= 1 && event.severity <= 4 ? event.severity - 1U : 0U;
        const auto message = static_cast<Message>(static_cast<std::size_t>(Message::event_info) + severity);
        Packet packet(account, message, clock_ns);
        packet.data().u16(event.id);
        packet.data().u16(static_cast<std::uint16_t>(account.event_counter++));
        const std::size_t arguments =
            event.argument_count < event_arguments_max ? event.argument_count : event_arguments_max;
        for (std::size_t k = 0; k < arguments; ++k)
            packet.data().f32(to_f32(event.arguments[k]));
        packet.finish();
    }
    if (events.dropped != 0) {
        account.event_counter += events.dropped;
        account.events_lost += events.dropped;
        give_up(account.recorder, Stream::critical, GivenUp::no_room, 0, events.dropped);
    }
}

}  // namespace safehold::cdh
