"""The one exception tree, with an exit code for each branch.

    SafeholdError
    ├── InputError            exit 2: somebody gave us something that we cannot use
    │   ├── ProblemsError               a file of ours; carries every problem found, not only the first
    │   │   ├── ScenarioError SH-SCN-…  a scenario
    │   │   └── CampaignError SH-CMP-…  a campaign
    │   ├── FolderError       SH-OUT-…  the run's folder
    │   ├── SnapshotError     SH-SNP-…  a snapshot file
    │   ├── BlackBoxError     SH-BBX-…  chunks of the black box
    │   ├── ConsoleError      SH-CON-…  what is asked of a mission control, and its folder
    │   ├── EngineError       SH-ENG-…  what flies a campaign, and its folder
    │   ├── HuntError         SH-HNT-…  what a hunt is asked to vary or to search
    │   └── UsageError        SH-CLI-…  a combination of options that makes no sense
    └── InternalError         exit 3: our own fault, SH-INT-…

Ids never change meaning; they are listed in `IDS`, and a test keeps every id in use on that list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INPUT = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130

LONGEST_KEY = 160
LONGEST_TEXT = 2_000

IDS: dict[str, str] = {
    "SH-SCN-001": "the scenario cannot be found or read",
    "SH-SCN-002": "the scenario is not valid TOML",
    "SH-SCN-003": "a key or table is given twice",
    "SH-SCN-004": "the file is larger than a scenario may be",
    "SH-SCN-005": "unknown key",
    "SH-SCN-006": "a required key is missing",
    "SH-SCN-007": "wrong type of value",
    "SH-SCN-008": "value out of range",
    "SH-SCN-009": "value is NaN or infinite",
    "SH-SCN-010": "not a duration",
    "SH-SCN-011": "not one of the allowed words",
    "SH-SCN-012": "the orbit is given in no form, or in several",
    "SH-SCN-013": "the orbit's elements cannot be used",
    "SH-SCN-014": "unknown kind of fault",
    "SH-SCN-015": "unknown target of a fault",
    "SH-SCN-016": "a fault's parameter is unknown, missing or out of range",
    "SH-SCN-017": "a station without coordinates that is not in the catalogue",
    "SH-SCN-018": "unknown telecommand or argument",
    "SH-SCN-019": "unknown quantity",
    "SH-SCN-020": "an expectation needs above, below or both with room between them, or else equals",
    "SH-SCN-021": "a time outside the run, or a window that is empty",
    "SH-SCN-022": "not a whole number of control ticks",
    "SH-SCN-023": "unknown flight parameter or spacecraft property",
    "SH-SCN-024": "the same thing is declared twice",
    "SH-CMP-001": "the campaign cannot be found or read",
    "SH-CMP-002": "the campaign is not valid TOML",
    "SH-CMP-003": "a key or table is given twice",
    "SH-CMP-004": "the file is larger than a campaign may be",
    "SH-CMP-005": "unknown key",
    "SH-CMP-006": "a required key is missing",
    "SH-CMP-007": "wrong type of value",
    "SH-CMP-008": "value out of range",
    "SH-CMP-009": "value is NaN or infinite",
    "SH-CMP-010": "not a duration",
    "SH-CMP-011": "not one of the allowed words",
    "SH-CMP-012": "the base scenario is none that a campaign may name",
    "SH-CMP-013": "a scenario key that does not exist, or that cannot be varied",
    "SH-CMP-014": "unknown distribution, or one whose parameters are unknown or missing",
    "SH-CMP-015": "a distribution with impossible parameters",
    "SH-CMP-016": "a distribution that can draw what the scenario does not allow",
    "SH-CMP-017": "no runs at all, or more than a campaign may have",
    "SH-CMP-018": "keys of a campaign that contradict each other",
    "SH-CMP-019": "a fault that cannot be injected: its kind, target, parameter or time",
    "SH-CMP-020": "a run of the campaign that cannot be flown",
    "SH-CMP-021": "a storm of more faults than a scenario may have",
    "SH-CMP-022": "more runs than are flown without confirmation",
    "SH-OUT-001": "the output folder cannot be written",
    "SH-OUT-002": "the output folder already holds something",
    "SH-OUT-003": "the folder holds no run that can be read",
    "SH-FRK-001": "the file is not a reference of forks, or is damaged",
    "SH-FRK-002": "the reference has another version",
    "SH-FRK-003": "the reference was made by other code",
    "SH-FRK-004": "the run does not belong to the reference",
    "SH-SNP-001": "the snapshot cannot be found or read",
    "SH-SNP-002": "the file is not a snapshot, or is damaged",
    "SH-SNP-003": "the snapshot has another version",
    "SH-SNP-004": "the snapshot was made by other code",
    "SH-BBX-001": "a chunk of the black box cannot be read",
    "SH-BBX-002": "the file is no chunk of the black box of this build, or is damaged",
    "SH-BBX-003": "chunks that do not belong together",
    "SH-BBX-004": "no chunk has the tick that was asked for",
    "SH-CON-001": "the folder is none that a mission control keeps, or is damaged",
    "SH-CON-002": "the folder's mission control has another dictionary",
    "SH-CON-003": "the mission control has not been told its mission yet",
    "SH-CON-004": "too many telecommands wait, or have been given",
    "SH-CON-005": "a time that is past, or beyond the mission's end",
    "SH-CON-006": "what was asked for could not be kept",
    "SH-CON-007": "there is no such request, or nothing of it waits any more",
    "SH-CON-008": "files go up from a scenario alone",
    "SH-CLI-001": "options that contradict each other",
    "SH-CLI-002": "an option's value cannot be used",
    "SH-CLI-003": "the elements' file cannot be used",
    "SH-CLI-004": "an endpoint or keys that cannot be used",
    "SH-HNT-001": "not a key of a fault",
    "SH-HNT-002": "there is no fault with this number",
    "SH-HNT-003": "the fault has no such key",
    "SH-HNT-004": "the key is no size, or the keys do not belong together",
    "SH-HNT-005": "the range is reversed, empty or no range",
    "SH-HNT-006": "the range leaves what the key allows",
    "SH-HNT-007": "the tolerance cannot be used",
    "SH-HNT-008": "a kind of fault that cannot be drawn",
    "SH-HNT-009": "the scenario has no room for the search",
    "SH-HNT-010": "hypothesis is not installed",
    "SH-HNT-011": "the scenario is broken before anything is added to it",
    "SH-ENG-001": "the folder belongs to another campaign",
    "SH-ENG-002": "the folder's results were flown by other code",
    "SH-ENG-003": "the campaign's folder is being flown by another process",
    "SH-ENG-004": "the engine cannot be reached, or has no workers",
    "SH-ENG-005": "the engine's part of the installation is missing",
    "SH-ENG-006": "the engine's workers have other code",
    "SH-ENG-007": "a folder to merge holds no campaign",
    "SH-INT-001": "a part of the simulation failed",
    "SH-INT-002": "the ground process ended unexpectedly",
    "SH-INT-003": "a part of the installation is missing or outdated",
    "SH-INT-004": "the flight process ended unexpectedly, or refuses",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and what would be right."""

    id: str
    text: str
    key: str = ""

    def __str__(self) -> str:
        text = legible(self.text, LONGEST_TEXT)
        return f"{self.id} {legible(self.key, LONGEST_KEY)}: {text}" if self.key else f"{self.id} {text}"


