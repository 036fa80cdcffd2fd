// FlightComputer for Python.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <map>
#include <optional>

#include "bind.hpp"
#include "bind_keys.hpp"
#include "safehold/cdh/downlink.hpp"
#include "safehold/cdh/telecommand.hpp"
#include "safehold/host/stores.hpp"

namespace safehold::bindings {
namespace {

using computer::ComputerConfig;
using computer::ComputerState;
using FlightComputer = host::HostedComputer;
using computer::ReplicaState;

void set_parameter(Parameters& parameters, const std::string& name, const py::handle& value) {
    for (const SettingEntry& entry : setting_entries) {
        if (name != entry.name) continue;
        const auto values = py::isinstance<py::sequence>(value) ? value.cast<std::vector<double>>()
                                                                : std::vector<double>{value.cast<double>()};
        if (values.size() != entry.count) {
            throw py::value_error("setting " + name + " has " + std::to_string(entry.count) +
                                  " values, not " + std::to_string(values.size()));
        }
        for (std::uint16_t i = 0; i < entry.count; ++i) {
            if (cdh::set_setting(parameters, entry.id, i, values[i]) != cdh::FailureCode::none) {
                throw py::value_error("setting " + name + " must be from " + std::to_string(entry.min) +
                                      " to " + std::to_string(entry.max) + ", not " +
                                      std::to_string(values[i]));
            }
        }
        return;
    }
    throw py::value_error("there is no setting " + name);
}

ComputerConfig make_config(std::uint32_t replicas, bool resync, const py::dict& parameters,
                           std::int64_t tick_ns, std::uint32_t persistence, bool autonomy,
                           cdh::TelemetryProtection protection) {
    if (replicas != 1 && replicas != 3) {
        throw py::value_error("replicas must be 1 or 3, not " + std::to_string(replicas));
    }
    if (tick_ns < 5'000'000 || tick_ns > 1'000'000'000) {
        throw py::value_error("tick_ns must be from 5 ms to 1 s, not " + std::to_string(tick_ns));
    }
    if (persistence < 1) throw py::value_error("persistence must be at least 1");
    if (!computer::floating_point_is_sound()) {
        throw py::value_error(
            "the floating-point control register does not round to nearest, or flushes to zero");
    }
    ComputerConfig config{};
    config.parameters = parameters_default;
    for (const auto& [name, value] : parameters)
        set_parameter(config.parameters, name.cast<std::string>(), value);
    config.tick_ns = tick_ns;
    config.replicas = replicas;
    config.resync = resync ? 1 : 0;
    config.persistence = persistence;
    config.autonomy = autonomy ? 1 : 0;
    config.telemetry_protection = protection;
    return config;
}

void set_quota(host::Quotas& quotas, const std::string& name, std::uint64_t octets) {
    std::uint64_t least = host::Quotas::stream_least;
    std::uint64_t* place = nullptr;
    if (name == "critical") place = &quotas.streams[static_cast<std::size_t>(computer::Stream::critical)];
    if (name == "housekeeping")
        place = &quotas.streams[static_cast<std::size_t>(computer::Stream::housekeeping)];
    if (name == "debug") place = &quotas.streams[static_cast<std::size_t>(computer::Stream::debug)];
    if (name == "files") {
        place = &quotas.files;
        least = host::Quotas::files_least;
    }
    if (place == nullptr) {
        throw py::value_error("there is no quota " + name +
                              "; there are critical, housekeeping, debug and files");
    }
    if (octets < least || octets > host::Quotas::most) {
        throw py::value_error("quota " + name + " must be from " + std::to_string(least) + " to " +
                              std::to_string(host::Quotas::most) + " octets, not " + std::to_string(octets));
    }
    *place = octets;
}

host::Quotas make_quotas(const std::map<std::string, std::uint64_t>& given) {
    host::Quotas quotas;
    for (const auto& [name, octets] : given)
        set_quota(quotas, name, octets);
    return quotas;
}

// What each quota may be, in octets: the least and the most.
py::dict quota_limits() {
    py::dict found;
    for (const char* name : {"critical", "housekeeping", "debug"})
        found[name] = py::make_tuple(host::Quotas::stream_least, host::Quotas::most);
    found["files"] = py::make_tuple(host::Quotas::files_least, host::Quotas::most);
    return found;
}

cdh::TelemetryProtection protection_named(const std::string& name) {
    if (name == "none") return cdh::TelemetryProtection::none;
    if (name == "authenticated") return cdh::TelemetryProtection::authenticated;
    if (name == "encrypted") return cdh::TelemetryProtection::encrypted;
    throw py::value_error("telemetry_protection must be none, authenticated or encrypted, not " + name);
}

py::object value_of(const std::uint8_t* at, Type type) {
    return with_type(type, [at](auto value) -> py::object {
        std::memcpy(&value, at, sizeof value);
        if constexpr (sizeof value == 1) return py::cast(static_cast<unsigned>(value));
        return py::cast(value);
    });
}

// Files of mass memory: id, kind, length, whether it is sealed.
py::list files(const FlightComputer& flight) {
    const auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::directory);
    request.octets_max = computer::readback_octets_max;
    py::list found;
    do {
        flight.stores().read(request, *readback);
        for (std::size_t i = 0; i < readback->records; ++i) {
            computer::FileEntry entry;
            std::memcpy(&entry, readback->data.data() + i * sizeof entry, sizeof entry);
            found.append(
                py::make_tuple(entry.id, static_cast<unsigned>(entry.kind), entry.length, entry.sealed != 0));
        }
        request.from += readback->records;
    } while (readback->records != 0);
    return found;
}

computer::StreamStatus stream_status(const FlightComputer& flight, std::size_t stream) {
    computer::StoreStatus status{};
    flight.stores().status(status);
    if (stream >= status.streams.size()) throw py::value_error("there is no such stream of records");
    return status.streams[stream];
}

// Records of a stream that mass memory holds, from a number on: number and octets.
py::list records(const FlightComputer& flight, std::size_t stream, std::uint64_t first) {
    const std::uint64_t next = stream_status(flight, stream).next;
    const auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::records);
    request.stream = static_cast<std::uint8_t>(stream);
    request.octets_max = computer::readback_octets_max;
    request.from = first;
    py::list found;
    while (request.from < next) {
        flight.stores().read(request, *readback);
        if (readback->records == 0) break;
        const std::uint8_t* at = readback->data.data();
        for (std::size_t i = 0; i < readback->records; ++i) {
            computer::RecordHead head;
            std::memcpy(&head, at, sizeof head);
            found.append(py::make_tuple(head.number, to_bytes(at + sizeof head, head.length)));
            at += sizeof head + head.length;
            request.from = head.number + 1;
        }
    }
    return found;
}

