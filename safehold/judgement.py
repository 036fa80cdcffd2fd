"""A run's verdict: its satellite flown on until it can be judged, and the rules applied to what is found.

The flight after the end is in `safehold.judgement_phase`, the rules are in `safehold.judge`, and the reasons
for both in docs/judgement.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safehold.durations import format_clock
from safehold.judge import Ending, Verdict, verdict
from safehold.judgement_phase import LIMIT_S, Phase
from safehold.timeline import mode_spans, outage_ticks

if TYPE_CHECKING:
    from safehold.simulation import Simulation


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the phase has shown, and the verdict on the run.

    power_positive and commandable are None for a run that was cut short: it is not flown on.
    """

    flown_s: float
    healed: tuple[str, ...]
    power_positive: bool | None
    commandable: bool | None
    why: str
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """As `judgement` of result.json."""
        return {
            "flown_s": self.flown_s,
            "healed": list(self.healed),
            "power_positive": self.power_positive,
            "commandable": self.commandable,
            "why": self.why,
        }


def judge(
    simulation: Simulation,
    figures: Mapping[str, float | None],
    *,
    complete: bool = True,
    limit_s: float = LIMIT_S,
) -> Judgement:
    """Judge a run that has ended; it is left as it is.

    figures: the run's result quantities. complete: whether it was flown to its end; otherwise it is judged on
    what it flew, without a phase. limit_s: how much is flown on at most.
    """
    phase = Phase(simulation, limit_s)
    if complete:
        phase.fly()
    outage, _ = outage_ticks(mode_spans(simulation.events, simulation.tick))
    ending = Ending(
        mode=phase.span.mode,
        mode_expected=phase.mode_expected or (not complete and phase.young),
        power_positive=phase.power_verdict() if complete else None,
        power=phase.power_sentence(),
        commandable=phase.command_verdict() if complete else None,
        commands_bad=phase.commands_bad,
        units_off=tuple(phase.units_off()),
        outage_s=outage * simulation.tick_ns / 1e9,
        contacts_missed=int(figures.get("contacts_missed") or 0),
        flown_s=phase.flown_s,
    )
    found = verdict(phase.judge, ending)
    healed = tuple(f"{fault.kind} {fault.target}" for fault in phase.healed) if complete else ()
    why = phase.why() if complete else "cut short, so not flown on"
    return Judgement(
        flown_s=phase.flown_s,
        healed=healed,
        power_positive=bool(ending.power_positive) if complete else None,
        commandable=phase.answered if complete else None,
        why=why,
        verdict=found,
    )


def sentence(entry: Mapping[str, Any]) -> str:
    """`judgement` of result.json as one line for people."""
    later = f"flown on {format_clock(round(entry['flown_s'] * 1e9))}, " if entry["flown_s"] >= 60.0 else ""
    healed = f"healed {', '.join(entry['healed'])}, " if entry["healed"] else ""
    return f"{later}{healed}{entry['why']}"
