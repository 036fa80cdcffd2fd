"""Which telecommand an answer is taken to belong to, and how much of the answers a result has."""

from __future__ import annotations

from typing import Any

import pytest

from safehold.answers import ANSWERS_OF_ALL, ANSWERS_OF_ONE, answer_lines, with_answers

SECOND_NS = 1_000_000_000


def asked(name: str, done_s: float | None, **arguments: Any) -> dict[str, Any]:
    done_ns = None if done_s is None else round(done_s * SECOND_NS)
    return {"name": name, "arguments": arguments, "onboard_ns": done_ns}


def row(service: int, subtype: int, at_s: float, **content: Any) -> dict[str, Any]:
    times = {"arrival_ns": round(at_s * SECOND_NS) + 1, "time_ns": round(at_s * SECOND_NS)}
    return {"service": service, "subtype": subtype, "quality": "live", "content": content, **times}


def places(commands: list[dict[str, Any]], answer: dict[str, Any]) -> list[int]:
    return [place for place, one in enumerate(with_answers(commands, [answer])) if "answers" in one]


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (row(15, 13, 10.1, stream=0), [0]),
        (row(15, 13, 11.5, stream=2), [1]),  # its argument fits, and its report is a little later
        (row(15, 13, 30.0, stream=0), [2]),  # the nearest in time
        (row(15, 13, 8.9, stream=0), []),  # before it was asked for
        (row(15, 13, 95.0, stream=0), []),
        (row(15, 13, 10.0, stream=4), []),
        (row(17, 4, 10.0, apid=100), []),
        (row(9, 9, 10.0), []),
    ],
)
def test_an_answer_goes_to_the_telecommand_that_asked(answer: dict[str, Any], place: list[int]) -> None:
    commands = [
        asked("report_storage", 10.0, stream=0.0),
        asked("report_storage", 12.0, stream=[1.0, 2.0]),
        asked("report_storage", 30.1, stream=0.0),
        asked("report_storage", None, stream=4.0),
        asked("ping", 10.0),
    ]
    assert places(commands, answer) == place


def test_a_result_has_a_bounded_part_of_the_answers() -> None:
    many = [row(23, 13, 10.0 + place / 100, files_held=0, place=place, files=[]) for place in range(40)]
    (one,) = with_answers([asked("list_files", 10.0)], many)
    assert (len(one["answers"]), one["answers_left_out"]) == (ANSWERS_OF_ONE, 40 - ANSWERS_OF_ONE)
    commands = [asked("test_connection", 100.0 * place, apid=100.0) for place in range(300)]
    found = with_answers(commands, [row(17, 4, 100.0 * place, apid=100) for place in range(300)])
    assert sum(len(one["answers"]) for one in found) == ANSWERS_OF_ALL
    assert sum(one.get("answers_left_out", 0) for one in found) == 300 - ANSWERS_OF_ALL
    (long,) = with_answers(
        [asked("dump_memory", 1.0, area=1.0, offset=0.0, length=8.0)],
        [row(6, 6, 1.0, area=1, offset=0, octets="00" * 5000)],
    )
    assert long["answers"][0]["content"] is None
    assert answer_lines([long]) == ["answer   00:00:01  dump_memory: long, in reports.jsonl"]
