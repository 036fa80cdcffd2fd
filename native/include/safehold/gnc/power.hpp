// Charge, switches, heaters and transmitters.
//
// Purpose: charge limits with persistence, the switches that a mode needs, heaters by thermostat, and the
// transmitter that radiates while a receiver is locked, within radio silence and a carrier time-out. Rate:
// every tick. Meets L1.3, L3.5, L4.1, L4.3.
#pragma once

#include <array>
#include <cstdint>

#include "safehold/gnc/mode.hpp"
#include "safehold/gnc/orbit_filter.hpp"
#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct PowerControl {
    double charge;  // last good value
    double charge_age_s;
    double forecast;  // charge at the end of this or the next eclipse; -1 if unknown
    double low_s;     // persistence of the three limits
    double critical_s;
    double recovered_s;
    double voltage_low_s;
    double lock_age_s;   // since a receiver was locked
    double radiating_s;  // on end
    std::uint32_t low;
    std::uint32_t critical;
    std::uint32_t heaters;
    std::uint32_t transmitting;
    std::uint32_t radiated_out;  // 1 after a carrier time-out, until the receiver is released
    std::uint32_t switches;      // commanded in the last tick
};
static_assert(sizeof(PowerControl) == 72 + 24);

void power_init(PowerControl& state);
// Follows charge, voltage, receiver lock.
void power_observe(PowerControl& state, const Parameters& parameters, const SensorFrame& frame,
                   const Measurements& measured, EventList& events);
// Forecasts the charge at the end of this or the next eclipse, were the load STANDBY's from now on.
void power_forecast(PowerControl& state, const Parameters& parameters, const OrbitEstimate& orbit,
                    Vector sun_gcrf);
[[nodiscard]] std::uint16_t power_switches(PowerControl& state, Mode mode, bool wheels, bool navigation,
                                           bool payload, EventList& events);
[[nodiscard]] std::uint8_t power_heaters(PowerControl& state, Mode mode, const SensorFrame& frame,
                                         EventList& events);
[[nodiscard]] std::uint8_t power_transmitter(PowerControl& state, const Parameters& parameters, bool silence,
                                             EventList& events);

}  // namespace safehold
