// Sensor frames for tests: a slow tumble with small, repeatable noise; nothing random between runs.
#pragma once

#include <cstdint>
#include <memory>

#include "safehold/computer/flight_computer.hpp"

namespace safehold::tests {

inline double noise(std::uint64_t tick, std::uint64_t index) {
    std::uint64_t x = tick * 0x9E3779B97F4A7C15ULL + index * 0xBF58476D1CE4E5B9ULL + 1;
    x ^= x >> 31;
    x *= 0x94D049BB133111EBULL;
    x ^= x >> 29;
    return static_cast<double>(x >> 11) * 0x1p-53 - 0.5;
}

inline SensorFrame sensor_frame(std::uint64_t tick) {
    SensorFrame frame{};
    frame.clock_ns = static_cast<std::int64_t>(tick) * 100'000'000;
    for (std::size_t unit = 0; unit < 4; ++unit) {
        for (std::size_t axis = 0; axis < 3; ++axis) {
            frame.gyro_rate_body_rad_s[unit][axis] = static_cast<float>(
                0.02 * static_cast<double>(axis) - 0.01 + 1e-4 * noise(tick, unit * 3 + axis));
        }
    }
    for (std::size_t unit = 0; unit < 3; ++unit) {
        frame.magnetometer_body_t[unit] = {2e-5F, static_cast<float>(1e-5 + 1e-7 * noise(tick, 20 + unit)),
                                           -3e-5F};
    }
    for (std::size_t face = 0; face < 12; face += 6)
        frame.sun_sensor[face] = 0.9F;
    for (float& temperature : frame.temperature_k)
        temperature = 290.0F;
    frame.bus_voltage_v = 28.0F;
    frame.battery_charge_fraction = 0.8F;
    frame.valid = 0b1'0001'1100'1111;  // gyros, magnetometers, Sun sensors
    frame.sequence = static_cast<std::uint32_t>(tick);
    frame.separation_switches = 7;
    frame.switch_status = 3;
    return frame;
}

inline computer::ComputerConfig config(std::uint32_t replicas = 3, std::uint32_t resync = 1) {
    computer::ComputerConfig result{};
    result.parameters = parameters_default;
    result.parameters.radio_silence_s = 0.0;
    result.tick_ns = 100'000'000;
    result.replicas = replicas;
    result.resync = resync;
    result.persistence = 3;
    result.autonomy = 1;
    return result;
}

// On the heap: a computer is about a hundred kilobytes.
inline std::unique_ptr<computer::FlightComputer> make_computer(std::uint32_t replicas = 3,
                                                               std::uint32_t resync = 1) {
    return std::make_unique<computer::FlightComputer>(config(replicas, resync));
}

inline void run(computer::FlightComputer& flight, std::uint64_t from, std::uint64_t until) {
    for (std::uint64_t tick = from; tick < until; ++tick)
        flight.step(sensor_frame(tick));
}

}  // namespace safehold::tests
