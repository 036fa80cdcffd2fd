// BlackBoxReplay for Python.
#include <pybind11/stl.h>

#include "bind.hpp"
#include "safehold/host/black_box_replay.hpp"

namespace safehold::bindings {

void bind_black_box(py::module_& module) {
    using host::BlackBoxReplay;
    py::class_<BlackBoxReplay>(module, "BlackBoxReplay",
                               "What flew, computed again from a chunk of the black box.")
        .def(py::init([](const py::buffer& chunk, bool autonomy) {
                 return std::make_unique<BlackBoxReplay>(from_buffer(chunk), autonomy);
             }),
             py::arg("chunk"), py::arg("autonomy") = true)
        .def("step", &BlackBoxReplay::step)
        .def(
            "run",
            [](BlackBoxReplay& replay, std::uint64_t until_tick) {
                const py::gil_scoped_release release;
                while (replay.next_tick() < until_tick && replay.step()) {}
                return replay.next_tick();
            },
            py::arg("until_tick"))
        .def_property_readonly("first_tick", &BlackBoxReplay::first_tick)
        .def_property_readonly("next_tick", &BlackBoxReplay::next_tick)
        .def_property_readonly("tick_ns", &BlackBoxReplay::tick_ns)
        .def_property_readonly("checks_held", &BlackBoxReplay::checks_held)
        .def_property_readonly("checks_failed", &BlackBoxReplay::checks_failed)
        .def_property_readonly(
            "sensor_frame",
            [](const BlackBoxReplay& replay) { return to_bytes(&replay.sensor(), sizeof(SensorFrame)); })
        .def_property_readonly(
            "actuator_frame",
            [](const BlackBoxReplay& replay) { return to_bytes(&replay.actuator(), sizeof(ActuatorFrame)); })
        .def("control_bytes",
             [](const BlackBoxReplay& replay) {
                 return to_bytes(&replay.state().control, sizeof replay.state().control);
             })
        .def("telemetry",
             [](const BlackBoxReplay& replay) { return telemetry_dict(replay.state().account.telemetry); });
}

}  // namespace safehold::bindings
