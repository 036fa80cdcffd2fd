// Stored housekeeping: a batch's samples as arrays.
#include "bind.hpp"
#include "safehold/host/batch_reader.hpp"

namespace safehold::bindings {

void bind_batches(py::module_& module) {
    module.def(
        "read_batch",
        [](const py::buffer& coded, const py::buffer& bits, std::uint32_t samples,
           std::uint32_t tick) -> py::object {
            const auto octets = from_buffer(coded);
            const auto sizes = from_buffer(bits);
            const auto found = host::read_batch(octets, sizes, samples, tick);
            if (!found) return py::none();
            return py::make_tuple(
                to_bytes(found->ticks.data(), found->ticks.size() * sizeof found->ticks.front()),
                to_bytes(found->values.data(), found->values.size() * sizeof found->values.front()));
        },
        py::arg("coded"), py::arg("bits"), py::arg("samples"), py::arg("tick"),
        "The samples behind a batch's header: u32 ticks and u64 values (a float's bits) of the machine's own "
        "byte order, the values sample by sample; None if it contradicts itself.");
}

}  // namespace safehold::bindings
