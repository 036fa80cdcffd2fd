"""The command queue: order, one radiation each, and reports that come twice, late, wrong or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.packets import Verification, decode_tc_packet
from ground.commands import CommandQueue
from ground.config import Command

# What each state may become; a report never moves a telecommand back.
FORWARD = {
    "queued": {"queued"},
    "sent": {"sent", "accepted", "rejected", "completed", "failed"},
    "accepted": {"accepted", "completed", "failed"},
    "completed": {"completed"},
    "rejected": {"rejected"},
    "failed": {"failed"},
}


def pings(count: int) -> CommandQueue:
    return CommandQueue(tuple(Command(at_ns=index, name="ping") for index in range(count)))


def test_commands_go_up_in_the_order_in_which_they_are_wanted() -> None:
    wanted = [
        Command(at_ns=at, name="set_mode", arguments={"mode": mode}) for at, mode in ((5, 2), (1, 3), (5, 4))
    ]
    queue = CommandQueue(tuple(wanted))
    modes = []
    while queue.waiting() is not None:
        modes.append(decode_tc_packet(queue.send(0, 10)).data[2])
    assert modes == [3, 2, 4]
    assert [one["index"] for one in queue.results()] == [0, 1, 2]


@pytest.mark.requirement("L2.6")
@given(
    st.lists(
        st.one_of(
            st.just("send"),
            st.just("answer"),
            st.tuples(st.sampled_from([1, 2, 7, 8]), st.integers(0, 5), st.integers(0, 99)),
        ),
        max_size=40,
    )
)
def test_a_report_never_moves_a_command_back(steps: list[object]) -> None:
    queue = pings(5)
    for now, step in enumerate(steps):
        before = queue.results()
        if step == "send":
            if queue.waiting() is not None:
                queue.send(0, now)
        elif step == "answer":
            queue.answer(now, sent_by_ns=now - 1)
        elif isinstance(step, tuple):
            subtype, number, code = step
            queue.verify(Verification(subtype, 0x1864C000 + number, code), now)
        after = queue.results()
        changed = 0
        for old, new in zip(before, after, strict=True):
            assert new["state"] in FORWARD[old["state"]] or (old["state"], step) == ("queued", "send")
            changed += old != new
            if new["answer_ns"] is not None:
                assert new["departure_ns"] < new["answer_ns"]
        assert changed <= 1
        again = pings(5)
        again.restore(queue.to_plain())
        assert again.to_plain() == queue.to_plain()


def test_a_request_id_that_comes_round_names_the_later_command() -> None:
    queue = pings(16_385)
    for now in range(16_385):
        queue.send(0, now)
    first, last = queue.results()[0], queue.results()[-1]
    assert first["request_id"] == last["request_id"]
    assert queue.verify(Verification(1, first["request_id"]), 20_000)
    assert [queue.results()[0]["state"], queue.results()[-1]["state"]] == ["sent", "accepted"]


def test_an_answer_nobody_asked_for_is_told() -> None:
    queue = pings(1)
    assert not queue.answer(5, sent_by_ns=4)
    queue.send(0, 5)
    assert not queue.answer(6, sent_by_ns=4)
    assert queue.answer(9, sent_by_ns=5)
    assert not queue.answer(10, sent_by_ns=6)
    assert not queue.verify(Verification(1, 99), 10)


def test_a_state_of_other_commands_is_refused() -> None:
    with pytest.raises(ValueError, match="others"):
        pings(2).restore(pings(3).to_plain())
    with pytest.raises(ValueError, match="3 of 2"):
        pings(2).restore({**pings(2).to_plain(), "sent": 3})


@pytest.mark.requirement("L6.3")
def test_a_time_tagged_command_is_completed_in_the_schedule_and_executed_later() -> None:
    queue = CommandQueue((Command(at_ns=0, name="ping", execute_at_ns=9_000_000_000),))
    outer = decode_tc_packet(queue.send(0, 1))
    assert (outer.service, outer.subtype) == (11, 4)
    inner = decode_tc_packet(outer.data[8:]).request_id
    assert not queue.verify(Verification(7, inner ^ 1), 2)
    for subtype, request_id, state in (
        (1, outer.request_id, "accepted"),
        (7, outer.request_id, "completed"),
        (1, inner, "completed"),
        (7, inner, "executed"),
    ):
        assert queue.verify(Verification(subtype, request_id), subtype)
        assert queue.results()[0]["state"] == state
    assert queue.results()[0]["executed_ns"] == 7
    again = CommandQueue((Command(at_ns=0, name="ping", execute_at_ns=9_000_000_000),))
    again.send(0, 1)
    assert again.verify(Verification(4, inner, 13, 0), 5)
    assert (again.results()[0]["state"], again.results()[0]["failure_code"]) == ("failed", 13)
