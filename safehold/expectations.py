"""Expectations of a scenario: compiled to the driver's watches, which look at every control tick, and judged
at the end.

A quantity of truth or telemetry becomes one watch, or two when both `above` and `below` are given (a value
cannot miss both at once, so that their misses add up). "The mode is one of these" becomes a watch that is
true whenever it is looked at, and is looked at in those modes only: how often it was looked at is the share.
A result quantity is compared once, at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from safehold import registry
from safehold.durations import format_duration
from safehold.schema import MODES, Expect, Scenario
from safehold.timeline import finite

MODE_QUANTITY = "flight_mode"
ALL_MODES = (1 << len(MODES)) - 1
NO_MODE = 1 << 31


class WatchResult(Protocol):
    """What the driver found for one watch."""

    evaluated: int
    met: int
    first_unmet_tick: int
    longest_met_ticks: int
    held_tick: int
    value_min: float
    value_max: float


class Watcher(Protocol):
    """The part of the driver that this module needs."""

    def add_watch(
        self,
        quantity: int | str,
        op: str,
        threshold: float,
        mode_mask: int,
        from_tick: int,
        until_tick: int,
        hold_ticks: int,
    ) -> int: ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expectation with the handles of its watches."""

    expect: Expect
    handles: tuple[int, ...]
    from_tick: int
    until_tick: int


def install(scenario: Scenario, driver: Watcher) -> list[Compiled]:
    """Give the driver a watch for each expectation that needs one, always in the same order."""
    return [_install(scenario, expect, driver) for expect in scenario.expect]


def _install(scenario: Scenario, expect: Expect, driver: Watcher) -> Compiled:
    from_tick = _tick(scenario, expect.from_ or 0)
    until_tick = _tick(scenario, expect.until if expect.until is not None else scenario.duration)
    if expect.quantity in registry.RESULT_QUANTITIES:
        return Compiled(expect, (), from_tick, until_tick)
    hold_ticks = max(1, _tick(scenario, expect.hold or 0))
    quantity = _quantity(expect.quantity)
    mask = _mask(expect.modes)
    if expect.quantity == MODE_QUANTITY and expect.equals is not None:
        conditions = [(">", -1.0)]
        mask = mask & _mask(_mode_names(expect)) or NO_MODE
    else:
        conditions = _conditions(expect)
    handles = tuple(
        driver.add_watch(quantity, op, threshold, mask, from_tick, until_tick, hold_ticks)
        for op, threshold in conditions
    )
    return Compiled(expect, handles, from_tick, until_tick)


