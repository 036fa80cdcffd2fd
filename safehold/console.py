"""A console of the mission control that keeps a folder: telecommands asked for, taken back, and looked at.

What is asked for is checked here as a scenario's telecommands are, against what the mission control knew when
it last kept itself; then it goes into the folder's console.sqlite. Mission control takes it from there, at
once or when it is started again, and holds it against what is true by then (`ground.console`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field, ValidationError

from flight.dictionary import SHA256
from ground.config import Command
from ground.console import (
    ADDED_MAX,
    WAITING_MAX,
    encode_request,
    encode_withdrawal,
    read_request,
)
from ground.store import StoreError
from ground.store.archive import DATABASE, JOURNAL, look_into
from ground.store.console import CONTENT_OCTETS_MAX, NAME, ConsoleBook, Entry
from safehold import commands, schema, stack
from safehold.clock import wall_utc
from safehold.console_queue import Known, known_of, of_console, row_of, shown
from safehold.documents import DAMAGED
from safehold.durations import format_clock, format_duration
from safehold.errors import ConsoleError, Problem, ScenarioError
from safehold.scenario import Source
from safehold.toml_input import Format, problems_of

COMMAND_LINE = "command line"
_FIRST = "[[command]] 1, "


class Asked(schema.Table):
    """What is asked for, as the part of a scenario that it is like."""

    command: list[schema.Command] = Field(default_factory=list, max_length=WAITING_MAX)


_FORMAT = Format(noun="request", ids="SH-SCN", error=ScenarioError, model=Asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Options that go with telecommands; times as text, counted from the epoch. None: as it comes."""

    at: str | None = None
    execute_at: str | None = None
    expires: str | None = None
    priority: str | None = None

    def given(self) -> dict[str, str]:
        """Those that were given, by the scenario's keys."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def ask(folder: Path, name: str, arguments: Mapping[str, Any], wishes: Wishes) -> int:
    """Asks for one telecommand; the request's number. Raises ConsoleError and ScenarioError."""
    given, where = dict(arguments), Path()
    if isinstance(file := given.get("file"), str):  # beside no scenario here: where it lies
        where, given["file"] = Path(file).parent, Path(file).name
    row = {"name": name, "arguments": given, **wishes.given()}
    return _ask(folder, [row], Source(COMMAND_LINE, where), "")


def ask_stack(folder: Path, path: Path, wishes: Wishes) -> int:
    """Asks for the telecommands of a stack, in their order; as `ask`."""
    source = Source(str(path), path.parent)
    rows, uploads = stack.read(path, source)
    if uploads:
        wrong = f"{path} has {len(uploads)} [[upload]] tables; files go up from a scenario alone"
        raise ConsoleError("SH-CON-008", wrong)
    if len(rows) > WAITING_MAX:
        wrong = f"{path} has {len(rows)} telecommands; at most {WAITING_MAX} may wait"
        raise ConsoleError("SH-CON-004", wrong)
    label = "".join(one if one.isprintable() else "?" for one in path.name)[:80]
    group = {"group": label}
    return _ask(folder, [wishes.given() | row | group for row in rows], source, label)


def take_back(folder: Path, number: int) -> int:
    """Asks for what has not gone up of a request to be taken back; the number of this request."""
    with _opened(folder) as (book, known), _writing(folder, book):
        entry = book.entry(number)
        if entry is None:
            raise ConsoleError("SH-CON-007", f"{folder} has no request {number}; --list shows those it has")
        if _withdrawn(entry) is not None:
            raise ConsoleError("SH-CON-007", f"request {number} is itself one to take back another")
        for one in book.withdrawals(known.console.taken):
            if _withdrawn(one) == number:
                wrong = f"request {one.number}, which waits, takes back request {number} already"
                raise ConsoleError("SH-CON-007", wrong)
        rows = shown(entry, known)
        if not any(one["state"] in ("waiting", "queued") for one in rows if one["telecommand"]):
            state = ", ".join(dict.fromkeys(str(one["state"]) for one in rows))
            raise ConsoleError("SH-CON-007", f"nothing of request {number} waits any more: it is {state}")
        _require_running(known, str(folder))
        return _add(book, known, 0, encode_withdrawal(known.config.sha256(), number))


def _withdrawn(entry: Entry) -> object:
    """The number of the request that one takes back; None if it takes none back, or is no request."""
    try:
        return read_request(entry.content).get("take_back")
    except DAMAGED:
        return None


def queue(folder: Path) -> dict[str, Any]:
    """The queue of a folder's mission control: every telecommand, those that it has not taken yet last."""
    with _opened(folder) as (book, known):
        try:
            entries = book.entries()
        except StoreError as error:
            raise ConsoleError("SH-CON-001", str(error)) from None
    others = [one for origin, rows in known.rows.items() if not of_console(origin) for one in rows]
    rows = [row_of(one, known.time_ns) for one in others]
    for entry in entries:
        rows += shown(entry, known)
    return {
        "folder": str(folder),
        "epoch": known.config.epoch,
        "time_ns": known.time_ns,
        "end_ns": known.config.duration_ns,
        "ended": known.ended,
        "telecommands": rows,
    }


