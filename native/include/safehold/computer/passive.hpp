// The actuator frame of a computer that drives nothing.
#pragma once

#include "safehold/dictionary.hpp"

namespace safehold::computer {

// Wheels zero, torquers and thrusters off, valve closed, nothing fired, no transmission; the switches and
// heaters stay as they were voted last, because an unpowered unit is no safer.
inline void make_passive(ActuatorFrame& actuator) {
    actuator.wheel_torque_n_m = {};
    actuator.torquer_dipole_body_a_m2 = {};
    actuator.thruster_on_s = {};
    actuator.array_rate_rad_s = 0.0F;
    actuator.attitude_command_body_from_gcrf = {};
    actuator.attitude_command_valid = 0;
    actuator.latch_valve_open = 0;
    actuator.deployment_fire = 0;
    actuator.transmitter_on = 0;
    actuator.submode = 0;
    actuator.slewing = 0;
}

}  // namespace safehold::computer
