// The two ends of a flight computer in another process, for Python.
#include <pybind11/stl.h>

#include "bind.hpp"
#include "safehold/host/remote_flight.hpp"

namespace safehold::bindings {

using host::FlightStation;
using host::RemoteFlight;

std::shared_ptr<py::function> keep(py::function function) {
    // The last reference may go without the interpreter's lock: it is taken for that as well.
    return {new py::function(std::move(function)), [](py::function* kept) {
                const py::gil_scoped_acquire acquire;
                delete kept;
            }};
}

host::Stores::Camera to_camera(py::function take) {
    return [kept = keep(std::move(take))](std::uint32_t file, std::uint32_t exposure_ms) {
        const py::gil_scoped_acquire acquire;
        const std::string octets = py::cast<py::bytes>((*kept)(file, exposure_ms));
        return std::vector<std::uint8_t>(octets.begin(), octets.end());
    };
}

namespace {

RemoteFlight::Exchange to_exchange(py::function function) {
    return [kept = keep(std::move(function))](const char* kind, const RemoteFlight::Octets& request) {
        const py::gil_scoped_acquire acquire;
        return from_buffer((*kept)(py::bytes(kind), to_bytes(request.data(), request.size())));
    };
}

py::bytes bytes_of(const std::vector<std::uint8_t>& octets) {
    return to_bytes(octets.data(), octets.size());
}

}  // namespace

void bind_flight(py::module_& module) {
    py::class_<RemoteFlight, std::shared_ptr<RemoteFlight>>(
        module, "RemoteFlight", "A flight computer in another process, as a driver sees it.")
        .def(py::init([](py::function exchange, std::uint32_t replicas) {
                 return std::make_shared<RemoteFlight>(to_exchange(std::move(exchange)), replicas);
             }),
             py::arg("exchange"), py::arg("replicas"));
    py::class_<FlightStation>(module, "FlightStation", "A flight computer that answers a driver elsewhere.")
        .def(py::init<host::HostedComputer&, std::int64_t>(), py::arg("computer"), py::arg("tick_ns"),
             py::keep_alive<1, 2>())
        .def(
            "set_camera",
            [](FlightStation& station, py::function take) {
                station.computer().stores().camera = to_camera(std::move(take));
            },
            py::arg("take"))
        .def(
            "tick",
            [](FlightStation& station, const py::buffer& request) {
                const auto octets = from_buffer(request);
                std::vector<std::uint8_t> reply;
                {
                    const py::gil_scoped_release release;
                    reply = station.tick(octets.data(), octets.size());
                }
                return bytes_of(reply);
            },
            py::arg("request"))
        .def("last", [](const FlightStation& station) { return bytes_of(station.last()); })
        .def("digest",
             [](const FlightStation& station) {
                 const host::Digest digest = station.digest();
                 return to_bytes(digest.data(), digest.size());
             })
        .def("save", [](const FlightStation& station) { return bytes_of(station.save()); })
        .def(
            "load",
            [](FlightStation& station, const py::buffer& state) {
                const auto octets = from_buffer(state);
                station.load(octets.data(), octets.size());
            },
            py::arg("state"));
}

}  // namespace safehold::bindings
