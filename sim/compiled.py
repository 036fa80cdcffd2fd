"""How functions of the plant are compiled: Numba without fastmath, cached, IEEE division.

`error_model="numpy"` lets a division by zero give infinity or NaN as C does instead of raising, so that no
function of the step carries an exception path. Addresses travel between C++ and compiled code as integers;
`pointer` turns one into a pointer that `numba.carray` reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])
# A NumPy record as compiled code sees it; mypy has no type for its fields.
Record = Any
# Numba's own annotations do not say that a compiled function keeps its signature.
_numba: Any = numba


def compiled(function: F) -> F:
    """Compile a function for the plant's step, cached on disk."""
    result: F = _numba.njit(cache=True, fastmath=False, error_model="numpy")(function)
    return result


def compiled_inline(function: F) -> F:
    """Compile a small function that is always inlined by LLVM's inliner."""
    result: F = _numba.njit(cache=True, fastmath=False, error_model="numpy", forceinline=True)(function)
    return result


def compiled_callback(signature: Any) -> Callable[[F], Any]:
    """Compile a function that C++ calls by address."""
    decorate: Callable[[F], Any] = _numba.cfunc(signature, cache=True, error_model="numpy")
    return decorate


def _pointer(typing_context: Any, address: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


# A void pointer from an address held in an int64.
pointer: Any = intrinsic(_pointer)
