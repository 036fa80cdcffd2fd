"""What a campaign asks of a worker, and what it answers. All of it crosses processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from safehold.campaign.store import DIRECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from safehold.schema import Scenario

Labels = Mapping[str, str | int | float | bool]

# A run that takes longer than this is taken for hung: a floor, and a share for every simulated second. A tick
# of 0.1 s takes 8 us on a free core; this allows 60 times as much, and a judgement phase of a day on top.
LIMIT_FLOOR_S = 120.0
LIMIT_S_PER_SIM_S = 0.005
JUDGEMENT_S = 86_400.0


class PlannedRun(Protocol):
    """One run of a campaign: a scenario, and what was drawn for it."""

    @property
    def index(self) -> int: ...
    @property
    def scenario(self) -> Scenario: ...
    @property
    def labels(self) -> Labels: ...


class Campaign(Protocol):
    """What the execution needs of a campaign: any run of it, by its index alone."""

    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def repeat_share(self) -> float: ...
    @property
    def base(self) -> Scenario: ...
    @property
    def injects(self) -> bool: ...

    def run(self, index: int) -> PlannedRun: ...
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A run as the plan has it: its key, how it is flown, and what it would fork from."""

    index: int
    key: str
    way: str
    reference: str | None
    onset_ns: int
    sim_s: float
    scenario: str
    seed: int
    labels: Labels


@dataclass(frozen=True, slots=True)
class Impossible:
    """A run that cannot be flown as it was drawn, and why."""

    index: int
    why: str


@dataclass(frozen=True, slots=True)
class PlanRuns:
    """Expand some runs: answered by a tuple, for each a `Row` or an `Impossible`. Runs whose reference is
    in `shared` are to fork.
    """

    indices: tuple[int, ...]
    shared: frozenset[str] | None = None  # None: tell every run's reference, to find out which are shared

    @property
    def sim_s(self) -> float:
        return 600.0


@dataclass(frozen=True, slots=True)
class MakeReference:
    """Fly the fault-free run of a reference: answered by its bytes. `index`: a run that forks from it."""

    reference: str
    index: int
    sim_s: float


@dataclass(frozen=True, slots=True)
class FlyRun:
    """Fly a run: answered by a `Flown`. A `repeat` is flown again to compare bytes, and else the same."""

    index: int
    key: str
    sim_s: float
    way: str = DIRECT
    reference: str | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Fly a run that was stopped as reconverged to its end: answered by a tuple of disagreements."""

    index: int
    key: str
    reference: str
    sim_s: float
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepRun:
    """Fly a run with all its records: answered by the files of its folder, name and bytes."""

    index: int
    key: str
    sim_s: float


Task = PlanRuns | MakeReference | FlyRun | CheckRun | KeepRun


@dataclass(frozen=True, slots=True)
class Flown:
    """A run's record and what it cost (wall time: never in the record)."""

    record: bytes = field(repr=False)
    wall_s: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A task without an answer. `crashed`: its worker died or hung, every time; else the task itself failed,
    with `error_id` if what was given is to blame.
    """

    text: str
    crashed: bool = False
    error_id: str = ""


class Engine(Protocol):
    """Workers that answer tasks. `run` yields (task, answer or Failure) in the order of completion.

    `tasks` are sorted so that neighbours are best flown by the same worker, in order. After `stopped` returns
    true nothing more is handed out, what is under way is still answered, and `run` ends.
    """

    @property
    def workers(self) -> int: ...
    @property
    def deaths(self) -> int:
        """Workers that died so far."""

    def run(self, tasks: Sequence[Task], stopped: Callable[[], bool]) -> Iterator[tuple[Task, Any]]: ...
    def close(self) -> None: ...


def limit_s(task: Task) -> float:
    """Wall time after which a task's worker is taken for hung."""
    return LIMIT_FLOOR_S + LIMIT_S_PER_SIM_S * (task.sim_s + JUDGEMENT_S)
