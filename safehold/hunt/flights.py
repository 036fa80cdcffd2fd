"""The flights of a hunt: flown one after the other, counted, their cost measured.

A hunt asks for the document of a run and no records, so nothing but what the judge needs is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from safehold.clock import wall_seconds
from safehold.expectations import MODE_QUANTITY, evaluate, sentence
from safehold.figures import contacts, figures
from safehold.forks import Forker, make_reference
from safehold.hunt.broken import broken_by, unmet
from safehold.run import Outing, document
from safehold.schema import Scenario
from safehold.simulation import Simulation


class HuntStoppedError(KeyboardInterrupt):
    """Somebody wished to stop in the middle of a flight.

    A KeyboardInterrupt, because hypothesis would take an Exception for a failure and go on.
    """


@dataclass(slots=True)
class Flights:
    """Flies scenarios and keeps count. `stopped`: looked at between pieces of a flight, and before a forked
    one.
    """

    stopped: Callable[[], bool] = lambda: False
    count: int = 0
    wall_s: float = 0.0
    simulated_s: float = 0.0
    _forker: Forker | None = None

    def fly(self, scenario: Scenario) -> Mapping[str, Any]:
        """The document of a whole flight; raises HuntStoppedError if it was stopped before its end."""
        with self._flown(scenario) as outing:
            return document(outing, complete=True)

    def fork_from(self, base: Scenario) -> None:
        """Fly the base once without its faults; what differs from it in faults alone then begins where its
        first fault does. It changes what a flight costs and nothing else.
        """
        start = wall_seconds()
        self._forker = Forker(make_reference(base))
        self.wall_s += wall_seconds() - start
        self.count += 1
        self.simulated_s += base.duration / 1e9

    def fly_forked(self, scenario: Scenario) -> Mapping[str, Any]:
        """As `fly`, from where `fork_from` has prepared it, if it has."""
        if self._forker is None:
            return self.fly(scenario)
        if self.stopped():
            raise HuntStoppedError
        start = wall_seconds()
        found = self._forker.fly(scenario, early_stop=False)
        self.wall_s += wall_seconds() - start
        self.count += 1
        self.simulated_s += found["stop"]["ticks_flown"] * scenario.tick_ns / 1e9
        return found

    def close(self) -> None:
        """End what `fork_from` has begun."""
        if self._forker is not None:
            self._forker.close()
            self._forker = None

    def broken(self, scenario: Scenario, criterion: str) -> tuple[str, ...]:
        """Why a scenario breaks, or nothing. What is broken by its expectations is not flown on to be judged
        as well, so that the reasons are not complete.
        """
        with self._flown(scenario, stop_hopeless=criterion != "lost") as outing:
            if criterion != "lost":
                simulation = outing.simulation
                reasons = hopeless(simulation) or unmet(_expectations(simulation))
                if reasons:
                    return reasons
            return broken_by(criterion, document(outing, complete=True))

    @contextmanager
    def _flown(self, scenario: Scenario, *, stop_hopeless: bool = False) -> Iterator[Outing]:
        """A flight that has come to its end, or to where an expectation cannot be met any more; what is done
        with it counts as part of it.
        """
        start = wall_seconds()
        simulation = Simulation(scenario, keep_truth=False)

        def stopped() -> bool:
            return self.stopped() or (stop_hopeless and bool(hopeless(simulation)))

        try:
            outing = Outing(simulation, stopped=stopped)
            if not outing.fly() and self.stopped():
                raise HuntStoppedError
            self.simulated_s += simulation.time_ns / 1e9
            yield outing
        finally:
            simulation.close()
            self.wall_s += wall_seconds() - start
        self.count += 1


def hopeless(simulation: Simulation) -> tuple[str, ...]:
    """The expectations that will not be met whatever comes, in words; those with `within` or `hold` and those
    about figures of the whole run are left to its end.
    """
    watches = dict(enumerate(simulation.driver.watches()))
    found = []
    for one in simulation.expectations:
        expect = one.expect
        if not one.handles or expect.within is not None or expect.hold is not None:
            continue
        seen = [watches[handle] for handle in one.handles]
        left = max(0, one.until_tick - max(simulation.tick, one.from_tick))
        if expect.quantity == MODE_QUANTITY and expect.equals is not None:
            ticks = one.until_tick - one.from_tick
            best = seen[0].evaluated + left
        else:
            ticks = seen[0].evaluated + left
            best = ticks - sum(watch.evaluated - watch.met for watch in seen)
        if ticks and best < expect.fraction * ticks:
            entry = evaluate(one, watches, {}, simulation.tick_ns)
            found.append(f"unmet: {sentence(entry)}: settled by {simulation.time_ns / 1e9:g} s")
    return tuple(found)


def _expectations(simulation: Simulation) -> list[dict[str, Any]]:
    """The expectations of a flight that has ended, as in `result.json`."""
    ground = simulation.ground.results()
    numbers = figures(simulation, ground, contacts(simulation, ground))
    watches = dict(enumerate(simulation.driver.watches()))
    return [evaluate(one, watches, numbers, simulation.tick_ns) for one in simulation.expectations]
