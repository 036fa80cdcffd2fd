// Settings by id: range-checked stores and loads within the struct Parameters.
#include "safehold/cdh/telecommand.hpp"

namespace safehold::cdh {

FailureCode set_setting(Parameters& parameters, std::uint16_t id, std::uint16_t index, double value) {
    for (const SettingEntry& entry : setting_entries) {
        if (entry.id != id) continue;
        if (index >= entry.count) return FailureCode::range;
        if (!(value >= entry.min && value <= entry.max)) return FailureCode::range;  // NaN fails both
        auto* base = reinterpret_cast<std::uint8_t*>(&parameters);
        store_number(base + entry.offset + index * octets_of(entry.type), entry.type, value);
        return FailureCode::none;
    }
    return FailureCode::execution;
}

double setting_value(const Parameters& parameters, const SettingEntry& entry, std::size_t index) {
    if (index >= entry.count) return 0.0;
    const auto* base = reinterpret_cast<const std::uint8_t*>(&parameters);
    return load_number(base + entry.offset + index * octets_of(entry.type), entry.type);
}

}  // namespace safehold::cdh
