// The torquers: B-dot, unloading of the wheels, and Sun pointing without wheels.
//
// Purpose: a cycle of five ticks shares the time between torquers (0, 1, 2) and magnetometers, which the
// torquers blind. B-dot takes the field's change between the clean samples; unloading and pointing use the
// part of the wanted torque that is normal to the field. Rate: a new dipole each cycle. Units A m2, T, N m.
// Meets L1.1.
#pragma once

#include <cstdint>

#include "safehold/gnc/sensors.hpp"

namespace safehold {

struct Magnetics {
    Vector field_previous_t;  // the clean sample before the last one
    Vector field_rate_t_s;    // in body axes
    Vector dipole_a_m2;       // commanded while torquing
    Vector dipole_sent_a_m2;  // commanded in the last tick
    double since_sample_s;
    std::uint32_t samples;  // clean samples on end, at most 2
    std::uint32_t unloading;
};
static_assert(sizeof(Magnetics) == 4 * 24 + 16);

void magnetics_init(Magnetics& state);
// Follows the field; to be called every tick before the laws below.
void magnetics_observe(Magnetics& state, const Parameters& parameters, const Measurements& measured);

// The laws set the dipole; `sequence` decides whether it is sent in this tick.
void magnetics_bdot(Magnetics& state, const Parameters& parameters);
void magnetics_unload(Magnetics& state, const Parameters& parameters, Vector field_body_t,
                      Vector momentum_body_n_m_s, EventList& events);
void magnetics_torque(Magnetics& state, Vector field_body_t, Vector torque_body_n_m);
void magnetics_idle(Magnetics& state);
void magnetics_send(Magnetics& state, std::uint32_t sequence);

// The torque of the dipole that is being sent.
[[nodiscard]] Vector magnetic_torque_body(const Magnetics& state, Vector field_body_t);

}  // namespace safehold
