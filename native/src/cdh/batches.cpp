#include "safehold/cdh/batches.hpp"

#include <bit>
#include <cstring>

#include "safehold/cdh/packet.hpp"
#include "safehold/cdh/state.hpp"

namespace safehold::cdh {
namespace {

using computer::RecordList;
using computer::StoreStatus;

constexpr std::size_t bits_max = batch_octets_max * 8;
constexpr std::uint32_t samples_max = 255;
constexpr std::int64_t batch_age_ns = 600'000'000'000;
constexpr std::uint32_t summary_period_s = 600;
constexpr unsigned unary_max = 12;               // longer changes of width are written out, in 7 bits
constexpr std::size_t kept_for_critical = 2048;  // room in a tick's records that batches leave

// Bits, the most significant first, behind those that a group has. `failed` once they do not fit. Those of an
// octet wait until it is full, or until the writer goes: then zeros follow them.
class BitWriter {
  public:
    explicit BitWriter(BatchGroup& group)
        : group_(group), at_(group.bits), waiting_(static_cast<unsigned>(at_ % 8)) {
        if (waiting_ != 0) held_ = static_cast<std::uint64_t>(group.octets[at_ / 8]) >> (8 - waiting_);
    }
    ~BitWriter() {
        if (waiting_ != 0) group_.octets[at_ / 8] = static_cast<std::uint8_t>(held_ << (8 - waiting_));
    }
    BitWriter(const BitWriter&) = delete;
    BitWriter& operator=(const BitWriter&) = delete;

    void put(std::uint64_t value, unsigned count) {
        if (at_ + count > bits_max) failed_ = true;
        if (failed_) return;
        if (count > 32) add(value >> 32, count - 32);
        add(value, count > 32 ? 32 : count);
    }
    [[nodiscard]] bool failed() const { return failed_; }
    void keep() { group_.bits = static_cast<std::uint16_t>(at_); }

  private:
    // At most 32 bits, behind fewer than eight that wait.
    void add(std::uint64_t value, unsigned count) {
        held_ = (held_ << count) | (value & ((1ULL << count) - 1U));
        waiting_ += count;
        std::size_t octet = at_ / 8;
        at_ += count;
        while (waiting_ >= 8) {
            waiting_ -= 8;
            group_.octets[octet++] = static_cast<std::uint8_t>(held_ >> waiting_);
        }
    }

