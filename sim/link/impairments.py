"""What else befalls the link: loss, bursts, repetition, reordering, jitter, attenuation, outages.

An impairment lasts from a time to a time, in one direction or both. Those of a scenario's `[link]` last for
the whole run; its faults of the link's kinds are the same thing with a beginning and an end. Where several
act at once, losses and probabilities combine as independent, attenuations add, and the largest jitter, burst
and displacement count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim.faults import NEVER_NS, FaultError, Kind, Parameter

UP, DOWN, BOTH = 1, 2, 3
TARGETS = {"link.up": UP, "link.down": DOWN, "link.both": BOTH}
REORDER_FRAMES_MAX = 126
"""Fewer than FARM-1's window of 127, so that no delayed frame comes back into it from behind."""

OUTAGE, LOSS, BURST, DUPLICATION, REORDER, JITTER, ATTENUATION = range(7)
_SHARE = Parameter("", 0.0, 1.0, "probability that a frame is hit")

KINDS: dict[str, Kind] = {
    "link_outage": Kind(OUTAGE, "nothing is carried: neither frames nor carrier", tuple(TARGETS)),
    "link_loss": Kind(LOSS, "frames are lost, each by itself", tuple(TARGETS), {"share": _SHARE}),
    "link_burst": Kind(
        BURST,
        "a run of bits of a frame is disturbed, half of them turn",
        tuple(TARGETS),
        {"share": _SHARE, "bits": Parameter("", 1.0, 8920.0, "length of the run", 64.0)},
    ),
    "link_duplication": Kind(DUPLICATION, "a frame arrives twice", tuple(TARGETS), {"share": _SHARE}),
    "link_reorder": Kind(
        REORDER,
        "a frame arrives after later ones",
        tuple(TARGETS),
        {
            "share": _SHARE,
            "frames": Parameter("", 1.0, float(REORDER_FRAMES_MAX), "by how many frames' time at most", 8.0),
        },
    ),
    "link_jitter": Kind(
        JITTER,
        "each frame takes a time of its own",
        tuple(TARGETS),
        {"jitter_ms": Parameter("ms", 0.0, 10_000.0, "more or less than the latency, at most", to_si=1e-3)},
    ),
    "link_attenuation": Kind(
        ATTENUATION,
        "the signal is weaker",
        tuple(TARGETS),
        {"loss_db": Parameter("dB", 0.0, 100.0, "what is taken from Eb/N0")},
    ),
}


@dataclass(frozen=True, slots=True)
class Impairment:
    """One of `KINDS`: its number, directions (a bit each), times since the epoch, two parameters in SI."""

    kind: int
    directions: int
    start_ns: int = 0
    end_ns: int = NEVER_NS
    value: float = 0.0
    second: float = 0.0

    @property
    def jitter_ns(self) -> int:
        """How much earlier than the latency a frame may come because of this."""
        return round(self.value * 1e9) if self.kind == JITTER else 0


def impairment(
    kind: str, target: str, start_ns: int, duration_ns: int | None, parameters: Mapping[str, object]
) -> Impairment:
    """From a scenario's names; a duration of None lasts to the end. Raises `FaultError`."""
    if kind not in KINDS:
        raise FaultError("kind", kind, f"needs one of {', '.join(sorted(KINDS))}")
    if target not in TARGETS:
        raise FaultError("target", target, f"{kind} needs one of {', '.join(TARGETS)}")
    declared = KINDS[kind].parameters
    for name in parameters:
        if name not in declared:
            raise FaultError(name, parameters[name], f"unknown parameter of {kind}")
    values = []
    for name, parameter in declared.items():
        value = parameters.get(name, parameter.default)
        expected = f"{kind} needs a number from {parameter.low:g} to {parameter.high:g} {parameter.unit}"
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            raise FaultError(name, value, expected.rstrip())
        if not parameter.low <= value <= parameter.high:
            raise FaultError(name, value, expected.rstrip())
        values.append(float(value) * parameter.to_si)
    values += [0.0, 0.0]
    end_ns = NEVER_NS if duration_ns is None else start_ns + duration_ns
    return Impairment(KINDS[kind].id, TARGETS[target], start_ns, end_ns, values[0], values[1])


@dataclass(frozen=True, slots=True)
class Weather:
    """What acts on a direction at a time."""

    loss: float = 0.0
    burst: float = 0.0
    burst_bits: int = 0
    duplication: float = 0.0
    reorder: float = 0.0
    reorder_frames: int = 0
    jitter_ns: int = 0
    attenuation_db: float = 0.0


CALM = Weather()


def weather(impairments: Iterable[Impairment], direction: int, time_ns: int) -> Weather:
    """All that acts on a direction at a time, outages apart."""
    kept = {LOSS: 1.0, BURST: 1.0, DUPLICATION: 1.0, REORDER: 1.0}
    bits = frames = jitter_ns = 0
    attenuation_db = 0.0
    for one in impairments:
        if not one.directions & direction or not one.start_ns <= time_ns < one.end_ns:
            continue
        if one.kind in kept:
            kept[one.kind] *= 1.0 - one.value
        if one.kind == BURST:
            bits = max(bits, int(one.second))
        elif one.kind == REORDER:
            frames = max(frames, int(one.second))
        elif one.kind == JITTER:
            jitter_ns = max(jitter_ns, one.jitter_ns)
        elif one.kind == ATTENUATION:
            attenuation_db += one.value
    return Weather(
        1.0 - kept[LOSS],
        1.0 - kept[BURST],
        bits,
        1.0 - kept[DUPLICATION],
        1.0 - kept[REORDER],
        frames,
        jitter_ns,
        attenuation_db,
    )


def cut(impairments: Iterable[Impairment], direction: int, from_ns: int, until_ns: int) -> bool:
    """Whether an outage of a direction touches the time from `from_ns` to `until_ns`, both included."""
    return any(
        one.kind == OUTAGE
        and one.directions & direction
        and one.start_ns <= until_ns
        and from_ns < one.end_ns
        for one in impairments
    )