constexpr std::array<const char*, static_cast<std::size_t>(cdh::FrameDrop::count)> frame_drop_names = {
    "integrity", "length", "type",    "control", "map",    "ahead",   "behind",
    "lockout",   "wait",   "segment", "packet",  "buffer", "damaged", "header"};
constexpr std::array<const char*, security::reject_count> reject_names = {
    "length",      "fecf",     "version", "scid", "vcid",   "type", "header",
    "key_unknown", "key_idle", "iv",      "mac",  "replay", "store"};

template <std::size_t n>
py::dict named(const std::array<std::uint32_t, n>& counts, const std::array<const char*, n>& names) {
    py::dict found;
    for (std::size_t i = 0; i < n; ++i)
        found[names[i]] = counts[i];
    return found;
}

py::bytes read_file(const FlightComputer& flight, std::uint32_t id) {
    const auto readback = std::make_unique<computer::Readback>();
    computer::ReadRequest request{};
    request.kind = static_cast<std::uint8_t>(computer::ReadKind::file);
    request.file = id;
    request.octets_max = computer::readback_octets_max;
    std::string octets;
    do {
        flight.stores().read(request, *readback);
        if (readback->status == static_cast<std::uint32_t>(computer::ReadStatus::unknown))
            throw py::key_error("there is no file " + std::to_string(id));
        octets.append(reinterpret_cast<const char*>(readback->data.data()), readback->octets);
        request.from += readback->octets;
    } while (readback->octets != 0);
    return octets;
}

