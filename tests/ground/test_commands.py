"""The command queue: what goes up next, and reports that come twice, late, wrong or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.packets import Verification, decode_tc_packet
from flight.services import SCHEDULED_SEQUENCE
from ground.commands import OWN, WINDOW_MAX_NS, CommandQueue
from ground.config import Command
from ground.tracking import DELETED_CODE

# What each state may become by a report; none moves a telecommand back.
FORWARD = {
    "queued": {"queued"},
    "sent": {"sent", "accepted", "started", "rejected", "completed", "failed", "interrupted"},
    "accepted": {"accepted", "started", "completed", "failed", "interrupted"},
    "started": {"started", "completed", "failed", "interrupted"},
    "completed": {"completed"},
    "rejected": {"rejected"},
    "failed": {"failed"},
    "interrupted": {"interrupted"},
}
STAGES = ("accepted_ns", "started_ns", "completed_ns")


def mode(number: int, **changes: object) -> Command:
    command = Command(at_ns=0, name="set_mode", arguments={"mode": number})
    return replace(command, **changes)  # type: ignore[arg-type]


def pings(count: int) -> CommandQueue:
    return CommandQueue(tuple(Command(at_ns=index, name="ping") for index in range(count)))


def send(queue: CommandQueue, now_ns: int) -> int | None:
    """Sends what goes up next; its index."""
    chosen = queue.pick(now_ns)
    if chosen is None:
        return None
    queue.packet(chosen, 0, now_ns)
    return chosen.index


def all_sent(queue: CommandQueue, now_ns: int = 100) -> list[int]:
    return [index for _ in range(100) if (index := send(queue, now_ns)) is not None]


def report(queue: CommandQueue, index: int, subtype: int, code: int = 0) -> bool:
    request = queue[index].request_id
    assert request is not None
    return queue.verify(Verification(subtype, request, code), 50)


def test_commands_go_up_in_the_order_in_which_they_are_wanted() -> None:
    queue = CommandQueue(tuple(mode(number, at_ns=at) for at, number in ((5, 2), (1, 3), (5, 4))))
    assert queue.pick(0) is None
    modes = []
    while (chosen := queue.pick(10)) is not None:
        modes.append(decode_tc_packet(queue.packet(chosen, 0, 10)).data[2])
    assert modes == [3, 2, 4]
    assert [one["index"] for one in queue.results(10)] == [0, 1, 2]


def test_the_most_urgent_of_what_is_due_goes_first() -> None:
    queue = CommandQueue(
        tuple(mode(3, at_ns=at, priority=urgency) for at, urgency in ((0, 3), (1, 2), (2, 0), (9, 0), (3, 2)))
    )
    assert send(queue, 1) == 1
    assert all_sent(queue, 5) == [2, 4, 0]
    assert all_sent(queue, 9) == [3]
    assert queue.pick(5, priority_max=0) is None


def test_what_has_expired_does_not_go_up() -> None:
    queue = CommandQueue((mode(2, expires_ns=50), mode(3, expires_ns=51), mode(4)))
    assert [one["state"] for one in queue.results(50)] == ["expired", "queued", "queued"]
    assert all_sent(queue, 50) == [1, 2]
    expired = queue.results(50)[0]
    assert (expired["state"], expired["closed_ns"], expired["departure_ns"]) == ("expired", 50, None)


def test_a_stack_keeps_its_order_whatever_the_priorities() -> None:
    queue = CommandQueue(
        (
            mode(2, stack="a", priority=3),
            mode(3, stack="a", priority=0),
            mode(4),
            mode(2, stack="b", priority=1),
        )
    )
    assert all_sent(queue) == [3, 2, 0, 1]


def test_a_command_that_waits_for_the_one_before_it() -> None:
    queue = CommandQueue((mode(2, stack="a"), mode(3, stack="a", after_completion=True), mode(4)))
    assert all_sent(queue) == [0, 2]
    report(queue, 0, 1)
    assert send(queue, 100) is None
    report(queue, 0, 7)
    assert send(queue, 100) == 1


@pytest.mark.parametrize("end", ["rejected", "failed", "interrupted", "expired", "unknown"])
def test_what_follows_in_a_stack_after_something_came_to_nothing_is_cancelled(end: str) -> None:
    first = mode(2, stack="a", expires_ns=10 if end == "expired" else None)
    queue = CommandQueue((first, mode(3, stack="a", after_completion=True), mode(4, stack="a"), mode(5)))
    assert all_sent(queue) == ([3] if end == "expired" else [0, 3])
    if end == "unknown":
        queue.give_up(0, 20)
    elif end != "expired":
        report(queue, 0, 2 if end == "rejected" else 8, 12 if end == "interrupted" else 10)
    assert all_sent(queue) == []
    assert [one["state"] for one in queue.results(100)] == [end, "cancelled", "cancelled", "sent"]


@pytest.mark.requirement("L2.6")
@given(
    st.lists(
        st.one_of(
            st.just("send"),
            st.just("answer"),
            st.tuples(
                st.integers(1, 8).filter(lambda n: n != 6), st.integers(0, 5), st.sampled_from([0, 10, 12])
            ),
        ),
        max_size=40,
    )
)
def test_a_report_never_moves_a_command_back(steps: list[object]) -> None:
    queue = pings(5)
    for now, step in enumerate(steps):
        before = queue.results(now)
        if step == "send":
            send(queue, now)
        elif step == "answer":
            queue.answer(now, sent_by_ns=now - 1)
        elif isinstance(step, tuple):
            subtype, number, code = step
            queue.verify(Verification(subtype, 0x1864C000 + number, code), now)
        after = queue.results(now)
        changed = 0
        for old, new in zip(before, after, strict=True):
            assert new["state"] in FORWARD[old["state"]] or (old["state"], step) == ("queued", "send")
            changed += old != new
            assert all(old[stage] in (None, new[stage]) for stage in STAGES)
            if new["answer_ns"] is not None:
                assert new["departure_ns"] < new["answer_ns"]
        assert changed <= 1
        again = pings(5)
        again.restore(queue.to_plain())
        assert again.to_plain() == queue.to_plain()


@pytest.mark.requirement("L2.6")
def test_reports_played_back_in_any_order_tell_every_stage() -> None:
    queue = pings(1)
    send(queue, 0)
    for when, subtype in ((10, 7), (11, 1), (12, 3), (13, 7), (14, 1)):
        assert queue.verify(Verification(subtype, 0x1864C000), when, when - 5, stored=True)
    (ping,) = queue.results(20)
    assert (ping["state"], ping["onboard_ns"], ping["stored"]) == ("completed", 5, True)
    assert [ping[stage] for stage in ("accepted_ns", "started_ns", "completed_ns")] == [11, 12, 10]
    assert not queue.verify(Verification(8, 0x1864C000, 10), 15)


def test_a_late_report_settles_what_was_unknown() -> None:
    queue = pings(2)
    all_sent(queue)
    queue.give_up(0, 20)
    queue.give_up(1, 20)
    report(queue, 0, 7)
    report(queue, 1, 2, 8)
    assert [(one["state"], one["closed_ns"]) for one in queue.results(99)] == [
        ("completed", None),
        ("rejected", 50),
    ]


@pytest.mark.requirement("L2.6")
def test_what_expired_after_it_had_gone_up_is_told_as_it_was_if_a_withheld_frame_arrives() -> None:
    queue = CommandQueue((mode(2, expires_ns=40), mode(3, expires_ns=40)))
    assert send(queue, 10) == 0
    assert not queue.may_repeat(0, 45)
    assert queue.pick(45) is None
    assert [one["state"] for one in queue.results(45)] == ["expired", "expired"]
    assert queue[0].closed_ns == 40
    assert report(queue, 0, 7)
    assert (queue[0].state, queue[0].completed_ns, queue[0].closed_ns) == ("completed", 50, None)
    assert not report(queue, 0, 8, 10)
    assert queue[0].state == "completed"


IDS = 8_192


def send_one(queue: CommandQueue, now_ns: int) -> int:
    """Sends a command of its own, which does not wait in a long queue."""
    index = queue.add(mode(3))
    assert send(queue, now_ns) == index
    return index


@pytest.mark.requirement("L2.6")
def test_a_request_id_is_not_given_again_while_a_report_may_tell_of_its_command() -> None:
    tagged = Command(at_ns=0, name="ping", execute_at_ns=10**17)
    queue = CommandQueue((mode(2), mode(2), mode(2), mode(2, expires_ns=5), tagged))
    assert all_sent(queue, 4) == [0, 1, 2, 3, 4]
    for index, subtype in ((1, 1), (4, 1), (4, 7)):
        report(queue, index, subtype)
    queue.give_up(2, 10)
    assert not queue.may_repeat(3, 10)
    held = ["sent", "accepted", "unknown", "expired", "completed"]
    assert [one["state"] for one in queue.results(10)] == held
    for _ in range(5, IDS):
        report(queue, send_one(queue, 20), 7)
    later = send_one(queue, 20)
    assert queue[later].request_id == queue[5].request_id, "that of the first command that is done with"
    assert report(queue, 0, 7)
    assert report(queue, 1, 7)
    assert report(queue, 2, 7)
    assert report(queue, 3, 7)
    assert queue.verify(Verification(7, (queue[4].request_id or 0) | SCHEDULED_SEQUENCE), 30)
    assert [queue[index].state for index in range(5)] == ["completed"] * 4 + ["executed"]
    assert queue[later].state == "sent"


def test_when_every_request_id_is_held_one_that_was_given_up_is_given_again_and_then_the_oldest() -> None:
    queue = CommandQueue(())
    for index in range(IDS):
        assert send_one(queue, 10) == index
    queue.give_up(7, 20)
    assert queue[send_one(queue, 30)].request_id == queue[7].request_id
    assert (queue[8].state, queue[9].state) == ("sent", "sent")
    last = send_one(queue, 40)
    assert queue[last].request_id == queue[8].request_id
    assert (queue[8].state, queue[8].reason, queue[8].closed_ns) == ("unknown", "request_id", 40)
    assert report(queue, last, 1)
    assert (queue[8].state, queue[last].state) == ("unknown", "accepted")


def scheduled(queue: CommandQueue, *, at_ns: int = 5) -> None:
    """Sends the first command and has it reported, on board at a time, as complete: in the schedule."""
    assert send(queue, 1) == 0
    for subtype in (1, 7):
        assert queue.verify(Verification(subtype, queue[0].request_id or 0), 2, at_ns)


TAGGED = Command(at_ns=0, name="ping", execute_at_ns=9_000_000_000)


@pytest.mark.requirement("L2.6")
def test_a_cold_start_closes_what_was_in_the_satellite_s_hands_before_it() -> None:
    queue = CommandQueue((TAGGED, mode(2), mode(3), mode(4)))
    scheduled(queue)
    assert all_sent(queue, 1) == [1, 2, 3]
    for index, subtype, onboard_ns in ((1, 1, 6), (2, 7, 6), (3, 1, 7)):
        queue.verify(Verification(subtype, queue[index].request_id or 0), 9, onboard_ns)
    queue.start_cold(2, 7, 11)
    told = [(one["state"], one["reason"], one["closed_ns"]) for one in queue.results(20)]
    assert told == [
        ("unknown", "cold_start", 11),
        ("unknown", "cold_start", 11),
        ("completed", "", None),
        ("accepted", "", None),
    ]
    again = CommandQueue((TAGGED, mode(2), mode(3), mode(4)))
    again.restore(queue.to_plain())
    queue.start_cold(2, 9, 12)
    assert queue[3].state == "accepted", "each start once"
    again.start_cold(3, 9, 12)
    assert again[3].state == "unknown"
    # What was executed all the same, and reported before, is told.
    assert queue.verify(Verification(7, (queue[0].request_id or 0) | SCHEDULED_SEQUENCE), 30, 6, stored=True)
    assert (queue[0].state, queue[0].reason, queue[0].executed_ns) == ("executed", "", 30)


@pytest.mark.requirement("L2.6")
def test_what_is_played_back_from_before_a_cold_start_leaves_nothing_open() -> None:
    queue = CommandQueue((TAGGED,))
    assert send(queue, 1) == 0
    queue.start_cold(2, 7, 11)
    assert queue[0].state == "sent", "it may be taken after the start"
    for subtype in (1, 7):
        assert queue.verify(Verification(subtype, queue[0].request_id or 0), 12, 5, stored=True)
    assert (queue[0].state, queue[0].reason) == ("unknown", "cold_start")
    assert (queue[0].accepted_ns, queue[0].completed_ns) == (12, 12)


def accepted(queue: CommandQueue, index: int, onboard_ns: int) -> str:
    """Plays back that a command was taken at an on-board time; its state then."""
    assert queue.verify(Verification(1, queue[index].request_id or 0), 60, onboard_ns, stored=True)
    return queue[index].state


@pytest.mark.requirement("L2.6")
def test_what_goes_up_after_a_cold_start_was_told_is_not_lost_in_it_though_on_board_time_went_back() -> None:
    """The start was seen with the clock ahead, which was set right afterwards."""
    queue = CommandQueue((mode(2), mode(3), mode(4, at_ns=11), replace(TAGGED, at_ns=11)))
    assert all_sent(queue, 10) == [0, 1]
    assert accepted(queue, 0, 6) == "accepted"
    queue.start_cold(2, 1_000_000, 11)
    assert (queue[0].state, queue[0].reason) == ("unknown", "cold_start")
    assert all_sent(queue, 11) == [2, 3]
    again = CommandQueue((mode(2), mode(3), mode(4, at_ns=11), replace(TAGGED, at_ns=11)))
    again.restore(queue.to_plain())
    for one in (queue, again):
        assert accepted(one, 1, 20) == "unknown", "it may have been in the satellite's hands"
        assert accepted(one, 2, 21) == "accepted"
        assert accepted(one, 3, 22) == "accepted"
        assert one.verify(Verification(7, one[3].request_id or 0), 61, 23)
        assert one[3].state == "completed", "in the schedule"


@pytest.mark.requirement("L2.6")
def test_only_the_last_cold_start_counts_in_whatever_order_and_at_whatever_time_they_are_told() -> None:
    queue = CommandQueue((mode(2), mode(3), mode(4, at_ns=20)))
    assert all_sent(queue, 10) == [0, 1]
    queue.start_cold(3, 1_000, 11)
    queue.start_cold(2, 5, 50)  # older, and told later
    assert accepted(queue, 0, 6) == "unknown"
    assert all_sent(queue, 20) == [2]
    queue.start_cold(4, 500, 51)  # the clock had been set back in between
    assert accepted(queue, 1, 499) == "unknown"
    assert accepted(queue, 2, 600) == "accepted"


@pytest.mark.requirement("L2.6")
def test_a_time_tagged_command_that_outlives_its_time_without_a_word_is_unknown() -> None:
    queue = CommandQueue((TAGGED,))
    scheduled(queue)
    over_ns = (TAGGED.execute_at_ns or 0) + WINDOW_MAX_NS
    queue.close_unreported(over_ns - 1, over_ns, lambda index: False)
    assert queue[0].state == "completed"
    queue.close_unreported(over_ns, over_ns + 1, lambda index: False)
    assert (queue[0].state, queue[0].reason, queue[0].closed_ns) == ("unknown", "no_report", over_ns + 1)


@pytest.mark.requirement("L2.6")
def test_a_time_tagged_command_that_is_deleted_on_board_is_cancelled() -> None:
    queue = CommandQueue((TAGGED,))
    scheduled(queue)
    released = (queue[0].request_id or 0) | SCHEDULED_SEQUENCE
    assert queue.verify(Verification(8, released, DELETED_CODE), 20, 19)
    assert (queue[0].state, queue[0].failure_code, queue[0].closed_ns) == ("cancelled", DELETED_CODE, 20)
    assert queue.verify(Verification(8, released, DELETED_CODE), 30, 19, stored=True), "again, by playback"
    assert queue[0].closed_ns == 20


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize(
    ("end", "code", "state"),
    [(7, 0, "executed"), (8, 12, "interrupted"), (4, 13, "failed"), (8, 20, "cancelled")],
)
def test_the_end_of_a_time_tagged_command_never_changes(end: int, code: int, state: str) -> None:
    queue = CommandQueue((TAGGED,))
    scheduled(queue)
    released = (queue[0].request_id or 0) | SCHEDULED_SEQUENCE
    assert queue.verify(Verification(end, released, code), 20, 19)
    before = queue.results(99)
    assert before[0]["state"] == state
    for subtype, other in ((7, 0), (8, 12), (8, 10), (4, 13), (8, 20), (2, 3)):
        if (subtype, other) != (end, code):
            assert queue.verify(Verification(subtype, released, other), 30, 29) == (other == code)
            assert queue.results(99) == before


@pytest.mark.requirement("L2.6")
def test_what_has_expired_after_it_had_gone_up_does_not_go_up_again() -> None:
    queue = CommandQueue((mode(2, expires_ns=40), mode(3)))
    assert all_sent(queue, 10) == [0, 1]
    assert queue.may_repeat(0, 39)
    assert not queue.may_repeat(0, 40)
    assert queue.may_repeat(1, 40)
    assert (queue[0].state, queue[0].closed_ns) == ("expired", 40)
    assert not queue.may_repeat(0, 39), "whatever the time"


@pytest.mark.requirement("L2.6")
def test_a_command_in_the_uplink_s_hands_is_not_given_up_for_want_of_a_report() -> None:
    queue = CommandQueue((mode(2), mode(3), mode(4, stack="a"), mode(5, stack="a", after_completion=True)))
    assert all_sent(queue, 10) == [0, 1, 2]
    queue.close_unreported(10, 50, lambda index: index in (0, 2))
    assert [one["state"] for one in queue.results(60)] == ["sent", "unknown", "sent", "queued"]
    assert queue[1].reason == "no_report"
    queue.close_unreported(9, 50, lambda index: False)
    assert queue[0].state == "sent", "it went up later than the reports tell of"
    queue.close_unreported(10, 51, lambda index: False)
    assert [one["state"] for one in queue.results(60)] == ["unknown", "unknown", "unknown", "cancelled"]


def test_what_waits_in_a_stack_for_a_time_tagged_command_goes_up_after_its_execution_too() -> None:
    queue = CommandQueue((replace(TAGGED, stack="a"), mode(3, stack="a", after_completion=True)))
    scheduled(queue)
    assert queue.verify(Verification(7, (queue[0].request_id or 0) | SCHEDULED_SEQUENCE), 20, 19)
    assert send(queue, 30) == 1


def test_an_answer_nobody_asked_for_is_told() -> None:
    queue = pings(1)
    assert not queue.answer(5, sent_by_ns=4)
    send(queue, 5)
    assert not queue.answer(6, sent_by_ns=4)
    assert queue.answer(9, sent_by_ns=5)
    assert not queue.answer(10, sent_by_ns=6)
    assert not queue.verify(Verification(1, 99), 10)


def test_requests_of_mission_control_leave_a_tally_behind() -> None:
    queue = pings(1)
    for index in range(3):
        assert queue.request(replace(mode(3), at_ns=0, priority=3)) == OWN + index
    assert queue.add(mode(4)) == 1
    assert all_sent(queue) == [0, 1, OWN, OWN + 1, OWN + 2]
    report(queue, OWN, 7)
    report(queue, OWN + 1, 8, 10)
    assert queue.own_results() == {"completed": 1, "failed": 1, "sent": 1}
    assert [one["index"] for one in queue.results(0)] == [0, 1]
    again = pings(1)
    again.restore(queue.to_plain())
    assert again.to_plain() == queue.to_plain()
    assert again.own_results() == queue.own_results()
    before = queue.control()
    report(queue, 0, 7)
    assert queue.control() != before


def test_a_report_from_before_a_cold_start_on_mission_control_s_own_request_is_taken_once() -> None:
    queue = pings(1)
    assert queue.request(replace(mode(3), at_ns=0, priority=3)) == OWN
    all_sent(queue, 1)
    queue.start_cold(2, 9, 12)
    taken = Verification(1, queue[OWN].request_id or 0)
    assert queue.verify(taken, 13, onboard_ns=7, stored=True)
    assert OWN not in queue
    assert queue.own == {"unknown": 1}


def test_a_state_of_other_commands_is_refused() -> None:
    with pytest.raises(ValueError, match="others"):
        pings(2).restore(pings(3).to_plain())


def test_a_priority_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 3, not 4"):
        mode(2, priority=4)


@pytest.mark.requirement("L2.6")
def test_a_time_tagged_command_is_completed_in_the_schedule_and_executed_later() -> None:
    def tagged() -> CommandQueue:
        return CommandQueue((Command(at_ns=0, name="ping", execute_at_ns=9_000_000_000),))

    queue = tagged()
    chosen = queue.pick(1)
    assert chosen is not None
    outer = decode_tc_packet(queue.packet(chosen, 0, 1))
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
        assert queue.results(9)[0]["state"] == state
    assert queue.results(9)[0]["executed_ns"] == 7
    again = tagged()
    again.restore(queue.to_plain())
    assert again.results(9) == queue.results(9)
    queue = tagged()
    send(queue, 1)
    assert queue.verify(Verification(8, inner, 12), 5)
    assert queue.results(9)[0]["state"] == "interrupted"


def test_a_row_is_the_same_object_until_something_changes_in_it() -> None:
    """What keeps the queue compares thousands of rows a frame; each has to tell by itself that it changed."""
    queue = pings(3)
    before = queue.rows()
    assert all(queue.rows()[index] is row for index, row in before.items())
    index = send(queue, 10)
    assert index == 0
    queue[0].radiations += 1
    after = queue.rows()
    assert [after[place] is before[place] for place in range(3)] == [False, True, True]
    assert (before[0]["tracking"]["state"], after[0]["tracking"]["state"]) == ("queued", "sent")
    assert after[0]["tracking"]["radiations"] == 1
    report(queue, 0, 1)
    assert queue.rows()[0]["tracking"]["accepted_ns"] is not None
    fresh = pings(3)
    fresh.restore_rows(queue.head(), queue.rows())
    assert fresh.rows() == queue.rows()