    BatchGroup& group_;
    std::size_t at_;
    std::uint64_t held_ = 0;
    unsigned waiting_;
    bool failed_ = false;
};

// The difference of two values of so many bits: the change of its width against the last one's, in unary,
// then its bits below the leading one.
void put_difference(BitWriter& writer, std::uint64_t value, std::uint64_t predicted, unsigned bits,
                    std::uint8_t& width) {
    if (value == predicted && width == 0) {  // as most of them mostly are
        writer.put(0, 1);
        return;
    }
    const std::uint64_t mask = bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
    const std::uint64_t difference = (value - predicted) & mask;
    const bool negative = ((difference >> (bits - 1)) & 1U) != 0;
    const std::uint64_t folded = negative ? (((~difference & mask) << 1) | 1U) : difference << 1;
    const auto count = static_cast<unsigned>(std::bit_width(folded));
    const unsigned last = width <= bits ? width : bits;
    const unsigned change = count >= last ? 2 * (count - last) : 2 * (last - count) - 1;
    if (change < unary_max) {
        writer.put((1ULL << (change + 1)) - 2, change + 1);
    } else {
        writer.put((1ULL << unary_max) - 1, unary_max);
        writer.put(count, 7);
    }
    if (count > 1) writer.put(folded & ((1ULL << (count - 1)) - 1), count - 1);
    width = static_cast<std::uint8_t>(count);
}

std::uint64_t load(const std::uint8_t* octets, std::size_t size) {
    static_assert(std::endian::native == std::endian::little);
    const auto as = [octets](auto value) {
        std::memcpy(&value, octets, sizeof value);
        return static_cast<std::uint64_t>(value);
    };
    switch (size) {
        case 1:
            return as(std::uint8_t{});
        case 2:
            return as(std::uint16_t{});
        case 4:
            return as(std::uint32_t{});
        default:
            return as(std::uint64_t{});
    }
}

std::size_t elements_end(std::size_t group) {
    return group + 1 < batch_layout.groups ? batch_layout.first[group + 1] : batch_elements();
}

void begin(BatchAccount& batches, std::size_t index, const std::uint8_t* telemetry, std::int64_t clock_ns,
           std::uint32_t tick) {
    BatchGroup& group = batches.groups[index];
    group.clock_ns = clock_ns;
    group.tick_first = tick;
    group.tick = tick;
    group.step = 0;
    group.bits = 0;
    group.samples = 1;
    group.tick_width = 0;
    BitWriter writer(group);
    for (std::size_t i = batch_layout.first[index]; i < elements_end(index); ++i) {
        const std::size_t size = batch_layout.octets[i];
        writer.put(load(telemetry + batch_layout.offset[i], size), static_cast<unsigned>(size * 8));
        batches.widths[i] = 0;
    }
    writer.keep();
}

// False, and nothing changed, if the sample does not fit.
bool append(BatchAccount& batches, std::size_t index, const std::uint8_t* telemetry, std::uint32_t tick) {
    BatchGroup& group = batches.groups[index];
    const std::size_t first = batch_layout.first[index];
    const std::size_t end = elements_end(index);
    std::array<std::uint8_t, batch_group_octets> widths{};
    std::memcpy(widths.data(), batches.widths.data() + first, end - first);
    std::uint8_t tick_width = group.tick_width;
    BitWriter writer(group);
    put_difference(writer, tick, group.tick + group.step, 32, tick_width);
    for (std::size_t i = first; i < end && !writer.failed(); ++i) {
        const std::size_t size = batch_layout.octets[i];
        const std::size_t offset = batch_layout.offset[i];
        put_difference(writer, load(telemetry + offset, size), load(batches.last.data() + offset, size),
                       static_cast<unsigned>(size * 8), widths[i - first]);
    }
    if (writer.failed()) return false;
    writer.keep();
    std::memcpy(batches.widths.data() + first, widths.data(), end - first);
    group.tick_width = tick_width;
    group.step = tick - group.tick;
    group.tick = tick;
    ++group.samples;
    return true;
}

// One packet of the housekeeping stream. False if this tick has no room for it.
bool commit(CdhAccount& account, Message message, const StoreStatus& store, std::int64_t clock_ns,
            const std::uint8_t* data, std::size_t data_octets, RecordList& records) {
    const std::size_t length = tm_packet_header_octets + data_octets + 2;
    if (length > tm_packet_octets_max || records.length + length > RecordList::capacity - kept_for_critical)
        return false;
    constexpr auto stream = static_cast<std::uint8_t>(Stream::housekeeping);
    std::uint64_t number = store.streams[stream].next;
    for (std::size_t i = 0; i < records.count && i < RecordList::items_max; ++i)
        number += records.items[i].stream == stream ? 1 : 0;
    std::array<std::uint8_t, tm_packet_octets_max> packet;
    Writer writer(packet.data(), packet.size());
    writer.u16(0x0800U | apid_housekeeping);
    writer.u16(static_cast<std::uint16_t>(0xC000U | (number & 0x3FFFU)));
    writer.u16(static_cast<std::uint16_t>(length - 7));
    writer.u8(0x20);
    writer.u8(3);
    writer.u8(message == Message::batch ? 128 : 129);
    std::uint16_t& counter = account.message_counters[static_cast<std::size_t>(message)];
    writer.u16(counter);
    writer.u16(1);
    put_time(writer, clock_ns);
    std::memcpy(packet.data() + tm_packet_header_octets, data, data_octets);
    Writer check(packet.data() + length - 2, 2);
    check.u16(crc16(packet.data(), length - 2));
    if (!records.add(Stream::housekeeping, packet.data(), length)) return false;
    ++counter;
    account.batches.octets += static_cast<std::uint32_t>(length);
    return true;
}

bool flush(CdhAccount& account, std::size_t index, const StoreStatus& store, RecordList& records) {
    BatchGroup& group = account.batches.groups[index];
    std::array<std::uint8_t, 8 + batch_octets_max> data;
    Writer writer(data.data(), data.size());
    writer.u8(static_cast<std::uint8_t>(index));
    writer.u8(static_cast<std::uint8_t>(elements_end(index) - batch_layout.first[index]));
    writer.u8(group.samples);
    writer.u8(0);
    writer.u32(group.tick_first);
    const std::size_t octets = (static_cast<std::size_t>(group.bits) + 7) / 8;
    std::memcpy(data.data() + 8, group.octets.data(), octets);
    const auto spare = static_cast<unsigned>(octets * 8 - group.bits);
    if (spare != 0) data[7 + octets] = static_cast<std::uint8_t>(data[7 + octets] & (0xFFU << spare));
    if (!commit(account, Message::batch, store, group.clock_ns, data.data(), 8 + octets, records))
        return false;
    group.samples = 0;
    return true;
}

void sample(CdhAccount& account, const Telemetry& telemetry, const StoreStatus& store, std::int64_t clock_ns,
            std::uint32_t tick, RecordList& records) {
    BatchAccount& batches = account.batches;
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&telemetry);
    ++batches.samples;
    for (std::size_t i = 0; i < batch_layout.groups; ++i) {
        BatchGroup& group = batches.groups[i];
        if (group.bits > bits_max) group.samples = 0;  // a flip
        if (group.samples != 0 && append(batches, i, octets, tick)) {
            // Without sign: a flip may have put the group's time anywhere.
            const auto age =
                static_cast<std::uint64_t>(clock_ns) - static_cast<std::uint64_t>(group.clock_ns);
            const bool old = clock_ns < group.clock_ns || age >= static_cast<std::uint64_t>(batch_age_ns);
            if (old || group.samples == samples_max) (void)flush(account, i, store, records);
            continue;
        }
        if (group.samples != 0 && !flush(account, i, store, records)) {
            give_up(account.recorder, Stream::housekeeping, GivenUp::no_room, 0, 1);
        }
        begin(batches, i, octets, clock_ns, tick);
    }
    std::memcpy(batches.last.data(), octets, sizeof telemetry);
}

void summarise_sample(BatchAccount& batches, const Telemetry& telemetry) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&telemetry);
    const bool first = batches.summary_count == 0;
    for (std::size_t element = 0; element < summary_layout.size(); ++element) {
        float value;
        std::memcpy(&value, octets + summary_layout[element].offset, sizeof value);
        if (!(value - value == 0.0F)) value = 0.0F;  // not finite
        Extremes& extremes = batches.extremes[element];
        if (first || value < extremes.least) extremes.least = value;
        if (first || value > extremes.greatest) extremes.greatest = value;
        extremes.sum = first ? static_cast<double>(value) : extremes.sum + static_cast<double>(value);
    }
    ++batches.summary_count;
}

