// Secret keys on their way from Python to a flight computer.
#pragma once

#include "bind.hpp"

namespace safehold::bindings {

// keys: SecretKeys of Python, or None. Throws value_error if telemetry is to be protected and has no key.
void load_keys(host::HostedComputer& flight, const py::object& keys);

}  // namespace safehold::bindings
