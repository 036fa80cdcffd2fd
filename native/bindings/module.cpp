// The Python module _safehold_native: registers what the bind_*.cpp files define, nothing else.
#include "bind.hpp"
#include "safehold/dictionary.hpp"

PYBIND11_MODULE(_safehold_native, module) {
    module.doc() = "safehold's flight software in C++";
    module.attr("DICTIONARY_SHA256") = safehold::dictionary_sha256;
    module.attr("ABI") = safehold::abi_number;
    safehold::bindings::bind_digest(module);
    safehold::bindings::bind_keys(module);
    safehold::bindings::bind_computer(module);
    safehold::bindings::bind_flight(module);
    safehold::bindings::bind_driver(module);
    safehold::bindings::bind_recording(module);
    safehold::bindings::bind_files(module);
    safehold::bindings::bind_black_box(module);
    safehold::bindings::bind_batches(module);
}
