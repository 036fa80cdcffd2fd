"""Flies faulty runs from a fault-free one: from the first fault on, and until they are the reference again.

A forker keeps a fault-free simulation in its process and walks it forward: when tasks come in the order of
their first fault, every run begins with a copy of octets in memory. For an earlier one, or one far ahead, the
nearest of the reference's snapshots is taken.

From the end of the last fault on a run is compared with the reference every 10 s. *identical*: every octet is
equal, so the rest of the run is the reference's; the result is exactly that of the whole run. *reconverged*:
all that steers is equal, what is only counted differs; the result is put together of the run's own part and
the reference's, and `safehold.forks.check` flies some of these to the end to see whether that was right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from safehold.clock import wall_seconds
from safehold.errors import ForkError
from safehold.forks.reference import CONTROL, NATIVE, WHOLE, Reference, difference
from safehold.forks.splice import stopped_document
from safehold.forks.walker import CHUNK_TICKS, Walker
from safehold.registry import COMPUTER_RESET, IN_FLIGHT, down_ns
from safehold.run import Outing, document
from safehold.schema import Fault, Scenario

if TYPE_CHECKING:
    from safehold.forks.check import Watcher

# A snapshot is taken instead of flying on if it saves more than this.
WORTHWHILE_S = 120


class Forker:
    """Flies runs that differ from a reference in their faults alone; one at a time."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._walker: Walker | None = None

    # --- tasks --------------------------------------------------------------------------------------------

    def fly(self, scenario: Scenario, *, early_stop: bool = True) -> dict[str, Any]:
        """The run's document, with `stop`: kind ("end", "identical" or "reconverged"), at_s, forked_at_s and
        ticks_flown. A reconverged run's `digest` is that up to the stop; it has `digest_until_s`, and
        `plant_equal`: whether the plant never was another than the reference's, to the last octet.

        early_stop: whether it may stop before the end; without, the document is that of the whole run, digest
        included. Raises ForkError for a scenario that does not belong to the reference.
        """
        began = wall_seconds()
        self._require(scenario)
        if not scenario.fault:
            found = self.reference.document
            found["scenario"], found["faults"] = scenario.name, []
            return _timed(found, "identical", scenario, (0, 0, 0), wall_seconds() - began)
        return self._forked(scenario, lambda walker: self._follow(walker, scenario, early_stop, began))

    def fly_watched(self, scenario: Scenario, watcher: Watcher) -> dict[str, Any]:
        """As `fly` to the end, under the eyes of a watcher at the stops that it wants to see."""
        began = wall_seconds()
        self._require(scenario)

        def follow(walker: Walker) -> dict[str, Any]:
            forked, step = walker.tick, self.reference.stop_ticks
            first = -(-max(forked, watcher.from_tick) // step) * step
            for tick in range(first, walker.simulation.end_tick, step):
                walker.hop_to(tick)
                watcher.see(walker)
            return _to_the_end(walker, forked, scenario, began)

        return self._forked(scenario, follow)

    def close(self) -> None:
        """End the simulation that walks; the next task begins anew."""
        if self._walker is not None:
            self._walker.close()
            self._walker = None

    # --- where a run begins -------------------------------------------------------------------------------

    def _forked(self, scenario: Scenario, follow: Callable[[Walker], dict[str, Any]]) -> dict[str, Any]:
        """What a run does that begins where its first fault does; then everything is put back."""
        if any(fault.at == 0 and fault.kind not in IN_FLIGHT for fault in scenario.fault):
            walker = Walker(scenario)  # it is in the first sensor frame, before any tick to fork at
            try:
                return follow(walker)
            finally:
                walker.close()
        walker = self._at(min((fault.at for fault in scenario.fault), default=0) // scenario.tick_ns)
        mark = walker.mark()
        sound = False
        try:
            walker.simulation.inject(scenario)
            found = follow(walker)
            walker.rewind(mark)
            sound = True
            return found
        finally:
            if not sound:
                self.close()

    def _require(self, scenario: Scenario) -> None:
        name = difference(self.reference.scenario, scenario)
        if name is not None:
            raise ForkError(
                "SH-FRK-004", f"{scenario.name} differs from the reference in {name}, not in its faults alone"
            )

    def _at(self, tick: int) -> Walker:
        """The fault-free simulation at a tick."""
        walker = self._walker
        nearest = max(one for one in self.reference.snapshots if one <= tick)
        ahead = WORTHWHILE_S * self.reference.scenario.flight.control_rate_hz
        if walker is None:
            walker = self._walker = Walker(self.reference.scenario)
            if nearest:
                self._restart(walker, nearest)
        elif walker.tick > tick or nearest - walker.tick > ahead:
            self._restart(walker, nearest)
        if walker.tick < tick:
            walker.walk_to(tick)
        return walker

    def _restart(self, walker: Walker, tick: int) -> None:
        sections, host = self.reference.snapshot(tick)
        try:
            walker.restart(sections, host, self.reference.pool)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
            self.close()
            raise ForkError(
                "SH-FRK-001", f"the reference's snapshot at tick {tick} is damaged: {error}"
            ) from None
        if walker.whole_hash() != self.reference.hash_at(tick // self.reference.stop_ticks, WHOLE):
            self.close()
            raise ForkError("SH-FRK-001", f"the reference's snapshot at tick {tick} is not of its run")

    # --- a run --------------------------------------------------------------------------------------------

    def _follow(self, walker: Walker, scenario: Scenario, early_stop: bool, began: float) -> dict[str, Any]:
        """Fly until the run is the reference again, or to its end."""
        forked = walker.tick
        first = self._first_stop(scenario, walker.orbit_ns) if early_stop else None
        equal = self._stop(walker, first) if first is not None else None
        if equal is None:
            return _to_the_end(walker, forked, scenario, began)
        stop, identical = equal
        found = stopped_document(self.reference, walker, stop, identical=identical)
        kind = "identical" if identical else "reconverged"
        ticks = (forked, walker.tick, walker.tick - forked)
        return _timed(found, kind, scenario, ticks, wall_seconds() - began)

    def _stop(self, walker: Walker, first: int) -> tuple[int, bool] | None:
        """Fly on to the stop at which the run may end, and whether every octet is equal there; None: it has
        been flown on without finding one.
        """
        reference, simulation = self.reference, walker.simulation
        collected = walker.tick
        for stop in range(first, reference.stops):
            tick = stop * reference.stop_ticks
            if tick >= simulation.end_tick:
                break
            if tick - collected >= CHUNK_TICKS:
                walker.collect()
                collected = walker.tick
            walker.hop_to(tick)
            if walker.native_hash() != reference.hash_at(stop, NATIVE):
                continue
            walker.collect()
            collected = tick
            control = walker.control_hash()
            if control != reference.hash_at(stop, CONTROL):
                continue
            identical = walker.whole_hash(control) == reference.hash_at(stop, WHOLE)
            if identical or reference.steady:
                return stop, identical
        return None

    def _first_stop(self, scenario: Scenario, orbit_ns: int) -> int | None:
        """The first stop at which nothing is to befall the run any more; None if there is none.

        A fault of the hardware that ends late makes the judgement ask for more than of the fault-free run, so
        such a run is flown to its end.
        """
        tick_ns, last_tick = scenario.tick_ns, 0
        for fault in scenario.fault:
            if fault.kind in IN_FLIGHT:
                down = down_ns(fault.parameters) if fault.kind == COMPUTER_RESET.name else 0
                last_tick = max(last_tick, (fault.at + down) // tick_ns + 2)
                continue
            end_ns = _end_ns(fault)
            if end_ns is None or end_ns + 2 * orbit_ns > scenario.duration:
                return None
            last_tick = max(last_tick, -(-end_ns // tick_ns))
        return -(-last_tick // self.reference.stop_ticks)


def _to_the_end(walker: Walker, forked: int, scenario: Scenario, began: float) -> dict[str, Any]:
    """Fly the rest; the whole run's document."""
    outing = Outing(walker.simulation)
    outing.fly()
    found = document(outing, True)
    ticks = (forked, walker.tick, walker.tick - forked)
    return _timed(found, "end", scenario, ticks, wall_seconds() - began)


def _end_ns(fault: Fault) -> int | None:
    return None if fault.duration is None else fault.at + fault.duration


def _timed(
    found: dict[str, Any], kind: str, scenario: Scenario, ticks: tuple[int, int, int], wall_s: float
) -> dict[str, Any]:
    """The document with `stop` and with the task's own timing; ticks: forked at, stopped at, flown."""
    forked, stopped, flown = ticks
    tick_ns = scenario.tick_ns
    found["stop"] = {
        "kind": kind,
        "at_s": stopped * tick_ns / 1e9,
        "forked_at_s": forked * tick_ns / 1e9,
        "ticks_flown": flown,
    }
    found["timing"] = {
        "wall_seconds": wall_s,
        "us_per_step": wall_s / flown * 1e6 if flown else None,
        "real_time_factor": scenario.duration / 1e9 / wall_s if wall_s > 0.0 else None,
    }
    return found