def legible(text: str, longest: int) -> str:
    """Cut short, and without anything that could steer a terminal: a file may hold any character in a key."""
    cut = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in cut
    )


class SafeholdError(Exception):
    """Anything that safehold raises on purpose."""

    exit_code = EXIT_INTERNAL

    def __init__(self, id: str, text: str) -> None:
        if id not in IDS:
            raise ValueError(f"unregistered error id {id!r}")
        self.id = id
        self.text = text
        super().__init__(f"{id} {text}")


class InputError(SafeholdError):
    """What we were given cannot be used."""

    exit_code = EXIT_INPUT


class ProblemsError(InputError):
    """A file that cannot be used, with every problem found in it."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("an error needs a problem")
        self.source = source
        self.problems = tuple(problems)
        lines = "\n".join(f"{source}: {problem}" for problem in self.problems)
        super().__init__(self.problems[0].id, lines)

    def __str__(self) -> str:
        return self.text


class ScenarioError(ProblemsError):
    """A scenario that cannot be flown."""


class CampaignError(ProblemsError):
    """A campaign that cannot be run."""


class FolderError(InputError):
    """The run's folder cannot be written or read."""


class SnapshotError(InputError):
    """A snapshot cannot be read or does not fit."""


class BlackBoxError(InputError):
    """Chunks of the black box that cannot be read or do not fit."""


class ConsoleError(InputError):
    """A mission control cannot be asked for that, or not in that folder."""


class ForkError(InputError):
    """A reference cannot be read, or does not fit the run."""


class HuntError(InputError):
    """A hunt that cannot be started as it was asked for."""


class EngineError(InputError):
    """A campaign cannot be flown here: its engine, or its folder."""


class UsageError(InputError):
    """Options that make no sense, alone or together."""


class InternalError(SafeholdError):
    """A part of safehold failed; nothing that the user gave is to blame."""

    exit_code = EXIT_INTERNAL
