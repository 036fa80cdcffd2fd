// Settings by id: range-checked stores and loads within the struct Parameters.
#include <cstring>

#include "safehold/cdh/telecommand.hpp"

namespace safehold::cdh {
namespace {

template <typename T>
void store(std::uint8_t* at, double value) {
    const T typed = static_cast<T>(value);
    std::memcpy(at, &typed, sizeof typed);
}

template <typename T>
double load(const std::uint8_t* at) {
    T typed;
    std::memcpy(&typed, at, sizeof typed);
    return static_cast<double>(typed);
}

constexpr std::array<std::size_t, 8> type_octets = {8, 8, 8, 4, 4, 2, 2, 1};

}  // namespace

FailureCode set_setting(Parameters& parameters, std::uint16_t id, std::uint16_t index, double value) {
    for (const SettingEntry& entry : setting_entries) {
        if (entry.id != id) continue;
        if (index >= entry.count) return FailureCode::range;
        if (!(value >= entry.min && value <= entry.max)) return FailureCode::range;  // NaN fails both
        auto* at = reinterpret_cast<std::uint8_t*>(&parameters) + entry.offset +
                   index * type_octets[static_cast<std::size_t>(entry.type)];
        switch (entry.type) {
            case Type::f64:
                store<double>(at, value);
                break;
            case Type::i64:
                store<std::int64_t>(at, value);
                break;
            case Type::u64:
                store<std::uint64_t>(at, value);
                break;
            case Type::f32:
                store<float>(at, value);
                break;
            case Type::u32:
                store<std::uint32_t>(at, value);
                break;
            case Type::u16:
                store<std::uint16_t>(at, value);
                break;
            case Type::i16:
                store<std::int16_t>(at, value);
                break;
            case Type::u8:
                store<std::uint8_t>(at, value);
                break;
        }
        return FailureCode::none;
    }
    return FailureCode::execution;
}

double setting_value(const Parameters& parameters, const SettingEntry& entry, std::size_t index) {
    if (index >= entry.count) return 0.0;
    const auto* at = reinterpret_cast<const std::uint8_t*>(&parameters) + entry.offset +
                     index * type_octets[static_cast<std::size_t>(entry.type)];
    switch (entry.type) {
        case Type::f64:
            return load<double>(at);
        case Type::i64:
            return load<std::int64_t>(at);
        case Type::u64:
            return load<std::uint64_t>(at);
        case Type::f32:
            return load<float>(at);
        case Type::u32:
            return load<std::uint32_t>(at);
        case Type::u16:
            return load<std::uint16_t>(at);
        case Type::i16:
            return load<std::int16_t>(at);
        case Type::u8:
            return load<std::uint8_t>(at);
    }
    return 0.0;
}

}  // namespace safehold::cdh
