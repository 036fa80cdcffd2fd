"""The campaign file as data: every key, its type, range and default.

What needs more than one key, the base scenario or another part's registry is checked in
`safehold.campaign.definition`. Durations are held as integer nanoseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from safehold.errors import CampaignError
from safehold.schema import Duration, Expect, Fault, Line, Name, PositiveDuration, Table
from safehold.toml_input import Format

SCHEMA_VERSION = 1
PERMANENT = "permanent"
MOST_RUNS = 10**9

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(allow_inf_nan=False, ge=0.0, le=1.0)]
Word = Annotated[str, Field(min_length=1, max_length=80)]
Key = Annotated[str, Field(min_length=1, max_length=200)]


def _one_or_more(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _lasting(value: object) -> object:
    return None if value == PERMANENT else value


def _listed(item: dict[str, Any]) -> WithJsonSchema:
    """For editors: one, or a list of them."""
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]})


_TEXT: dict[str, Any] = {"type": "string"}
_LASTING: dict[str, Any] = {"type": "string", "description": 'a duration, or "permanent"'}
Words = Annotated[
    list[Word], BeforeValidator(_one_or_more), Field(min_length=1, max_length=1_000), _listed(_TEXT)
]
Times = Annotated[
    list[Duration], BeforeValidator(_one_or_more), Field(min_length=1, max_length=10_000), _listed(_TEXT)
]
Lasting = Annotated[PositiveDuration | None, BeforeValidator(_lasting), WithJsonSchema(_LASTING)]
Lastings = Annotated[
    list[Lasting], BeforeValidator(_one_or_more), Field(min_length=1, max_length=10_000), _listed(_LASTING)
]


def _span(value: object) -> object:
    spans = _one_or_more(value)
    if isinstance(spans, list) and len(spans) not in (1, 2):
        raise PydanticCustomError(
            "SH-SCN-007", "needs one duration, or the shortest and the longest in a list", {}
        )
    return spans


class Vary(BaseModel):
    """A dispersion: a scenario key and what it is drawn from; the other keys belong to the distribution."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Any]

    key: Key
    distribution: Word
    relative: bool = Field(default=False, description="what is drawn multiplies the base's value")
    offset: bool = Field(default=False, description="what is drawn is added to the base's value")

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys that belong to the distribution."""
        return dict(self.__pydantic_extra__ or {})


class Grid(BaseModel):
    """A block of the grid: one fault a run, from every combination; the other keys belong to the kinds."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Any]

    kinds: Words | None = None
    targets: Words | None = Field(default=None, description="left out: every one that the kind can hit")
    at: Times | None = None
    duration: Lastings = Field(default=[None], description='"permanent" if left out')
    keys: dict[Key, list[Any]] = Field(
        default_factory=dict, max_length=50, description="scenario keys, each with the values that it takes"
    )

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """The keys that belong to the kinds of fault, each as a list of values."""
        extra = self.__pydantic_extra__ or {}
        return {name: value if isinstance(value, list) else [value] for name, value in extra.items()}


class StormKind(BaseModel):
    """A kind of fault in a storm; the other keys are its parameters: a number, or a distribution's table."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Any]

    kind: Word
    weight: Annotated[float, Field(allow_inf_nan=False, gt=0.0, le=1e6)] = 1.0
    targets: Words | None = Field(default=None, description="left out: every one that the kind can hit")

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys that belong to the kind."""
        return dict(self.__pydantic_extra__ or {})


class Storm(Table):
    """Faults at random times."""

    rate_per_day: Annotated[float, Field(allow_inf_nan=False, gt=0.0, le=1e6)]
    kinds: Words | None = Field(default=None, description="kinds that need no parameters, each alike")
    kind: list[StormKind] = Field(default_factory=list, max_length=100)
    at_most: Annotated[int, Field(ge=1, le=64)] = 3
    permanent_share: Share = 0.0
    duration: Annotated[
        list[PositiveDuration],
        BeforeValidator(_span),
        Field(description="of those that pass: always the same, or between the shortest and the longest"),
        _listed(_TEXT),
    ]
    from_: Annotated[Duration, Field(alias="from")] = 0
    until: Duration | None = None


class Flips(Table):
    """One bit of one replica's state flips in each run, uniform over bit and tick."""

    count: int
    replicas: Annotated[list[Annotated[int, Field(ge=0, le=2)]], Field(min_length=1, max_length=3)] | None = (
        None
    )
    from_: Annotated[Duration, Field(alias="from")] = 0
    until: Duration | None = None


class CampaignFile(Table):
    """A whole campaign."""

    version: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    description: Line = ""
    base: str | dict[str, Any] = Field(
        description="a built-in scenario, a .toml file beside the campaign, or the scenario itself as a table"
    )
    seed: Seed = 1
    runs: int | None = None
    duration: PositiveDuration | None = None
    same_seed: bool | None = None
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=100_000)] | None = None
    repeat_share: Share = 0.02
    set: dict[Key, Any] = Field(default_factory=dict, max_length=1_000)
    vary: list[Vary] = Field(default_factory=list, max_length=1_000)
    grid: list[Grid] = Field(default_factory=list, max_length=1_000)
    storm: Storm | None = None
    flips: Flips | None = None
    fault: list[Fault] = Field(default_factory=list, max_length=1_000)
    expect: list[Expect] | None = Field(default=None, max_length=1_000)


FORMAT = Format(noun="campaign", ids="SH-CMP", error=CampaignError, model=CampaignFile)
