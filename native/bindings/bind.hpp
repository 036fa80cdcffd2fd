// What the binding files share: registration, and frames to and from Python's bytes.
#pragma once

#include <pybind11/pybind11.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "safehold/dictionary.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::bindings {

namespace py = pybind11;

void bind_digest(py::module_& module);
void bind_keys(py::module_& module);
void bind_computer(py::module_& module);
void bind_driver(py::module_& module);
void bind_flight(py::module_& module);
void bind_recording(py::module_& module);
void bind_files(py::module_& module);
void bind_black_box(py::module_& module);
void bind_batches(py::module_& module);

// A Python function that may be called and dropped without the interpreter's lock.
[[nodiscard]] std::shared_ptr<py::function> keep(py::function function);
[[nodiscard]] host::Stores::Camera to_camera(py::function take);

// The telemetry parameters by name.
[[nodiscard]] py::dict telemetry_dict(const Telemetry& telemetry);

inline py::bytes to_bytes(const void* octets, std::size_t count) {
    return {static_cast<const char*>(octets), count};
}

// The octets of a contiguous buffer (bytes, bytearray, NumPy array).
inline std::vector<std::uint8_t> from_buffer(const py::buffer& buffer) {
    const py::buffer_info info = buffer.request();
    const auto octets = static_cast<std::size_t>(info.size * info.itemsize);
    Py_buffer view;
    if (PyObject_GetBuffer(buffer.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    const auto* at = static_cast<const std::uint8_t*>(view.buf);
    std::vector<std::uint8_t> copy(at, at + octets);
    PyBuffer_Release(&view);
    return copy;
}

inline SensorFrame to_sensor(const py::buffer& buffer) {
    const std::vector<std::uint8_t> octets = from_buffer(buffer);
    if (octets.size() != sizeof(SensorFrame)) {
        throw py::value_error("a sensor frame has " + std::to_string(sizeof(SensorFrame)) + " octets, not " +
                              std::to_string(octets.size()));
    }
    SensorFrame frame;
    std::memcpy(&frame, octets.data(), sizeof frame);
    return frame;
}

inline std::vector<std::vector<std::uint8_t>> to_uplink(const py::iterable& frames) {
    std::vector<std::vector<std::uint8_t>> uplink;
    for (const py::handle frame : frames)
        uplink.push_back(from_buffer(py::reinterpret_borrow<py::buffer>(frame)));
    return uplink;
}

}  // namespace safehold::bindings
