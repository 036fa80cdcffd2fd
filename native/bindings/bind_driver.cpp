// Driver for Python.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>

#include "bind.hpp"
#include "safehold/host/block_pool.hpp"
#include "safehold/host/driver.hpp"
#include "safehold/host/remote_flight.hpp"

namespace safehold::bindings {
namespace {

using host::Comparison;
using host::Driver;
using host::Watch;

Comparison comparison(const std::string& op) {
    if (op == "<" || op == "below") return Comparison::below;
    if (op == ">" || op == "above") return Comparison::above;
    if (op == "==" || op == "equals") return Comparison::equals;
    if (op == "<=") return Comparison::at_most;
    if (op == ">=") return Comparison::at_least;
    throw py::value_error("a watch compares with <, <=, ==, >= or >, not " + op);
}

// A parameter's name, with [i] for an element of an array.
void watch_telemetry(Watch& watch, const std::string& quantity) {
    const std::size_t bracket = quantity.find('[');
    const std::string name = quantity.substr(0, bracket);
    std::uint32_t element = 0;
    if (bracket != std::string::npos) {
        const std::string digits = quantity.substr(bracket + 1, quantity.size() - bracket - 2);
        if (quantity.back() != ']' || digits.empty() || digits.size() > 4 ||
            digits.find_first_not_of("0123456789") != std::string::npos) {
            throw py::value_error("telemetry element " + quantity + " is not name[index]");
        }
        element = static_cast<std::uint32_t>(std::stoul(digits));
    }
    for (std::uint32_t i = 0; i < telemetry_entries.size(); ++i) {
        if (name != telemetry_entries[i].name) continue;
        watch.telemetry_entry = i;
        watch.telemetry_element = element;
        return;
    }
    throw py::value_error("there is no telemetry parameter " + name);
}

std::size_t add_watch(Driver& driver, const py::object& quantity, const std::string& op, double threshold,
                      std::uint32_t mode_mask, std::uint64_t from_tick, std::uint64_t until_tick,
                      std::uint64_t hold_ticks) {
    Watch watch;
    if (py::isinstance<py::str>(quantity)) {
        watch_telemetry(watch, quantity.cast<std::string>());
    } else {
        watch.column = quantity.cast<std::int64_t>();
        if (watch.column < 0) throw py::value_error("a truth column has an index from 0");
    }
    watch.comparison = comparison(op);
    watch.threshold = threshold;
    watch.modes = mode_mask;
    watch.from_tick = from_tick;
    watch.until_tick = until_tick;
    watch.hold_ticks = hold_ticks;
    return driver.add_watch(watch);
}

std::unique_ptr<Driver> drive(std::shared_ptr<host::FlightPort> flight, std::uintptr_t step,
                              std::uintptr_t truth, std::uintptr_t context, std::size_t truth_width,
                              std::int64_t tick_ns, const py::buffer& sensor_frame) {
    return std::make_unique<Driver>(
        std::move(flight), reinterpret_cast<host::PlantStep>(step), reinterpret_cast<host::PlantTruth>(truth),
        reinterpret_cast<void*>(context), truth_width, tick_ns, to_sensor(sensor_frame));
}

std::unique_ptr<Driver> make_driver(host::HostedComputer& computer, std::uintptr_t step, std::uintptr_t truth,
                                    std::uintptr_t context, std::size_t truth_width, std::int64_t tick_ns,
                                    const py::buffer& sensor_frame) {
    if (tick_ns <= 0) throw py::value_error("tick_ns must be positive");
    return drive(std::make_shared<host::LocalFlight>(computer, tick_ns), step, truth, context, truth_width,
                 tick_ns, sensor_frame);
}

py::bytes digest_bytes(const host::Digest& digest) {
    return to_bytes(digest.data(), digest.size());
}

py::list take_downlink(Driver& driver) {
    py::list frames;
    for (const host::DownlinkFrame& frame : driver.take_downlink()) {
        frames.append(py::make_tuple(frame.tick, to_bytes(frame.octets.data(), frame.octets.size())));
    }
    return frames;
}

py::list take_sights(Driver& driver) {
    py::list sights;
    for (const host::Sight& sight : driver.take_sights())
        sights.append(py::make_tuple(sight.tick, sight.row));
    return sights;
}

py::list take_events(Driver& driver) {
    py::list events;
    for (const host::VotedEvent& voted : driver.take_events()) {
        py::list arguments;
        for (std::size_t k = 0; k < voted.event.argument_count && k < event_arguments_max; ++k) {
            arguments.append(voted.event.arguments[k]);
        }
        events.append(py::make_tuple(voted.tick, voted.event.id, static_cast<unsigned>(voted.event.severity),
                                     py::tuple(arguments)));
    }
    return events;
}

py::array_t<double> take_truth(Driver& driver) {
    const std::vector<double>& rows = driver.truth();
    const std::size_t width = driver.truth_width() + 1;
    py::array_t<double> result({rows.size() / width, width});
    if (!rows.empty()) std::memcpy(result.mutable_data(), rows.data(), rows.size() * sizeof(double));
    driver.forget_truth();
    return result;
}

}  // namespace

void bind_driver(py::module_& module) {
    py::class_<Watch>(module, "Watch", "A condition and what was seen of it.")
        .def_readonly("evaluated", &Watch::evaluated)
        .def_readonly("met", &Watch::met)
        .def_readonly("undefined", &Watch::undefined)
        .def_readonly("first_tick", &Watch::first_tick)
        .def_readonly("first_unmet_tick", &Watch::first_unmet_tick)
        .def_readonly("last_unmet_tick", &Watch::last_unmet_tick)
        .def_readonly("longest_met_ticks", &Watch::longest_run)
        .def_readonly("held_tick", &Watch::first_held_tick)
        .def_readonly("value_min", &Watch::value_min)
        .def_readonly("value_max", &Watch::value_max)
        .def_readonly("value_last", &Watch::value_last);
    py::class_<host::BlockPool>(module, "BlockPool", "Blocks of mass memory by the SHA-256 of their octets.")
        .def(py::init<>())
        .def(
            "add",
            [](host::BlockPool& pool, const py::buffer& octets) {
                const auto content = std::make_shared<host::Content>(from_buffer(octets));
                pool.add(content);
                return digest_bytes(content->hash());
            },
            py::arg("octets"))
        .def("blocks",
             [](const host::BlockPool& pool) {
                 py::list found;
                 for (const auto& [hash, content] : pool.blocks())
                     found.append(to_bytes(content->octets().data(), content->octets().size()));
                 return found;
             })
        .def("__len__", [](const host::BlockPool& pool) { return pool.blocks().size(); });
    py::class_<Driver>(module, "Driver", "Plant, flight computer, digests and watches, tick after tick.")
        .def(py::init(&make_driver), py::arg("computer"), py::arg("plant_step_address"),
             py::arg("plant_truth_address"), py::arg("plant_context_address"), py::arg("truth_width"),
             py::arg("tick_ns"), py::arg("sensor_frame"), py::keep_alive<1, 2>())
        .def(py::init([](const std::shared_ptr<host::RemoteFlight>& flight, std::uintptr_t step,
                         std::uintptr_t truth, std::uintptr_t context, std::size_t truth_width,
                         std::int64_t tick_ns, const py::buffer& sensor_frame) {
                 return drive(flight, step, truth, context, truth_width, tick_ns, sensor_frame);
             }),
             py::arg("flight"), py::arg("plant_step_address"), py::arg("plant_truth_address"),
             py::arg("plant_context_address"), py::arg("truth_width"), py::arg("tick_ns"),
             py::arg("sensor_frame"))
        .def(
            "set_camera",
            [](Driver& driver, py::function take) { driver.set_camera(to_camera(std::move(take))); },
            py::arg("take"))
        .def(
            "run",
            [](Driver& driver, std::uint64_t until, const py::iterable& uplink) {
                auto frames = to_uplink(uplink);
                const py::gil_scoped_release release;
                return driver.run(until, std::move(frames));
            },
            py::arg("until_tick"), py::arg("uplink") = py::tuple())
        .def("downlink", &take_downlink)
        .def("sights", &take_sights)
        .def(
            "set_sight",
            [](Driver& driver, std::uintptr_t address, std::size_t width) {
                driver.set_sight(reinterpret_cast<host::PlantSight>(address), width);
            },
            py::arg("address"), py::arg("width"))
        .def_property("answered_channels", &Driver::answered, &Driver::set_answered)
        .def("events", &take_events)
        .def("truth_rows", &take_truth)
        .def("set_truth_interval", &Driver::set_truth_interval, py::arg("ticks"))
        .def(
            "set_plant_state",
            [](Driver& driver, std::uintptr_t address, std::size_t octets,
               std::optional<std::size_t> control_octets) {
                driver.set_plant_state(reinterpret_cast<const void*>(address), octets,
                                       control_octets.value_or(octets));
            },
            py::arg("address"), py::arg("octets"), py::arg("control_octets") = py::none())
        .def("add_watch", &add_watch, py::arg("quantity"), py::arg("op"), py::arg("threshold"),
             py::arg("mode_mask") = 0, py::arg("from_tick") = 0,
             py::arg("until_tick") = std::numeric_limits<std::uint64_t>::max(), py::arg("hold_ticks") = 1)
        .def("watches", [](const Driver& driver) { return driver.watches(); })
        .def(
            "schedule_flip",
            [](Driver& driver, std::uint64_t tick, std::uint32_t replica, std::uint32_t bit) {
                driver.schedule_flip({tick, replica, bit});
            },
            py::arg("tick"), py::arg("replica"), py::arg("bit"))
        .def(
            "schedule_reset",
            [](Driver& driver, std::uint64_t tick, std::int64_t down_ns) {
                driver.schedule_reset({tick, down_ns});
            },
            py::arg("tick"), py::arg("down_ns"))
        .def(
            "record_inputs",
            [](Driver& driver, const py::object& path) {
                driver.record_inputs(path.is_none() ? std::string() : py::str(path).cast<std::string>());
            },
            py::arg("path"))
        .def("digests",
             [](const Driver& driver) {
                 py::dict found;
                 found["plant"] = host::to_hex(driver.plant_digest());
                 found["flight"] = host::to_hex(driver.flight_digest());
                 return found;
             })
        .def("whole_hash", [](const Driver& driver) { return digest_bytes(driver.whole_hash()); })
        .def("control_hash", [](const Driver& driver) { return digest_bytes(driver.control_hash()); })
        .def(
            "state",
            [](const Driver& driver, host::BlockPool* pool) {
                const auto octets = driver.state(pool);
                return to_bytes(octets.data(), octets.size());
            },
            py::arg("pool") = py::none())
        .def(
            "restore",
            [](Driver& driver, const py::buffer& data, const host::BlockPool* pool) {
                const auto octets = from_buffer(data);
                driver.restore(octets.data(), octets.size(), pool);
            },
            py::arg("state"), py::arg("pool") = py::none())
        .def("measure", &Driver::measure, py::arg("on"))
        .def("timing",
             [](const Driver& driver) {
                 const host::Timing& t = driver.timing();
                 py::dict found;
                 found["ticks"] = t.ticks;
                 found["plant_ns"] = t.plant;
                 found["flight_ns"] = t.flight;
                 found["digest_ns"] = t.digest;
                 found["record_ns"] = t.record;
                 return found;
             })
        .def_property_readonly("tick", &Driver::tick)
        .def_property_readonly("attention", &Driver::attention)
        .def_property("contact_mask", &Driver::contact_mask, &Driver::set_contact_mask)
        .def_property_readonly(
            "actuator_frame",
            [](const Driver& driver) { return to_bytes(&driver.actuator(), sizeof(ActuatorFrame)); })
        .def_property_readonly("sensor_frame", [](const Driver& driver) {
            return to_bytes(&driver.sensor(), sizeof(SensorFrame));
        });
    module.attr("ATTENTION_DOWNLINK") = host::attention_downlink;
    module.attr("ATTENTION_CONTACT") = host::attention_contact;
}

}  // namespace safehold::bindings
