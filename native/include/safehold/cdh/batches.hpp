// Stored housekeeping: every telemetry parameter, sampled, compressed without loss and batched into packets
// that stand alone; and a summary of the most telling ones.
//
// Purpose: the elements of the telemetry are cut into groups. Each group has a packet under construction, to
// which a sample adds the differences to the sample before, as docs/wire.md has them; the first sample of a
// packet is whole, so that a lost packet loses nothing but itself. A packet is committed to mass memory when
// the next sample does not fit, or 10 min after its first. Rate: 1 Hz. Inputs: telemetry, settings. Outputs:
// records. Meets L2.4, L2.5, L6.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/store.hpp"
#include "safehold/dictionary.hpp"

namespace safehold::cdh {

struct CdhAccount;

inline constexpr std::size_t batch_group_octets = 192;  // a group's elements take at most so many
inline constexpr std::size_t batch_octets_max = 992;    // of one packet's samples

constexpr std::size_t batch_elements() {
    std::size_t count = 0;
    for (const TelemetryEntry& entry : telemetry_entries)
        count += entry.count;
    return count;
}

// A run of elements, in order of parameter and index.
struct BatchLayout {
    std::array<std::uint16_t, batch_elements()> offset;  // within Telemetry
    std::array<std::uint8_t, batch_elements()> octets;
    std::array<std::uint16_t, 64> first;  // element of each group
    std::size_t groups;
};

constexpr BatchLayout make_batch_layout() {
    BatchLayout layout{};
    std::size_t element = 0;
    std::size_t used = batch_group_octets;
    for (const TelemetryEntry& entry : telemetry_entries) {
        const std::size_t size = octets_of(entry.type);
        for (std::size_t i = 0; i < entry.count; ++i, ++element) {
            if (used + size > batch_group_octets) {
                layout.first[layout.groups++] = static_cast<std::uint16_t>(element);
                used = 0;
            }
            used += size;
            layout.offset[element] = static_cast<std::uint16_t>(entry.offset + i * size);
            layout.octets[element] = static_cast<std::uint8_t>(size);
        }
    }
    return layout;
}

inline constexpr BatchLayout batch_layout = make_batch_layout();
static_assert(batch_layout.groups < batch_layout.first.size());

struct BatchGroup {
    std::int64_t clock_ns;  // of the first sample
    std::uint32_t tick_first;
    std::uint32_t tick;
    std::uint32_t step;  // ticks between the last two samples
    std::uint16_t bits;
    std::uint8_t samples;
    std::uint8_t tick_width;
    std::array<std::uint8_t, batch_octets_max> octets;
};
static_assert(sizeof(BatchGroup) == 24 + batch_octets_max);

// Least, sum and greatest of one summarised element.
struct Extremes {
    double sum;
    float least;
    float greatest;
};
static_assert(sizeof(Extremes) == 16);

// Parameters that are summarised.
inline constexpr std::array<std::uint16_t, 16> summary_parameters = {
    1007, 1010, 1013, 1018, 1019, 1023, 1025, 1036, 1038, 1039, 1040, 1041, 1042, 1049, 1053, 1055};

constexpr bool is_summarised(const TelemetryEntry& entry) {
    for (const std::uint16_t id : summary_parameters) {
        if (id == entry.id && entry.type == Type::f32) return true;
    }
    return false;
}

constexpr std::size_t summary_elements() {
    std::size_t count = 0;
    for (const TelemetryEntry& entry : telemetry_entries)
        count += is_summarised(entry) ? entry.count : 0;
    return count;
}

// The elements that are summarised, in order: found once, since they are looked at every second.
struct SummaryElement {
    std::uint16_t id;
    std::uint16_t index;
    std::uint16_t offset;  // within Telemetry
};
inline constexpr std::array<SummaryElement, summary_elements()> summary_layout = [] {
    std::array<SummaryElement, summary_elements()> layout{};
    std::size_t element = 0;
    for (const TelemetryEntry& entry : telemetry_entries) {
        if (!is_summarised(entry)) continue;
        for (std::size_t i = 0; i < entry.count; ++i) {
            layout[element++] = {entry.id, static_cast<std::uint16_t>(i),
                                 static_cast<std::uint16_t>(entry.offset + i * sizeof(float))};
        }
    }
    return layout;
}();
static_assert(summary_elements() * 15 + 16 <= 996);  // one packet holds them all

struct BatchAccount {
    static constexpr std::size_t widths_octets = (batch_elements() + 7) / 8 * 8;
    std::array<std::uint8_t, (sizeof(Telemetry) + 7) / 8 * 8> last;  // the sample before
    std::array<std::uint8_t, widths_octets> widths;                  // bits of each element's last difference
    std::array<BatchGroup, batch_layout.groups> groups;
    std::array<Extremes, summary_elements()> extremes;
    std::int64_t summary_clock_ns;
    std::uint32_t summary_tick;
    std::uint32_t summary_count;
    std::uint32_t fast_left_s;  // for so long every second is sampled, because something happened
    std::uint32_t until_sample_s;
    std::uint32_t samples;
    std::uint32_t octets;  // committed in packets
};
static_assert(sizeof(BatchAccount) ==
              sizeof(Telemetry) + (8 - sizeof(Telemetry) % 8) % 8 + BatchAccount::widths_octets +
                  sizeof(BatchGroup) * batch_layout.groups + sizeof(Extremes) * summary_elements() + 32);
static_assert(std::is_trivially_copyable_v<BatchAccount> && sizeof(BatchAccount) % 8 == 0);

// Once a second. Samples every `interval_s` seconds, 0 for never; every second while something is the matter.
void sample_housekeeping(CdhAccount& account, const Telemetry& telemetry, const computer::StoreStatus& store,
                         std::int64_t clock_ns, std::uint32_t tick, double interval_s,
                         computer::RecordList& records);

// Something of high severity happened: sample every second for so long.
void sample_fast(BatchAccount& batches, double seconds);

}  // namespace safehold::cdh
