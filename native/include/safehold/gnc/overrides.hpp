// The ground's word on a unit: leave it out, keep it in, let the monitors decide, or have it prove itself.
//
// Purpose: executes the telecommand set_unit_health. An exclusion that would leave no good unit of the kind
// is refused, because a command may be mistaken about which one is broken. Rate: on command. Meets L1.3,
// L6.1.
#pragma once

#include <cstdint>

#include "safehold/gnc/autonomy.hpp"

namespace safehold {

enum class OverrideAnswer : std::uint8_t {
    done = 0,
    unit_unknown = 1,
    last_good = 2,
};

// Ends the retests of units that are in use again.
void end_retests(AutonomyState& state);

// `autonomous`: whether the monitors decide about units that are left to them; otherwise those are in use.
[[nodiscard]] OverrideAnswer override_unit(AutonomyState& state, const Parameters& parameters, UnitKind kind,
                                           std::uint8_t unit, UnitOverride to, bool autonomous,
                                           EventList& events);

}  // namespace safehold
