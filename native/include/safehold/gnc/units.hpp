// Units that can be left out, and who decides it: the monitors, or the ground by telecommand.
//
// Purpose: one number for every unit, the ground's overrides as two words of bits, and what they and the
// autonomy's switch mean for a unit in this tick. Rate: every tick. Meets L1.1, L1.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace safehold {

enum class UnitKind : std::uint8_t {
    gyro = 0,
    tracker = 1,
    magnetometer = 2,
    gps = 3,
    sun_sensor = 4,
    wheel = 5,
    array_drive = 6,
};
inline constexpr std::uint8_t unit_kind_count = 7;

enum class UnitOverride : std::uint8_t {
    automatic = 0,
    exclude = 1,
    readmit = 2,
    retest = 3,
};

// The bits of a kind's units; the first eleven are those of the sensor frame's `valid`.
struct UnitBits {
    std::uint8_t first;
    std::uint8_t count;
};
inline constexpr std::array<UnitBits, unit_kind_count> unit_bits = {
    {{0, 4}, {4, 2}, {6, 3}, {9, 2}, {11, 12}, {23, 4}, {27, 1}}};

[[nodiscard]] constexpr std::uint32_t unit_first(UnitKind kind) {
    return unit_bits[static_cast<std::size_t>(kind)].first;
}
[[nodiscard]] constexpr std::uint32_t unit_bit(UnitKind kind, std::size_t unit) {
    return 1U << (unit_first(kind) + unit);
}

// State: what the ground has ordered, a bit each. A unit in no word is left to the monitors, if they decide.
struct UnitOverrides {
    std::uint32_t excluded;
    std::uint32_t readmitted;
    std::uint32_t retested;  // left to its monitor, autonomy or not, until that has it back in use
    std::uint32_t spare;
};
static_assert(sizeof(UnitOverrides) == 16 && std::is_trivially_copyable_v<UnitOverrides>);

// Not state: what no monitor may change in this tick. Without autonomy the monitors count and decide nothing,
// so that every unit which the ground has not excluded is in use.
struct UnitCustody {
    std::uint32_t held_out = 0;
    std::uint32_t held_in = 0;

    [[nodiscard]] bool out(UnitKind kind, std::size_t unit) const {
        return (held_out & unit_bit(kind, unit)) != 0;
    }
    [[nodiscard]] bool in(UnitKind kind, std::size_t unit) const {
        return (held_in & unit_bit(kind, unit)) != 0;
    }
};

[[nodiscard]] constexpr UnitCustody custody_of(const UnitOverrides& overrides, bool autonomous) {
    const std::uint32_t in_use = ~(overrides.excluded | overrides.retested);
    return {overrides.excluded, autonomous ? overrides.readmitted : in_use};
}

}  // namespace safehold
