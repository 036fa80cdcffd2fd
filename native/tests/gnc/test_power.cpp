// The forecast of the charge against a step-by-step count over the same orbit and shadow, and the
// thermostats.
#include <doctest/doctest.h>

#include <cmath>

#include "safehold/gnc/power.hpp"

using namespace safehold;

namespace {

OrbitEstimate circular(double angle_rad) {
    const double radius = 6.928e6;
    const double speed = std::sqrt(3.986004418e14 / radius);
    const double c = std::cos(angle_rad);
    const double s = std::sin(angle_rad);
    return {{radius * c, 0.0, radius * s}, {-speed * s, 0.0, speed * c}, true};
}

// Counts second by second until the end of the present or the next shadow.
double counted(double charge, double angle_rad, Vector sun, const Parameters& p) {
    const double n = std::sqrt(3.986004418e14 / std::pow(6.928e6, 3));
    bool was_dark = false;
    for (int s = 0; s < 12000; ++s) {
        const bool dark = in_shadow(circular(angle_rad + n * s).position_gcrf_m, sun);
        if (was_dark && !dark) return charge;
        was_dark = dark;
        charge += (dark ? -p.load_standby_w : p.charge_power_w) / (3600.0 * p.battery_capacity_wh);
        charge = std::fmin(charge, 1.0);
    }
    return charge;
}

}  // namespace

TEST_CASE("the forecast equals a count over the orbit [L1.4]") {
    const Parameters p = parameters_default;
    for (const double beta : {0.0, 0.3, -0.7, 1.0}) {
        const Vector sun = {std::cos(beta), std::sin(beta), 0.0};
        for (int k = 0; k < 24; ++k) {
            CAPTURE(beta);
            CAPTURE(k);
            PowerControl state{};
            power_init(state);
            state.charge = 0.6;
            const double angle = 2.0 * pi * k / 24.0 + 0.01;
            power_forecast(state, p, circular(angle), sun);
            CHECK(std::fabs(state.forecast - counted(0.6, angle, sun, p)) < 2e-3);
        }
    }
}

TEST_CASE("without an eclipse the forecast is the charge, without an orbit there is none [L1.4]") {
    PowerControl state{};
    power_init(state);
    state.charge = 0.6;
    power_forecast(state, parameters_default, circular(1.0), {0.1, std::sqrt(0.99), 0.0});
    CHECK(state.forecast == 0.6);
    power_forecast(state, parameters_default, {{7e6, 0, 0}, {0, 0, 7.5e3}, false}, {1.0, 0.0, 0.0});
    CHECK(state.forecast == -1.0);
}

TEST_CASE("heaters follow their thermometers with hysteresis, and a broken one changes nothing [L4.3]") {
    PowerControl state{};
    power_init(state);
    EventList events{};
    SensorFrame frame{};
    for (float& t : frame.temperature_k)
        t = 290.0F;
    CHECK(power_heaters(state, Mode::standby, frame, events) == 0);
    frame.temperature_k[1] = 277.0F;
    CHECK(power_heaters(state, Mode::standby, frame, events) == 1);
    frame.temperature_k[1] = 280.0F;
    CHECK(power_heaters(state, Mode::standby, frame, events) == 1);
    frame.temperature_k[1] = NAN;
    CHECK(power_heaters(state, Mode::standby, frame, events) == 1);
    frame.temperature_k[1] = 282.0F;
    CHECK(power_heaters(state, Mode::standby, frame, events) == 0);
    for (float& t : frame.temperature_k)
        t = 250.0F;
    CHECK(power_heaters(state, Mode::standby, frame, events) == 15);
    CHECK(power_heaters(state, Mode::survival, frame, events) == 1);  // only the battery's
}
