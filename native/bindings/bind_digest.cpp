// Digests: the chain of C++, so that Python's can be held against it, and both routes of SHA-256.
#include "bind.hpp"
#include "safehold/cdh/octets.hpp"
#include "safehold/computer/voter.hpp"
#include "safehold/host/chain.hpp"

namespace safehold::bindings {

void bind_digest(py::module_& module) {
    using host::Chain;
    py::class_<Chain>(module, "Chain", "A digest chain (docs/wire.md).")
        .def(py::init([](const std::string& name) { return Chain(name); }), py::arg("name"))
        .def("add",
             [](Chain& chain, const py::buffer& data) {
                 const auto octets = from_buffer(data);
                 chain.add(octets.data(), octets.size());
             })
        .def("hexdigest", [](const Chain& chain) { return host::to_hex(chain.digest()); });
    module.def("sha256", [](const py::buffer& data) {
        const auto octets = from_buffer(data);
        const host::Digest digest = host::sha256(octets.data(), octets.size());
        return to_bytes(digest.data(), digest.size());
    });
    module.def("sha256_portable", [](const py::buffer& data) {
        const auto octets = from_buffer(data);
        const host::Digest digest = host::sha256_portable(octets.data(), octets.size());
        return to_bytes(digest.data(), digest.size());
    });
    module.def("crc16", [](const py::buffer& data) {
        const auto octets = from_buffer(data);
        return cdh::crc16(octets.data(), octets.size());
    });
    module.def("crc32", [](const py::buffer& data) {
        const auto octets = from_buffer(data);
        return computer::crc32(octets.data(), octets.size());
    });
}

}  // namespace safehold::bindings