py::dict counters(const FlightComputer& flight) {
    using py::literals::operator""_a;
    const computer::VoterState& voter = flight.voter();
    const computer::AccountState& account = flight.leader().account;
    const auto& dropped = account.cdh.frames_dropped;
    const security::SecurityState& security = flight.state().security;
    return py::dict(
        "ticks"_a = voter.ticks, "divergences"_a = voter.status.divergences,
        "resynchronisations"_a = voter.status.resynchronisations,
        "restorations"_a = voter.status.restorations,
        "retired"_a = static_cast<unsigned>(voter.status.retired), "holds"_a = voter.holds,
        "unresolved"_a = voter.unresolved, "pair_differs"_a = voter.pair_differs,
        "uplink_overflow"_a = flight.uplink_overflow(), "overruns"_a = account.computer.overruns,
        "work"_a = account.computer.work, "work_max"_a = account.computer.work_max,
        "stage_frames"_a = flight.stage_work().frames, "stage_blocks"_a = flight.stage_work().blocks,
        "actuators_gated"_a = account.computer.actuators_gated,
        "settings_repaired"_a = account.computer.settings_repaired,
        "frames_accepted"_a = account.cdh.frames_accepted,
        "commands_accepted"_a = account.cdh.commands_accepted,
        "commands_refused"_a = account.cdh.commands_refused,
        "commands_completed"_a = account.cdh.commands_completed,
        "commands_failed"_a = account.cdh.commands_failed, "packets_lost"_a = account.cdh.packets_lost,
        "frames_sent"_a = cdh::frames_sent(account.cdh), "events_lost"_a = account.cdh.events_lost,
        "frames_dropped"_a = named(dropped, frame_drop_names), "frames_authenticated"_a = security.accepted,
        "frames_rejected"_a = named(security.rejected, reject_names), "frames_unkept"_a = security.unkept,
        "key_active"_a = security.kept.active,
        "key_counter"_a = security::counter_of(security, security.kept.active),
        "telemetry_counter"_a = flight.telemetry_state().next,
        "telemetry_withheld"_a = flight.telemetry_state().withheld);
}

py::tuple step(FlightComputer& flight, const py::buffer& sensor, const py::iterable& uplink) {
    const SensorFrame frame = to_sensor(sensor);
    for (const auto& octets : to_uplink(uplink))
        flight.receive(octets.data(), octets.size());
    {
        const py::gil_scoped_release release;
        flight.step(frame);
    }
    py::list frames;
    for (std::size_t i = 0; i < flight.frame_count(); ++i)
        frames.append(to_bytes(flight.frames()[i].data(), flight.frames()[i].size()));
    return py::make_tuple(to_bytes(&flight.actuator(), sizeof(ActuatorFrame)), frames);
}

// Steps through an array (n, 464) of sensor frames; returns (n, 88) of voted actuator frames.
py::array_t<std::uint8_t> step_all(
    FlightComputer& flight,
    const py::array_t<std::uint8_t, py::array::c_style | py::array::forcecast>& sensors) {
    if (sensors.ndim() != 2 || sensors.shape(1) != static_cast<py::ssize_t>(sizeof(SensorFrame))) {
        throw py::value_error("sensor frames must be an array of octets, (n, " +
                              std::to_string(sizeof(SensorFrame)) + ")");
    }
    const auto count = static_cast<std::size_t>(sensors.shape(0));
    py::array_t<std::uint8_t> result({count, sizeof(ActuatorFrame)});
    const std::uint8_t* in = sensors.data();
    std::uint8_t* out = result.mutable_data();
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < count; ++i) {
        SensorFrame frame;
        std::memcpy(&frame, in + i * sizeof frame, sizeof frame);
        flight.step(frame);
        std::memcpy(out + i * sizeof(ActuatorFrame), &flight.actuator(), sizeof(ActuatorFrame));
    }
    return result;
}

py::list events(const FlightComputer& flight) {
    py::list found;
    const computer::StepOutput* voted = flight.voted();
    if (voted == nullptr) return found;
    for (std::size_t i = 0; i < voted->events.count && i < EventList::capacity; ++i) {
        const Event& event = voted->events.items[i];
        py::list arguments;
        for (std::size_t k = 0; k < event.argument_count && k < event_arguments_max; ++k) {
            arguments.append(event.arguments[k]);
        }
        found.append(py::make_tuple(event.id, static_cast<unsigned>(event.severity), py::tuple(arguments)));
    }
    return found;
}

// What a folder that keeps the stores has refused, and found torn; none without such a folder.
py::object folder_faults(const FlightComputer& flight) {
    const auto& folder = flight.stores().folder;
    if (folder == nullptr) return py::none();
    py::dict found;
    found["refused"] = folder->faults.refused;
    found["error"] = folder->faults.error;
    found["torn"] = folder->faults.torn;
    return found;
}