def _tick(scenario: Scenario, nanoseconds: int) -> int:
    return -(-nanoseconds // scenario.tick_ns)


def _quantity(name: str) -> int | str:
    columns = registry.truth_columns()
    return columns.index(name) if name in columns else name


def _mask(modes: tuple[str, ...]) -> int:
    return sum(1 << MODES.index(mode) for mode in set(modes)) if modes else ALL_MODES


def _mode_names(expect: Expect) -> tuple[str, ...]:
    words = expect.equals if isinstance(expect.equals, list) else [expect.equals]
    return tuple(word if isinstance(word, str) else MODES[int(word or 0)] for word in words)


def _conditions(expect: Expect) -> list[tuple[str, float]]:
    conditions = []
    if expect.above is not None:
        conditions.append((">", expect.above))
    if expect.below is not None:
        conditions.append(("<", expect.below))
    if isinstance(expect.equals, int | float):
        conditions.append(("==", float(expect.equals)))
    return conditions


def evaluate(
    compiled: Compiled, watches: Mapping[int, WatchResult], figures: Mapping[str, float | None], tick_ns: int
) -> dict[str, Any]:
    """An entry of `expectations` in result.json: the expectation, `met`, and what was found."""
    expect = compiled.expect
    entry = _stated(expect)
    if not compiled.handles:
        return entry | _judge_figure(expect, figures.get(expect.quantity))
    found = [watches[handle] for handle in compiled.handles]
    window = compiled.until_tick - compiled.from_tick
    if expect.within is not None or expect.hold is not None:
        return entry | _judge_reached(compiled, found, tick_ns)
    if expect.quantity == MODE_QUANTITY and expect.equals is not None:
        share = found[0].evaluated / window
        return entry | {"met": share >= expect.fraction, "share": share, "ticks": window}
    ticks = found[0].evaluated
    misses = sum(result.evaluated - result.met for result in found)
    if not ticks:
        return entry | {"met": False, "ticks": 0, "found": "never evaluated: not in that mode in that time"}
    share = (ticks - misses) / ticks
    unmet = [result.first_unmet_tick for result in found if result.first_unmet_tick >= 0]
    first = min(unmet) * tick_ns / 1e9 if unmet else None
    extremes = {"lowest": finite(found[0].value_min), "highest": finite(found[0].value_max)}
    met = share >= expect.fraction
    return entry | {"met": met, "share": share, "ticks": ticks, "first_unmet_s": first} | extremes


def _judge_reached(compiled: Compiled, found: list[WatchResult], tick_ns: int) -> dict[str, Any]:
    """It need only become true in time, and hold; the driver remembers the first tick at which it had."""
    expect = compiled.expect
    held = max(result.held_tick for result in found)
    if any(result.held_tick < 0 for result in found):
        return {"met": False, "found": "not reached"}
    reached_s = held * tick_ns / 1e9
    limit = (expect.within or 0) + compiled.from_tick * tick_ns if expect.within is not None else None
    # A hold that was complete at a tick began that much earlier; the limit is on its beginning.
    began = held * tick_ns - (expect.hold or 0)
    return {"met": limit is None or began <= limit, "reached_s": reached_s}


def _judge_figure(expect: Expect, value: float | None) -> dict[str, Any]:
    if value is None or finite(value) is None:
        return {"met": False, "value": None, "found": "there is no such figure in this run"}
    met = (
        (expect.above is None or value > expect.above)
        and (expect.below is None or value < expect.below)
        and (expect.equals is None or value == expect.equals)
    )
    return {"met": met, "value": value}


def _stated(expect: Expect) -> dict[str, Any]:
    """The expectation's own keys, as in the file."""
    entry: dict[str, Any] = {"quantity": expect.quantity}
    for name in ("above", "below", "equals", "during"):
        value = getattr(expect, name)
        if value is not None:
            entry[name] = value
    for name, nanoseconds in (
        ("from", expect.from_), ("until", expect.until), ("within", expect.within), ("hold", expect.hold),
    ):  # fmt: skip
        if nanoseconds is not None:
            entry[name] = format_duration(nanoseconds)
    if expect.fraction != 1.0:
        entry["fraction"] = expect.fraction
    if expect.why:
        entry["why"] = expect.why
    return entry


def sentence(entry: Mapping[str, Any]) -> str:
    """An entry as one line for people."""
    words = [str(entry["quantity"])]
    for name, sign in (("above", ">"), ("below", "<"), ("equals", "=")):
        if name in entry:
            value = entry[name]
            words.append(f"{sign} {'/'.join(value) if isinstance(value, list) else value}")
    for name in ("during", "from", "until", "within", "hold"):
        if name in entry:
            value = entry[name]
            words.append(f"{name} {'/'.join(value) if isinstance(value, list) else value}")
    if "fraction" in entry:
        words.append(f"for {entry['fraction']:.0%}")
    return " ".join(words)


def finding(entry: Mapping[str, Any]) -> str:
    """What was found, for people."""
    if "share" in entry:
        extremes = [entry.get(name) for name in ("lowest", "highest")]
        span = f", {extremes[0]:.4g} to {extremes[1]:.4g}" if None not in extremes else ""
        return f"{entry['share']:.2%} of {entry['ticks']:,} ticks{span}"
    if "reached_s" in entry:
        return f"reached at {entry['reached_s']:.0f} s"
    if entry.get("value") is not None:
        return f"{entry['value']:g}"
    return str(entry.get("found", ""))
