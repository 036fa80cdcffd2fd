#include "safehold/computer/interface.hpp"

namespace safehold {
namespace {

// Zero for NaN and the infinities, by exponent: no comparison that fast-math could fold.
double finite_or_zero(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    return (bits & 0x7FF0000000000000ULL) == 0x7FF0000000000000ULL ? 0.0 : value;
}

const EventEntry* find_event(EventId id) {
    for (const EventEntry& entry : event_entries) {
        if (entry.id == static_cast<std::uint16_t>(id)) return &entry;
    }
    return nullptr;
}

}  // namespace

void EventList::add(EventId id, double a, double b, double c, double d) {
    const EventEntry* entry = find_event(id);
    if (entry == nullptr || count >= capacity) {
        ++dropped;
        return;
    }
    Event& event = items[count++];
    event.arguments = {finite_or_zero(a), finite_or_zero(b), finite_or_zero(c), finite_or_zero(d)};
    event.id = entry->id;
    event.severity = static_cast<std::uint8_t>(entry->severity);
    event.argument_count = entry->argument_count;
    event.tick = 0;
}

}  // namespace safehold
