// Units under the ground's word, and the flight core with its fault rules switched off: what it then does not
// do, what it still does, and that the switch leaves no trace while nothing is wrong.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>

#include "safehold/gnc/overrides.hpp"
#include "test_plant.hpp"

using namespace safehold;
using tests::Loop;

namespace {

constexpr double degree = pi / 180.0;

std::unique_ptr<Loop> in_standby(bool autonomous) {
    auto loop = std::make_unique<Loop>(Vector{0.1 * degree, 0.2 * degree, -0.2 * degree}, 3);
    loop->autonomous = autonomous;
    loop->plant.charge = 0.95;
    REQUIRE(loop->until(Mode::standby, 3000.0));
    loop->run(400.0);
    REQUIRE(loop->pointing_error_deg() < 0.5);
    return loop;
}

OverrideAnswer order(Loop& loop, UnitKind kind, std::uint8_t unit, UnitOverride to) {
    EventList events{};
    return override_unit(loop.state, loop.parameters, kind, unit, to, loop.autonomous, events);
}

}  // namespace

TEST_CASE("without a fault the switch changes no octet of the state [S5]") {
    auto with = in_standby(true);
    auto without = in_standby(false);
    with->run(600.0);
    without->run(600.0);
    CHECK(std::memcmp(&with->state, &without->state, sizeof with->state) == 0);
    CHECK(std::memcmp(&with->telemetry, &without->telemetry, sizeof with->telemetry) == 0);
    CHECK(std::memcmp(&with->actuators, &without->actuators, sizeof with->actuators) == 0);
}

TEST_CASE("without autonomy a seized wheel stays in use until the ground excludes it [S5]") {
    auto loop = in_standby(false);
    loop->plant.faults.wheel_seized[1] = true;
    loop->run(200.0);
    CHECK(loop->telemetry.wheel_health == 15);
    CHECK(loop->seen(EventId::wheel_excluded) == 0);
    CHECK(loop->state.wheels.doubt_s[1] >
          loop->parameters.wheel_fault_s);  // the monitor sees it all the same
    CHECK(loop->pointing_error_deg() > 1.0);
    CHECK(order(*loop, UnitKind::wheel, 1, UnitOverride::exclude) == OverrideAnswer::done);
    loop->run(120.0);
    CHECK(loop->telemetry.wheel_health == 0b1101);
    CHECK(loop->telemetry.units_held_out == unit_bit(UnitKind::wheel, 1));
    CHECK(loop->pointing_error_deg() < 0.5);
    // Well again or not: no trial brings it back while the ground keeps it out.
    loop->plant.faults.wheel_seized[1] = false;
    loop->run(1200.0);
    CHECK(loop->telemetry.wheel_health == 0b1101);
    CHECK(order(*loop, UnitKind::wheel, 1, UnitOverride::automatic) == OverrideAnswer::done);
    loop->run(60.0);
    CHECK(loop->telemetry.wheel_health == 15);
    CHECK(loop->pointing_error_deg() < 0.5);
}

TEST_CASE("without autonomy one bad gyro is still outvoted, and not excluded") {
    auto loop = in_standby(false);
    loop->plant.faults.gyro_bias_rad_s[1] = 0.5 * degree;
    for (int k = 0; k < 1200; ++k) {
        loop->step();
        REQUIRE(loop->pointing_error_deg() < 0.5);
    }
    CHECK(loop->telemetry.gyro_health == 15);
    CHECK(loop->state.sensors.gyro[1].bad > 1000);
    CHECK(order(*loop, UnitKind::gyro, 1, UnitOverride::exclude) == OverrideAnswer::done);
    loop->run(1.0);
    CHECK(loop->telemetry.gyro_health == 0b1101);
}

TEST_CASE("the ground's word holds with autonomy too, until it is taken back") {
    auto loop = in_standby(true);
    CHECK(order(*loop, UnitKind::gyro, 2, UnitOverride::exclude) == OverrideAnswer::done);
    loop->run(300.0);
    CHECK(loop->telemetry.gyro_health == 0b1011);  // a good unit stays out
    CHECK(order(*loop, UnitKind::gyro, 2, UnitOverride::readmit) == OverrideAnswer::done);
    loop->plant.faults.gyro_bias_rad_s[2] = 0.5 * degree;
    loop->run(60.0);
    CHECK(loop->telemetry.gyro_health == 15);  // and a bad one in
    CHECK(order(*loop, UnitKind::gyro, 2, UnitOverride::automatic) == OverrideAnswer::done);
    loop->run(10.0);
    CHECK(loop->telemetry.gyro_health == 0b1011);  // the monitor decides again
    CHECK(loop->telemetry.units_held_out == 0);
    CHECK(loop->telemetry.units_held_in == 0);
}

