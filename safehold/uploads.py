"""Files that go up: named in a scenario's `[[upload]]` by a file beside it, and then part of the scenario."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flight.cfdp_pdu import PduError, read_name
from safehold.errors import Problem, ScenarioError
from safehold.stack import file_beside

if TYPE_CHECKING:
    from safehold.scenario import Source
    from safehold.schema import Scenario

OCTETS_MAX = 256 << 10
"""Of all files together: a scenario stays one text of at most 1 MiB that repeats the run."""


def expand(tree: Mapping[str, Any], source: Source) -> tuple[dict[str, Any], list[Problem]]:
    """A scenario's tree with the octets of files (`content`, base85) in place of their names (`file`), and
    what is wrong with files that cannot be taken; these then count as empty, so that all else can be checked.
    """
    uploads = tree.get("upload")
    if not isinstance(uploads, list):
        return dict(tree), []
    expanded: list[Any] = []
    problems: list[Problem] = []
    for place, one in enumerate(uploads, start=1):
        if not isinstance(one, dict) or "file" not in one:
            expanded.append(one)
            continue
        try:
            octets = _octets(one, source, f"[[upload]] {place}, file")
        except ScenarioError as error:
            problems += error.problems
            octets = b""
        content = base64.b85encode(octets).decode("ascii")
        expanded.append({name: value for name, value in one.items() if name != "file"} | {"content": content})
    return {**tree, "upload": expanded}, problems


def _octets(upload: Mapping[str, Any], source: Source, key: str) -> bytes:
    """The octets of the file that an upload names; raises ScenarioError, naming the key."""
    if "content" in upload:
        raise ScenarioError(source.label, [Problem("SH-SCN-005", "goes instead of `content`", key)])
    path = file_beside(upload["file"], source, key)
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            wrong = f"{path} is no regular file"
            raise ScenarioError(source.label, [Problem("SH-SCN-001", wrong, key)])
        with path.open("rb") as file:
            octets = file.read(OCTETS_MAX + 1)
    except OSError as error:
        wrong = f"{path} cannot be read: {error.strerror}"
        raise ScenarioError(source.label, [Problem("SH-SCN-001", wrong, key)]) from None
    if len(octets) > OCTETS_MAX:
        wrong = f"{path} is larger than {OCTETS_MAX >> 10} KiB"
        raise ScenarioError(source.label, [Problem("SH-SCN-004", wrong, key)])
    return octets


def check(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with a scenario's uploads."""
    names: set[str] = set()
    octets = 0
    for place, upload in enumerate(scenario.upload, start=1):
        key = f"[[upload]] {place}"
        if upload.at >= scenario.duration:
            yield Problem("SH-SCN-021", "begins after the run's end", f"{key}, at")
        try:
            folder, _ = read_name(upload.name)
        except PduError:
            folder = ""
        if folder != "upload":
            wrong = f"is {upload.name!r}; names go from upload/0001 to upload/4194303, zeros to four digits"
            yield Problem("SH-SCN-008", wrong, f"{key}, name")
        elif upload.name in names:
            yield Problem(
                "SH-SCN-024", f"{upload.name} goes up twice; give it another number", f"{key}, name"
            )
        names.add(upload.name)
        try:
            octets += len(base64.b85decode(upload.content))
        except ValueError as error:
            yield Problem("SH-SCN-008", f"is not base85: {error}", f"{key}, content")
    if octets > OCTETS_MAX:
        wrong = f"are {octets} octets in all; at most {OCTETS_MAX >> 10} KiB"
        yield Problem("SH-SCN-008", wrong, "[[upload]]")