computer::Slot slot_named(const std::string& name) {
    if (name == "control") return computer::Slot::control;
    if (name == "boot") return computer::Slot::boot;
    if (name == "security") return computer::Slot::security;
    if (name == "telemetry") return computer::Slot::telemetry;
    throw py::value_error("there is no slot " + name);
}

std::size_t checked_replica(const FlightComputer& flight, std::size_t replica) {
    if (replica < flight.config().replicas) return replica;
    throw py::value_error("there are " + std::to_string(flight.config().replicas) +
                          " replicas, not one of number " + std::to_string(replica));
}

}  // namespace

py::dict telemetry_dict(const Telemetry& telemetry) {
    py::dict found;
    const auto* base = reinterpret_cast<const std::uint8_t*>(&telemetry);
    for (const TelemetryEntry& entry : telemetry_entries) {
        const std::size_t size = octets_of(entry.type);
        if (entry.count == 1) {
            found[entry.name] = value_of(base + entry.offset, entry.type);
            continue;
        }
        py::list values;
        for (std::size_t i = 0; i < entry.count; ++i)
            values.append(value_of(base + entry.offset + i * size, entry.type));
        found[entry.name] = values;
    }
    return found;
}

void bind_computer(py::module_& module) {
    py::register_exception<host::OtherMission>(module, "OtherMissionError", PyExc_ValueError);
    module.def(
        "folder_mission", [](const std::string& path) { return host::Folder(path).mission(); },
        py::arg("path"));
    module.def("what_differs", &host::what_differs, py::arg("here"), py::arg("there"));
    module.attr("QUOTA_LIMITS") = quota_limits();
    py::class_<FlightComputer>(module, "FlightComputer", "Replicas, voter and what answers their failures.")
        .def(py::init([](std::uint32_t replicas, bool resync, const py::dict& parameters,
                         std::int64_t tick_ns, std::uint32_t persistence, bool autonomy,
                         const py::object& keys, const std::optional<std::string>& folder,
                         const std::map<std::string, std::uint64_t>& quotas,
                         const std::string& telemetry_protection) {
                 auto flight = std::make_unique<FlightComputer>(
                     make_config(replicas, resync, parameters, tick_ns, persistence, autonomy,
                                 protection_named(telemetry_protection)),
                     make_quotas(quotas));
                 if (folder) flight->keep_in(std::make_shared<host::Folder>(*folder));
                 load_keys(*flight, keys);
                 return flight;
             }),
             py::kw_only(), py::arg("replicas") = 3, py::arg("resync") = true,
             py::arg("parameters") = py::dict(), py::arg("tick_ns") = 100'000'000, py::arg("persistence") = 3,
             py::arg("autonomy") = true, py::arg("keys") = py::none(), py::arg("folder") = py::none(),
             py::arg("quotas") = py::dict(), py::arg("telemetry_protection") = "none")
        .def("mission", &FlightComputer::mission)
        .def("folder_faults", &folder_faults)
        .def(
            "fail_folder",
            [](FlightComputer& f, std::uint64_t after, int error) {
                if (f.stores().folder == nullptr) throw py::value_error("nothing is kept in a folder");
                f.stores().folder->faults.fail_after = after;
                f.stores().folder->faults.fail_error = error;
            },
            py::arg("after"), py::arg("error"))
        .def("step", &step, py::arg("sensor_frame"), py::arg("uplink") = py::tuple())
        .def("step_all", &step_all, py::arg("sensor_frames"))
        .def("state_bytes",
             [](const FlightComputer& f) {
                 host::Out out;
                 f.put(out);
                 return to_bytes(out.octets.data(), out.octets.size());
             })
        .def("chain_bytes",
             [](const FlightComputer& f) {
                 const host::Digest memory = f.stores().memory.digest();
                 host::Out out;
                 out.value(f.state());
                 out.value(memory);
                 return to_bytes(out.octets.data(), out.octets.size());
             })
        .def("replica_bytes",
             [](const FlightComputer& f, std::size_t replica) {
                 return to_bytes(&f.state().replicas[checked_replica(f, replica)], sizeof(ReplicaState));
             })
        .def("restore",
             [](FlightComputer& f, const py::buffer& data) {
                 const auto octets = from_buffer(data);
                 f.take(octets.data(), octets.size());
             })
        .def("flip",
             [](FlightComputer& f, std::size_t replica, std::size_t bit) {
                 if (bit >= sizeof(ReplicaState) * 8)
                     throw py::value_error("there is no such bit in a replica's state");
                 f.flip(checked_replica(f, replica), bit);
             })
        .def("stall", [](FlightComputer& f, std::size_t replica,
                         std::uint32_t ticks) { f.stall(checked_replica(f, replica), ticks); })
        .def(
            "reset",
            [](FlightComputer& f, std::int64_t down_ns) { f.reset(computer::ResetCause::external, down_ns); },
            py::arg("down_ns") = 0)
        .def(
            "drop_records",  // fault port: mass memory loses what is below a number, and tells nobody
            [](FlightComputer& f, std::size_t stream, std::uint64_t until) {
                (void)stream_status(f, stream);
                f.stores().drop({until, static_cast<std::uint8_t>(stream), 1, {}});
            },
            py::arg("stream"), py::arg("until"))
        .def(
            "record_octets",
            [](const FlightComputer& f, std::size_t stream) { return stream_status(f, stream).octets; },
            py::arg("stream"))
        .def(
            "lose_records",  // fault port: the computer is reset and finds so many numbers torn at its start
            [](FlightComputer& f, std::size_t stream, std::uint32_t count) {
                const std::uint64_t next = stream_status(f, stream).next;
                f.stores().memory.lose(stream, next, next + count);
                f.reset(computer::ResetCause::external, 1'000'000'000);
            },
            py::arg("stream"), py::arg("count"))
        .def(
            "cut_power",
            [](FlightComputer& f, std::uint64_t writes, std::uint32_t keeps) {
                f.stores().power.cut_at = writes == 0 ? 0 : f.stores().power.writes + writes;
                f.stores().power.keeps = keeps;
            },
            py::arg("writes"), py::arg("keeps") = 0)
        .def_property_readonly("store_writes",
                               [](const FlightComputer& f) { return f.stores().power.writes; })
        .def_property_readonly("is_down", &FlightComputer::is_down)
        .def_property_readonly("protects_telemetry", &FlightComputer::protects_telemetry)
        .def(
            "flip_slot",
            [](FlightComputer& f, const std::string& slot, std::size_t copy, std::size_t bit) {
                if (!f.stores().persistence.flip(slot_named(slot), copy, bit))
                    throw py::value_error("there is no such bit in slot " + slot);
            },
            py::arg("slot"), py::arg("copy"), py::arg("bit"))
        .def("control_bytes",
             [](const FlightComputer& f) {
                 return to_bytes(&f.leader().control, sizeof(computer::ControlState));
             })
        .def("scramble_account",
             [](FlightComputer& f, std::size_t replica, std::uint64_t seed) {
                 f.scramble_account(checked_replica(f, replica), seed);
             })
        .def("report_overrun", &FlightComputer::report_overrun)
        .def("events", &events)
        .def("counters", &counters)
        .def("telemetry",
             [](const FlightComputer& f) { return telemetry_dict(f.leader().account.telemetry); })
        .def("files", &files)
        .def("read_file", &read_file, py::arg("id"))
        .def("records", &records, py::arg("stream"), py::arg("first") = 0)
        .def(
            "record_range",
            [](const FlightComputer& f, std::size_t stream) {
                const computer::StreamStatus status = stream_status(f, stream);
                return py::make_tuple(status.first, status.next);
            },
            py::arg("stream"))
        .def("belief",
             [](const FlightComputer& f) {
                 const Belief belief =
                     autonomy_belief(f.leader().control.autonomy, f.leader().control.parameters);
                 py::array_t<double> values(16);
                 std::memcpy(values.mutable_data(), &belief, sizeof belief);
                 return values;
             })
        .def_property_readonly(
            "actuator_frame",
            [](const FlightComputer& f) { return to_bytes(&f.actuator(), sizeof(ActuatorFrame)); })
        .def_property_readonly_static("state_size", [](const py::object&) { return sizeof(ReplicaState); })
        .def_property_readonly_static("control_size",
                                      [](const py::object&) { return sizeof(computer::ControlState); });
}

}  // namespace safehold::bindings
