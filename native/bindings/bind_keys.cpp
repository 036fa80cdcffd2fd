// SecretKeys for Python: keys by id, which nothing shows.
#include "bind_keys.hpp"

namespace safehold::bindings {
namespace {

// The secret keys of a flight computer, on their way to it. pybind11 shows all arguments of a call that it
// cannot make: so keys come in by a call that it can always make, and what holds them then shows nothing.
struct SecretKeys {
    security::KeyRing telecommand{};
    security::KeyRing telemetry{};

    SecretKeys() = default;
    SecretKeys(const SecretKeys&) = delete;
    SecretKeys& operator=(const SecretKeys&) = delete;
    ~SecretKeys() {
        security::wipe(&telecommand, sizeof telecommand);
        security::wipe(&telemetry, sizeof telemetry);
    }
};

void take_keys(security::KeyRing& ring, const py::handle& given) {
    if (!PyDict_Check(given.ptr())) throw py::value_error("keys come as a dict, by their ids");
    const auto keys = py::reinterpret_borrow<py::dict>(given);
    if (keys.size() > security::keys_max) {
        throw py::value_error("a key ring holds at most " + std::to_string(security::keys_max) +
                              " keys, not " + std::to_string(keys.size()));
    }
    for (const auto& [id, octets] : keys) {
        const long number = PyLong_CheckExact(id.ptr()) != 0 ? PyLong_AsLong(id.ptr()) : -1;
        if (PyErr_Occurred() != nullptr) PyErr_Clear();  // of a number that is no long, which -1 tells, too
        if (number < 1 || number > 65535) throw py::value_error("a key's id is a number from 1 to 65535");
        if (PyBytes_Check(octets.ptr()) == 0 ||
            PyBytes_GET_SIZE(octets.ptr()) != static_cast<py::ssize_t>(security::key_octets)) {
            throw py::value_error("key " + std::to_string(number) + ": a key is bytes, 32 octets of them");
        }
        security::Key& place = ring.keys[ring.count++];
        place.id = static_cast<std::uint16_t>(number);
        std::memcpy(place.octets.data(), PyBytes_AS_STRING(octets.ptr()), place.octets.size());
    }
}

std::unique_ptr<SecretKeys> make_secret_keys(const py::args& rings, const py::kwargs& named) {
    if (rings.size() != 2 || !named.empty()) {
        throw py::value_error("secret keys are made of two dicts: of telecommand keys, of telemetry keys");
    }
    auto keys = std::make_unique<SecretKeys>();
    take_keys(keys->telecommand, rings[0]);
    take_keys(keys->telemetry, rings[1]);
    return keys;
}

}  // namespace

void load_keys(host::HostedComputer& flight, const py::object& given) {
    if (!given.is_none() && !py::isinstance<SecretKeys>(given)) {
        throw py::value_error("keys are SecretKeys, which flight.computer.secret_keys makes of a ring");
    }
    const SecretKeys* keys = given.is_none() ? nullptr : given.cast<const SecretKeys*>();
    const bool commands = keys != nullptr && keys->telecommand.count != 0;
    const bool telemetry = keys != nullptr && keys->telemetry.count != 0;
    if (flight.protects_telemetry() && !telemetry) {
        throw py::value_error("telemetry cannot be protected without a telemetry key");
    }
    if (!commands && !telemetry) return;
    if (!security::can_authenticate()) {
        throw py::value_error("keys are of no use: this build has no OpenSSL and takes no telecommand frame");
    }
    if (commands) flight.load_keys(keys->telecommand);
    flight.load_telemetry_keys(keys->telemetry);
}

void bind_keys(py::module_& module) {
    py::class_<SecretKeys>(module, "SecretKeys", "Keys of a flight computer; nothing shows them.")
        .def(py::init(&make_secret_keys));
}

}  // namespace safehold::bindings