TEST_CASE("the last good unit of a kind is not excluded, whichever the ground believes broken [L1.3]") {
    auto loop = in_standby(true);
    CHECK(order(*loop, UnitKind::tracker, 0, UnitOverride::exclude) == OverrideAnswer::done);
    CHECK(order(*loop, UnitKind::tracker, 1, UnitOverride::exclude) == OverrideAnswer::last_good);
    loop->run(5.0);
    CHECK(loop->telemetry.tracker_health == 0b10);
    // Three gyros that their monitors find bad: the fourth is the one that must not go.
    loop->plant.faults.gyro_stuck = {true, true, true, false};
    loop->run(5.0);
    REQUIRE(loop->telemetry.gyro_health == 0b1000);
    CHECK(order(*loop, UnitKind::gyro, 0, UnitOverride::readmit) == OverrideAnswer::done);
    CHECK(order(*loop, UnitKind::gyro, 3, UnitOverride::exclude) == OverrideAnswer::last_good);
    // To exclude what is out already takes nothing away.
    CHECK(order(*loop, UnitKind::gyro, 1, UnitOverride::exclude) == OverrideAnswer::done);
    // Of the Sun sensors the other one of the face counts, not the other eleven.
    CHECK(order(*loop, UnitKind::sun_sensor, 2, UnitOverride::exclude) == OverrideAnswer::done);
    CHECK(order(*loop, UnitKind::sun_sensor, 8, UnitOverride::exclude) == OverrideAnswer::last_good);
    CHECK(order(*loop, UnitKind::sun_sensor, 3, UnitOverride::exclude) == OverrideAnswer::done);
}

TEST_CASE("units that there are not are refused") {
    auto loop = std::make_unique<Loop>(Vector{});
    const AutonomyState before = loop->state;
    CHECK(order(*loop, UnitKind::tracker, 2, UnitOverride::exclude) == OverrideAnswer::unit_unknown);
    CHECK(order(*loop, UnitKind::array_drive, 1, UnitOverride::readmit) == OverrideAnswer::unit_unknown);
    CHECK(order(*loop, static_cast<UnitKind>(7), 0, UnitOverride::exclude) == OverrideAnswer::unit_unknown);
    CHECK(std::memcmp(&before, &loop->state, sizeof before) == 0);
}

TEST_CASE("SAFE turns the array where the ground says that it stands to the Sun") {
    auto loop = std::make_unique<Loop>(Vector{});
    CHECK(order(*loop, UnitKind::array_drive, 0, UnitOverride::exclude) == OverrideAnswer::done);
    loop->run(1.0);
    CHECK(loop->telemetry.array_drive_lost == 1);
    CHECK(order(*loop, UnitKind::array_drive, 0, UnitOverride::automatic) == OverrideAnswer::done);
    CHECK(order(*loop, UnitKind::array_drive, 0, UnitOverride::readmit) == OverrideAnswer::done);
    loop->run(1.0);
    CHECK(loop->telemetry.array_drive_lost == 0);
}

TEST_CASE("an excluded wheel proves itself by a trial that the ground orders, or stays out [S5]") {
    auto loop = in_standby(false);
    loop->plant.faults.wheel_seized[3] = true;
    CHECK(order(*loop, UnitKind::wheel, 3, UnitOverride::exclude) == OverrideAnswer::done);
    loop->run(60.0);
    CHECK(order(*loop, UnitKind::wheel, 3, UnitOverride::retest) == OverrideAnswer::done);
    loop->run(60.0);
    CHECK(loop->telemetry.wheel_health == 0b0111);
    CHECK(loop->telemetry.units_retested == unit_bit(UnitKind::wheel, 3));
    CHECK(loop->pointing_error_deg() < 0.5);
    loop->plant.faults.wheel_seized[3] = false;
    CHECK(order(*loop, UnitKind::wheel, 3, UnitOverride::retest) == OverrideAnswer::done);
    loop->run(10.0);
    CHECK(loop->telemetry.wheel_health == 15);
    CHECK(loop->telemetry.units_retested == 0);
    // Back in use, it is no longer its monitor's.
    loop->plant.faults.wheel_seized[3] = true;
    loop->run(60.0);
    CHECK(loop->telemetry.wheel_health == 15);
}

TEST_CASE("an excluded gyro that agrees again ends its retest by itself; one in use has nothing to prove") {
    auto loop = in_standby(false);
    CHECK(order(*loop, UnitKind::gyro, 0, UnitOverride::retest) == OverrideAnswer::done);
    CHECK(loop->state.overrides.retested == 0);
    CHECK(order(*loop, UnitKind::gyro, 0, UnitOverride::exclude) == OverrideAnswer::done);
    loop->plant.faults.gyro_bias_rad_s[0] = 0.5 * degree;
    loop->run(30.0);
    CHECK(order(*loop, UnitKind::gyro, 0, UnitOverride::retest) == OverrideAnswer::done);
    loop->run(120.0);
    CHECK(loop->telemetry.gyro_health == 0b1110);
    loop->plant.faults = {};
    loop->run(120.0);
    CHECK(loop->telemetry.gyro_health == 15);
    CHECK(loop->telemetry.units_retested == 0);
}
