"""The flights of a hunt: flown one after the other, counted, their cost measured.

A hunt asks for the document of a run and no records, so nothing but what the judge needs is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from safehold.clock import wall_seconds
from safehold.run import Outing, document
from safehold.schema import Scenario
from safehold.simulation import Simulation


class HuntStoppedError(Exception):
    """Somebody wished to stop in the middle of a flight."""


@dataclass(slots=True)
class Flights:
    """Flies scenarios and keeps count. `stopped`: looked at between pieces of a flight."""

    stopped: Callable[[], bool] = lambda: False
    count: int = 0
    wall_s: float = 0.0
    simulated_s: float = field(default=0.0)

    def fly(self, scenario: Scenario) -> Mapping[str, Any]:
        """The document of a whole flight; raises HuntStoppedError if it was stopped before its end."""
        start = wall_seconds()
        simulation = Simulation(scenario, keep_truth=False)
        try:
            outing = Outing(simulation, stopped=self.stopped)
            if not outing.fly():
                raise HuntStoppedError
            found = document(outing, complete=True)
        finally:
            simulation.close()
            self.wall_s += wall_seconds() - start
        self.count += 1
        self.simulated_s += float(found["sim_seconds"])
        return found
