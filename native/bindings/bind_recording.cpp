// Recordings of flight inputs for Python: replay, and the sensor frames as an array.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "safehold/host/recording.hpp"
#include "safehold/host/replay.hpp"

namespace safehold::bindings {
namespace {

py::dict replay(const py::object& path) {
    const auto name = py::str(path).cast<std::string>();
    host::Replay result;
    {
        const py::gil_scoped_release release;
        result = host::replay(name);
    }
    py::dict found;
    found["ticks"] = result.ticks;
    found["flight"] = host::to_hex(result.digest);
    found["equal"] = result.start_is_equal && result.digest_is_equal;
    return found;
}

py::array_t<std::uint8_t> recorded_sensor_frames(const py::object& path) {
    host::Recording recording(py::str(path).cast<std::string>());
    std::vector<std::uint8_t> octets;
    host::TickInput input;
    while (recording.next(input)) {
        const auto* at = reinterpret_cast<const std::uint8_t*>(&input.sensor);
        octets.insert(octets.end(), at, at + sizeof input.sensor);
    }
    py::array_t<std::uint8_t> frames({octets.size() / sizeof(SensorFrame), sizeof(SensorFrame)});
    if (!octets.empty()) std::memcpy(frames.mutable_data(), octets.data(), octets.size());
    return frames;
}

}  // namespace

void bind_recording(py::module_& module) {
    module.def("replay", &replay, py::arg("path"));
    module.def("recorded_sensor_frames", &recorded_sensor_frames, py::arg("path"));
}

}  // namespace safehold::bindings