void put_number(Writer& writer, float value) {
    writer.f32(value - value == 0.0F ? value : 0.0F);
}

bool flush_summary(CdhAccount& account, const StoreStatus& store, std::uint32_t tick, RecordList& records) {
    const BatchAccount& batches = account.batches;
    std::array<std::uint8_t, 996> data;
    Writer writer(data.data(), data.size());
    writer.u32(batches.summary_tick);
    writer.u32(tick);
    writer.u16(static_cast<std::uint16_t>(batches.summary_count));
    writer.u8(static_cast<std::uint8_t>(summary_elements()));
    for (std::size_t element = 0; element < summary_layout.size(); ++element) {
        const Extremes& extremes = batches.extremes[element];
        const double mean = extremes.sum / static_cast<double>(batches.summary_count);
        const bool sound = mean >= -3.0e38 && mean <= 3.0e38;
        writer.u16(summary_layout[element].id);
        writer.u8(static_cast<std::uint8_t>(summary_layout[element].index));
        put_number(writer, extremes.least);
        put_number(writer, sound ? static_cast<float>(mean) : 0.0F);
        put_number(writer, extremes.greatest);
    }
    return commit(account, Message::summary, store, batches.summary_clock_ns, data.data(), writer.length(),
                  records);
}

}  // namespace

void sample_fast(BatchAccount& batches, double seconds) {
    const double bounded = seconds >= 0.0 && seconds <= 86400.0 ? seconds : 0.0;
    const auto wanted = static_cast<std::uint32_t>(bounded);
    if (wanted > batches.fast_left_s || batches.fast_left_s > 86400) batches.fast_left_s = wanted;
    if (wanted != 0) batches.until_sample_s = 0;
}

void sample_housekeeping(CdhAccount& account, const Telemetry& telemetry, const StoreStatus& store,
                         std::int64_t clock_ns, std::uint32_t tick, double interval_s, RecordList& records) {
    BatchAccount& batches = account.batches;
    if (batches.summary_count > summary_period_s) batches.summary_count = 0;  // a flip
    if (batches.summary_count == 0) {
        batches.summary_tick = tick;
        batches.summary_clock_ns = clock_ns;
    }
    summarise_sample(batches, telemetry);
    if (batches.summary_count >= summary_period_s) {
        if (!flush_summary(account, store, tick, records)) {
            give_up(account.recorder, Stream::housekeeping, GivenUp::no_room, 0, 1);
        }
        batches.summary_count = 0;
    }
    const double bounded = interval_s >= 1.0 && interval_s <= 86400.0 ? interval_s : 0.0;
    const auto interval = static_cast<std::uint32_t>(bounded);
    const bool fast = batches.fast_left_s != 0;
    if (fast) --batches.fast_left_s;
    if (batches.until_sample_s > interval) batches.until_sample_s = interval;
    if (batches.until_sample_s > 1 && !fast) {
        --batches.until_sample_s;
        return;
    }
    batches.until_sample_s = interval;
    if (interval != 0) sample(account, telemetry, store, clock_ns, tick, records);
}

}  // namespace safehold::cdh
