// Recordings of flight inputs for Python: replay, and the sensor frames as an array.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "safehold/host/flight_cost.hpp"
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

py::list flight_cost(const py::object& path, std::uint64_t block_ticks) {
    const auto name = py::str(path).cast<std::string>();
    std::vector<host::FlightCost> costs;
    {
        const py::gil_scoped_release release;
        costs = host::flight_cost(name, block_ticks);
    }
    py::list found;
    for (const host::FlightCost& cost : costs) {
        py::dict row;
        row["first_tick"] = cost.first_tick;
        row["ticks"] = cost.ticks;
        row["bare_ns"] = cost.bare;
        row["stores_ns"] = cost.stores;
        row["black_box_ns"] = cost.black_box;
        row["quiet"] = cost.quiet;
        found.append(row);
    }
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
    module.def("flight_cost", &flight_cost, py::arg("path"), py::arg("block_ticks"));
    module.def("recorded_sensor_frames", &recorded_sensor_frames, py::arg("path"));
}

}  // namespace safehold::bindings
