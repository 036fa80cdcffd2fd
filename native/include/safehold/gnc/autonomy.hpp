// The autonomy: from a sensor frame to an actuator frame, with nobody in the loop.
//
// Purpose: one pure step of guidance, navigation, control and modes. Rate: every control tick. Inputs:
// settings, sensor frame, mode request. Outputs: actuator frame, telemetry values, events with reasons. SI,
// radians, body axes unless named otherwise. Work is bounded, nothing is allocated, NaN is never stored.
// Meets L1.1, L1.3, L3.4, L3.5, L6.1.
//
// Order of a step: time -> sensors -> almanac and orbit -> unit followers -> Sun sense -> attitude -> modes
// -> control -> outputs -> telemetry.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "safehold/computer/interface.hpp"
#include "safehold/gnc/almanac.hpp"
#include "safehold/gnc/array_drive.hpp"
#include "safehold/gnc/attitude_filter.hpp"
#include "safehold/gnc/clock.hpp"
#include "safehold/gnc/contacts.hpp"
#include "safehold/gnc/deployment.hpp"
#include "safehold/gnc/guidance.hpp"
#include "safehold/gnc/magnetics.hpp"
#include "safehold/gnc/modes.hpp"
#include "safehold/gnc/orbit_filter.hpp"
#include "safehold/gnc/power.hpp"
#include "safehold/gnc/sensors.hpp"
#include "safehold/gnc/sun_sense.hpp"
#include "safehold/gnc/tracker_rate.hpp"
#include "safehold/gnc/units.hpp"
#include "safehold/gnc/wheels.hpp"

namespace safehold {

struct AutonomyState {
    OnBoardClock clock;
    SensorVoting sensors;
    Almanac almanac;
    OrbitFilter orbit;
    TrackerRate tracker_rate;
    AttitudeFilter attitude;
    SunSense sun;
    WheelSet wheels;
    Magnetics magnetics;
    ArrayDrive array_drive;
    Deployment deployment;
    PowerControl power;
    Guidance guidance;
    ModeLogic modes;
    UnitOverrides overrides;
    ContactPlan contacts;
};
static_assert(sizeof(AutonomyState) ==
              sizeof(OnBoardClock) + sizeof(SensorVoting) + sizeof(Almanac) + sizeof(OrbitFilter) +
                  sizeof(TrackerRate) + sizeof(AttitudeFilter) + sizeof(SunSense) + sizeof(WheelSet) +
                  sizeof(Magnetics) + sizeof(ArrayDrive) + sizeof(Deployment) + sizeof(PowerControl) +
                  sizeof(Guidance) + sizeof(ModeLogic) + sizeof(UnitOverrides) + sizeof(ContactPlan));
static_assert(std::is_trivially_copyable_v<AutonomyState> && sizeof(AutonomyState) % 8 == 0);

// What the satellite believes of its attitude, for comparison with truth: valid, quaternion body from GCRF,
// covariance of the attitude error in body axes (00, 01, 02, 11, 12, 22; rad^2), gyro bias (rad/s), two
// spares.
using Belief = std::array<double, 16>;

void autonomy_init(AutonomyState& state, const Parameters& parameters);
// What the autonomy has to know about a reset that it came back from with the state that was persisted.
struct Restart {
    double down_s;
    bool troubled;  // resets follow each other: fine pointing is not resumed
};
// Begins anew what depends on the time in between (attitude, followers, persistence of conditions) and goes
// on with what does not: clock, biases, orbit, excluded units, deployment, charge limits, mode, overrides.
void autonomy_restart(AutonomyState& state, const Parameters& parameters, const Restart& restart,
                      EventList& events);
// `autonomous`: whether monitors act and SAFE is left without the ground. It is not state, so that without a
// fault both ways leave the same octets.
void autonomy_step(AutonomyState& state, const Parameters& parameters, const SensorFrame& frame,
                   const ModeRequest& request, bool autonomous, ActuatorFrame& actuators,
                   Telemetry& telemetry, EventList& events);
// A slice of the search for the next contacts; every ten seconds is enough.
void autonomy_plan(AutonomyState& state, const Parameters& parameters);
// The units' own readings, for people on the ground; once a second is enough.
void report_units(const SensorFrame& frame, Telemetry& telemetry);
[[nodiscard]] Belief autonomy_belief(const AutonomyState& state, const Parameters& parameters);

}  // namespace safehold