def _ask(folder: Path, rows: Sequence[Mapping[str, Any]], source: Source, label: str) -> int:
    with _opened(folder) as (book, known):
        wanted = _checked(rows, source, known)
        content = encode_request(known.config.sha256(), wanted, stack=label)
        if len(content) > CONTENT_OCTETS_MAX:
            wrong = f"{source.label} makes {len(content):,} octets; a request has {CONTENT_OCTETS_MAX:,}"
            raise ConsoleError("SH-CON-004", wrong)
        with _writing(folder, book):
            # Between the two looks mission control may have taken some: they then count as not taken.
            untaken = book.telecommands(known.console.taken)
            waiting, more = untaken + known.waiting(), len(wanted)
            if waiting + more > WAITING_MAX:
                wrong = (
                    f"{waiting} telecommands of consoles wait, and {more} more would be over {WAITING_MAX}"
                )
                raise ConsoleError("SH-CON-004", f"{folder}: {wrong}; wait until they have gone up")
            if (had := known.added() + untaken) + more > ADDED_MAX:
                wrong = f"mission control has had {had} telecommands, and takes {ADDED_MAX} in all"
                raise ConsoleError("SH-CON-004", f"{folder}: {wrong}")
            return _add(book, known, more, content)


def _add(book: ConsoleBook, known: Known, telecommands: int, content: bytes) -> int:
    """The number of a new request; raises ConsoleError if mission control would not look at it."""
    number = book.add(_now(), telecommands, content)
    if number <= (taken := known.console.taken):
        wrong = f"{book.path} has come to request {number}, and mission control has taken those up to {taken}"
        raise ConsoleError("SH-CON-006", f"{wrong}: it was replaced; ask again once mission control runs")
    return number


def _checked(rows: Sequence[Mapping[str, Any]], source: Source, known: Known) -> list[Command]:
    """The telecommands as the ground is told them; raises ScenarioError or ConsoleError for what is wrong."""
    _require_running(known, source.label)
    now = format_duration(known.time_ns)
    tree = commands.expand({"command": [{"at": now, **row} for row in rows]}, source)
    try:
        asked = Asked.model_validate(tree)
    except ValidationError as error:
        _refuse(source, problems_of(error.errors(include_url=False), _FORMAT))
    problems = [
        Problem("SH-CON-005", f"is past: mission control has come to {format_clock(known.time_ns)}", key)
        for place, (row, one) in enumerate(zip(rows, asked.command, strict=True), start=1)
        for key in _past(row, one, known.time_ns, f"[[command]] {place}, ")
    ]
    problems = problems or list(commands.check_each(asked.command, known.config.duration_ns))
    if problems:
        _refuse(source, problems)
    told = [commands.to_ground(one) for one in asked.command]
    return [one if "at" in row else replace(one, at_ns=0) for one, row in zip(told, rows, strict=True)]


def _require_running(known: Known, where: str) -> None:
    """Raises ConsoleError once nobody flies any more what is asked for."""
    if known.ended:
        whole = known.time_ns >= known.config.duration_ns
        end = ", the end of its mission" if whole else ", and its run has ended"
        came = f"has come to {format_clock(known.time_ns)}{end}"
        raise ConsoleError("SH-CON-005", f"{where}: mission control {came}; nothing goes up any more")


def _past(row: Mapping[str, Any], one: schema.Command, time_ns: int, where: str) -> Iterator[str]:
    """The keys whose times are over; with `at`, `check_each` holds the others against it."""
    if "at" in row:
        if one.at < time_ns:
            yield f"{where}at"
        return
    if one.expires is not None and one.expires <= time_ns:
        yield f"{where}expires"
    if one.execute_at is not None and one.execute_at <= time_ns:
        yield f"{where}execute_at"


def _refuse(source: Source, problems: list[Problem]) -> NoReturn:
    if source.label == COMMAND_LINE:
        problems = [replace(one, key=one.key.removeprefix(_FIRST)) for one in problems]
    raise ScenarioError(source.label, problems)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[tuple[ConsoleBook, Known]]:
    """The requests of a folder and what its mission control knows; raises ConsoleError if it is not one."""
    try:
        missing = [name for name in (JOURNAL, DATABASE, NAME) if not (folder / name).is_file()]
    except OSError as error:
        raise ConsoleError("SH-CON-001", f"{folder}: {error.strerror}") from None
    if missing:
        wrong = f"{folder} has no {missing[0]}: it is none that a mission control keeps"
        raise ConsoleError("SH-CON-001", f"{wrong}; give the folder of `safehold ground --data`")
    try:
        saved = look_into(folder)
        book = ConsoleBook(folder)
    except StoreError as error:
        raise ConsoleError("SH-CON-001", str(error)) from None
    with book:
        if book.dictionary != SHA256:
            wrong = f"{folder}: its mission control ran with another dictionary than this safehold has"
            raise ConsoleError("SH-CON-002", f"{wrong}; use the same version for both")
        if saved is None or not saved.pieces:
            wrong = f"{folder}: its mission control has not been told its mission yet"
            raise ConsoleError("SH-CON-003", f"{wrong}; the run does that when it begins")
        try:
            known = known_of(saved)
        except (StoreError, *DAMAGED) as error:
            raise ConsoleError("SH-CON-001", f"{folder} holds no ground that can be read: {error}") from None
        yield book, known


@contextlib.contextmanager
def _writing(folder: Path, book: ConsoleBook) -> Iterator[None]:
    """While a request is added, and no other console adds one; raises ConsoleError."""
    try:
        with book.writing():
            yield
    except StoreError as error:
        raise ConsoleError("SH-CON-006", str(error)) from None
    except OSError as error:
        raise ConsoleError("SH-CON-006", f"{folder}: {error.strerror}") from None


def _now() -> str:
    return wall_utc().isoformat(timespec="seconds").replace("+00:00", "Z")
