#include "safehold/gnc/overrides.hpp"

namespace safehold {
namespace {

constexpr std::size_t faces = 6;  // the Sun sensors are two rings of them

// The unit's mark of exclusion.
std::uint32_t* mark_of(AutonomyState& s, UnitKind kind, std::size_t unit) {
    switch (kind) {
        case UnitKind::gyro:
            return &s.sensors.gyro[unit].excluded;
        case UnitKind::tracker:
            return &s.sensors.tracker[unit].excluded;
        case UnitKind::magnetometer:
            return &s.sensors.magnetometer[unit].excluded;
        case UnitKind::gps:
            return &s.sensors.gps[unit].excluded;
        case UnitKind::sun_sensor:
            return &s.sensors.sun_sensor[unit].excluded;
        case UnitKind::wheel:
            return &s.wheels.excluded[unit];
        case UnitKind::array_drive:
            break;
    }
    return &s.array_drive.lost;
}

// Whether the unit's monitor has found nothing wrong with it.
bool is_well(const AutonomyState& s, const Parameters& p, UnitKind kind, std::size_t unit) {
    const auto few = [&p](const UnitHealth& health) {
        return static_cast<double>(health.bad) < p.exclusion_persistence;
    };
    switch (kind) {
        case UnitKind::gyro:
            return few(s.sensors.gyro[unit]);
        case UnitKind::tracker:
            return few(s.sensors.tracker[unit]);
        case UnitKind::magnetometer:
            return few(s.sensors.magnetometer[unit]);
        case UnitKind::gps:
            return few(s.sensors.gps[unit]);
        case UnitKind::sun_sensor:
            return few(s.sensors.sun_sensor[unit]);
        case UnitKind::wheel:
            return s.wheels.doubt_s[unit] < p.wheel_fault_s;
        case UnitKind::array_drive:
            break;
    }
    return true;
}

// Of a Sun sensor's kind only the other one of its face sees what it sees. The drive has no sibling: to
// exclude it takes nothing away, but says that the array stands where it stands.
bool leaves_a_good_one(AutonomyState& s, const Parameters& p, UnitKind kind, std::size_t unit) {
    if (kind == UnitKind::array_drive) return true;
    const std::size_t count = unit_bits[static_cast<std::size_t>(kind)].count;
    for (std::size_t i = 0; i < count; ++i) {
        if (i == unit || (kind == UnitKind::sun_sensor && i % faces != unit % faces)) continue;
        if (*mark_of(s, kind, i) == 0 && is_well(s, p, kind, i)) return true;
    }
    return false;
}

struct Reports {
    EventId excluded;
    EventId readmitted;
};
constexpr std::array<Reports, unit_kind_count> reports = {{
    {EventId::gyro_excluded, EventId::gyro_readmitted},
    {EventId::tracker_excluded, EventId::tracker_readmitted},
    {EventId::magnetometer_excluded, EventId::magnetometer_readmitted},
    {EventId::gps_excluded, EventId::gps_readmitted},
    {EventId::sun_sensor_excluded, EventId::sun_sensor_readmitted},
    {EventId::wheel_excluded, EventId::wheel_readmitted},
    {EventId::array_drive_lost, EventId::array_drive_recovered},
}};

void report(const AutonomyState& s, UnitKind kind, std::size_t unit, bool excluded, EventList& events) {
    const Reports& report = reports[static_cast<std::size_t>(kind)];
    const auto number = static_cast<double>(unit);
    constexpr auto commanded = static_cast<double>(Exclusion::commanded);
    if (kind == UnitKind::array_drive) {
        events.add(excluded ? report.excluded : report.readmitted, s.array_drive.angle_rad,
                   s.array_drive.angle_rad);
    } else if (kind == UnitKind::wheel) {
        const double speed = s.wheels.speed_rad_s[unit];
        if (excluded) {
            events.add(report.excluded, number, speed, s.wheels.expected_rad_s[unit], commanded);
        } else {
            events.add(report.readmitted, number, speed);
        }
    } else if (excluded) {
        events.add(report.excluded, number, commanded);
    } else {
        events.add(report.readmitted, number);
    }
}

}  // namespace

void end_retests(AutonomyState& state) {
    if (state.overrides.retested == 0) return;
    for (std::size_t k = 0; k < unit_kind_count; ++k) {
        const auto kind = static_cast<UnitKind>(k);
        for (std::size_t i = 0; i < unit_bits[k].count; ++i) {
            if (*mark_of(state, kind, i) == 0) state.overrides.retested &= ~unit_bit(kind, i);
        }
    }
}

OverrideAnswer override_unit(AutonomyState& state, const Parameters& p, UnitKind kind, std::uint8_t unit,
                             UnitOverride to, bool autonomous, EventList& events) {
    if (static_cast<std::uint8_t>(kind) >= unit_kind_count ||
        unit >= unit_bits[static_cast<std::size_t>(kind)].count) {
        return OverrideAnswer::unit_unknown;
    }
    const std::uint32_t bit = unit_bit(kind, unit);
    std::uint32_t& excluded = *mark_of(state, kind, unit);
    if (to == UnitOverride::exclude && excluded == 0 && !leaves_a_good_one(state, p, kind, unit)) {
        return OverrideAnswer::last_good;
    }
    state.overrides.excluded &= ~bit;
    state.overrides.readmitted &= ~bit;
    state.overrides.retested &= ~bit;
    if (to == UnitOverride::exclude) state.overrides.excluded |= bit;
    if (to == UnitOverride::readmit) state.overrides.readmitted |= bit;
    if (to == UnitOverride::retest && excluded != 0) {
        state.overrides.retested |= bit;
        // A wheel is tried at once.
        if (kind == UnitKind::wheel)
            state.wheels.excluded_s[unit] = greatest(p.wheel_retest_s - p.control_period_s, 0.0);
    }
    events.add(EventId::unit_override_set, static_cast<double>(kind), static_cast<double>(unit),
               static_cast<double>(to));
    const UnitCustody custody = custody_of(state.overrides, autonomous);
    const std::uint32_t before = excluded;
    if (custody.out(kind, unit)) excluded = 1;
    if (custody.in(kind, unit)) excluded = 0;
    if (excluded < before && kind == UnitKind::wheel) {
        // The expectation begins anew where the wheel is.
        state.wheels.doubt_s[unit] = 0.0;
        state.wheels.expected_rad_s[unit] = state.wheels.speed_rad_s[unit];
    }
    if (excluded != before) report(state, kind, unit, before == 0, events);
    return OverrideAnswer::done;
}

}  // namespace safehold
