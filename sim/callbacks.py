"""The functions that C++ calls by address, and the context that it hands back to them.

The context is an array of int64 words: addresses of the state, the model, the fault table and the
environment's tables, the length of the tables, whether the run has yet to begin, and the time until which the
effects of faults stay as they are (0: they are to be worked out at the next step). Compiling (or loading
from Numba's cache) happens at the first call of `callbacks`, so that importing the plant stays cheap.
"""

from __future__ import annotations

import functools
import gc
from typing import Any, NamedTuple

import numba
import numpy as np

from flight.dictionary import ACTUATOR_DTYPE, SENSOR_DTYPE
from sim.compiled import compiled_callback, pointer
from sim.link.geometry import View, fill_views
from sim.records import FAULT_DTYPE, FAULTS_MAX, MODEL_DTYPE, STATE_DTYPE
from sim.step import start, step
from sim.truth import WIDTH, write_row

(
    CONTEXT_STATE,
    CONTEXT_MODEL,
    CONTEXT_FAULTS,
    CONTEXT_TABLES,
    CONTEXT_TABLES_SIZE,
    CONTEXT_BEGINNING,
    CONTEXT_FAULTS_UNTIL,
    CONTEXT_SIZE,
) = range(8)
BELIEF_SIZE = 16
VIEW_SIZE = len(View._fields)
_F64 = np.dtype(np.float64)
# Numba's own annotations leave these out.
_numba: Any = numba
carray = _numba.carray
types = _numba.types

_WORDS = types.CPointer(types.int64)
_NUMBERS = types.CPointer(types.float64)
_COMMAND = types.CPointer(_numba.from_dtype(ACTUATOR_DTYPE))
_FRAME = types.CPointer(_numba.from_dtype(SENSOR_DTYPE))


class Callbacks(NamedTuple):
    """Compiled functions with their `address`."""

    step: Any
    truth: Any
    sight: Any


@functools.cache
def callbacks() -> Callbacks:
    """Compile or load the functions."""
    # The compiler makes millions of objects and hardly any cycles: collecting would cost a tenth of its time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return Callbacks(
            step=compiled_callback(types.int64(_WORDS, _COMMAND, _FRAME))(_plant_step),
            truth=compiled_callback(
                types.void(_WORDS, _COMMAND, _NUMBERS, _NUMBERS, types.int64, types.int64)
            )(_plant_truth),
            sight=compiled_callback(types.void(_WORDS, _NUMBERS))(_plant_sight),
        )
    finally:
        if collecting:
            gc.enable()
        # What has been imported and compiled stays to the end of the process: collections during the flight
        # need not look through it.
        gc.freeze()


def _plant_step(context, command, frame):  # type: ignore[no-untyped-def]
    """`int64_t plant_step(void *context, const uint8_t *actuator_frame, uint8_t *sensor_frame)`.

    At a beginning it makes no step, needs no command, and fills what follows from the initial state, and
    sensor frame 0. One function does both, because they share most of what there is to compile.
    """
    words = carray(context, (CONTEXT_SIZE,))
    state = carray(pointer(words[CONTEXT_STATE]), (1,), STATE_DTYPE)[0]
    model = carray(pointer(words[CONTEXT_MODEL]), (1,), MODEL_DTYPE)[0]
    faults = carray(pointer(words[CONTEXT_FAULTS]), (FAULTS_MAX,), FAULT_DTYPE)
    tables = carray(pointer(words[CONTEXT_TABLES]), (words[CONTEXT_TABLES_SIZE],), _F64)
    until = words[CONTEXT_FAULTS_UNTIL:]
    sensors = carray(frame, (1,))[0]
    if words[CONTEXT_BEGINNING] != 0:
        words[CONTEXT_BEGINNING] = 0
        return start(state, model, faults, tables, until, sensors)
    return step(state, model, faults, tables, until, carray(command, (1,))[0], sensors)


def _plant_truth(context, command, belief, row, first, until):  # type: ignore[no-untyped-def]
    """`void plant_truth(void *context, const uint8_t *actuator_frame, const double *belief, double *row,
    int64_t first, int64_t until)`: at least the columns from `first` to before `until`.
    """
    words = carray(context, (CONTEXT_SIZE,))
    write_row(
        carray(pointer(words[CONTEXT_STATE]), (1,), STATE_DTYPE)[0],
        carray(pointer(words[CONTEXT_MODEL]), (1,), MODEL_DTYPE)[0],
        carray(command, (1,))[0],
        carray(belief, (BELIEF_SIZE,)),
        carray(row, (WIDTH,)),
        first,
        until,
    )


def _plant_sight(context, row):  # type: ignore[no-untyped-def]
    """`void plant_sight(void *context, double *row)`: a view of each station, and the patch that is fed."""
    words = carray(context, (CONTEXT_SIZE,))
    state = carray(pointer(words[CONTEXT_STATE]), (1,), STATE_DTYPE)[0]
    model = carray(pointer(words[CONTEXT_MODEL]), (1,), MODEL_DTYPE)[0]
    count = model.station_count
    fill_views(
        state.environment,
        state.velocity_gcrf_m_s,
        state.quaternion_body_from_gcrf,
        model.station_itrs_m[:count],
        model.station_up[:count],
        carray(row, (count, VIEW_SIZE)),
    )
    carray(row, (count * VIEW_SIZE + 1,))[count * VIEW_SIZE] = state.antenna
