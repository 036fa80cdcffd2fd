// The Python module _safehold_native: registers what the bind_*.cpp files define, nothing else.
#include <pybind11/pybind11.h>

#include "safehold/dictionary.hpp"

PYBIND11_MODULE(_safehold_native, module) {
  module.doc() = "safehold's flight software in C++";
  module.attr("DICTIONARY_SHA256") = safehold::dictionary_sha256;
  module.attr("ABI") = safehold::abi_number;
}
