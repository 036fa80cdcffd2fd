"""How functions of the plant are compiled: Numba without fastmath, IEEE division.

`error_model="numpy"` lets a division by zero give infinity or NaN as C does instead of raising, so that no
function of the step carries an exception path. Addresses travel between C++ and compiled code as integers;
`pointer` turns one into a pointer that `numba.carray` reads.

Compiling is most of a first run's start, and the step is a hundred functions deep. So a function has two
lives. Compiled callers see an overload: kept in memory only, without a wrapper for Python, and without
reference counts, so that a function that would allocate does not compile. Callers in Python (tests, tools)
get an ordinary `njit` of the same source, compiled when it is first called and cached on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import types
from numba.extending import intrinsic, overload

F = TypeVar("F", bound=Callable[..., Any])
# A NumPy record as compiled code sees it; mypy has no type for its fields.
Record = Any
# Numba's own annotations do not say that a compiled function keeps its signature.
_numba: Any = numba
_overload: Any = overload


# What both lives share, and what only code without Python around it can leave out.
_ARITHMETIC = {"fastmath": False, "error_model": "numpy"}
_BARE = _ARITHMETIC | {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Compile a function for the plant's step."""
    return _in_two_lives(function, _BARE)


def compiled_inline(function: F) -> F:
    """Compile a small function that is always inlined by LLVM's inliner."""
    return _in_two_lives(function, _BARE | {"forceinline": True})


def compiled_merged(function: F) -> F:
    """Make a large function part of its only, compiled caller before that is optimised, instead of both in
    turn.
    """
    result: F = _numba.njit(inline="always", **_BARE)(function)
    return result


def compiled_callback(signature: Any) -> Callable[[F], Any]:
    """Compile a function that C++ calls by address, cached on disk."""
    decorate: Callable[[F], Any] = _numba.cfunc(signature, cache=True, error_model="numpy")
    return decorate


def _in_two_lives(function: F, options: dict[str, Any]) -> F:
    for_python = _numba.njit(cache=True, **_ARITHMETIC)(function)

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        return for_python(*arguments, **named)

    def for_compiled_callers(*arguments: Any, **named: Any) -> F:
        return function

    _overload(call, jit_options=options, strict=False)(for_compiled_callers)
    return cast(F, call)


def _pointer(typing_context: Any, address: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


# A void pointer from an address held in an int64.
pointer: Any = intrinsic(_pointer)
