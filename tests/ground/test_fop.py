"""FOP-1 against its state table, written down here a second time and carried out by a model of a few lines.

Each event is brought about by what causes it (a CLCW, the timer, a request), in each state, with V(S) about
to wrap; the whole state and everything that comes out must be the model's. N/A cells have no row: they cannot
be brought about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flight.tm_frames import Clcw
from ground.fop import Fop, Notice, Radiation, State

NOW = 10_000_000_000
T1 = 1_300_000_000
NNR = 254

# Event, then what happens in S1 to S6. `-` nothing; `x` cannot be; `>n` the state after; an alert by name.
# a acknowledged frames go; c cancel timer; t start timer; l look for an FDU; m mark for retransmission; i
# confirm the initialisation; b forget the BC frame; r reject; q into the wait queue.
TABLE = """
E1   | -       | SYNCH   | SYNCH   | i c >1   | i b c >1 | -
E2   | a c l >1| a c l >1| a c l >1| x        | x        | -
E3   | CLCW    | CLCW    | CLCW    | CLCW     | CLCW     | -
E4   | SYNCH   | SYNCH   | SYNCH   | SYNCH    | -        | -
E5   | -       | SYNCH   | SYNCH   | x        | x        | -
E6   | a l >1  | a l >1  | a l >1  | x        | x        | -
E7   | CLCW    | CLCW    | CLCW    | x        | x        | -
E101 | a LIMIT | a LIMIT | a LIMIT | x        | x        | -
E102 | LIMIT   | LIMIT   | LIMIT   | x        | x        | -
E8   | a m l >2| a m l >2| a m l >2| x        | x        | -
E9   | a >3    | a >3    | a >3    | x        | x        | -
E10  | m l >2  | -       | m l >2  | x        | x        | -
E11  | >3      | >3      | -       | x        | x        | -
E12  | >2      | -       | >2      | x        | x        | -
E103 | >3      | >3      | -       | x        | x        | -
E13  | NN(R)   | NN(R)   | NN(R)   | NN(R)    | -        | -
E14  | LOCKOUT | LOCKOUT | LOCKOUT | LOCKOUT  | -        | -
E15  | CLCW    | CLCW    | CLCW    | CLCW     | CLCW     | -
E16  | m l     | m l     | -       | T1       | B        | x
E104 | m l     | m l     | -       | s4 >6    | B        | x
E17  | T1      | T1      | T1      | T1       | T1       | x
E18  | s1 >6   | s2 >6   | s3 >6   | s4 >6    | T1       | x
E19  | q l     | q l     | q       | r        | r        | r
E20  | r       | r       | r       | r        | r        | r
E21  | D       | D       | D       | D        | D        | D
E22  | r       | r       | r       | r        | r        | r
E23  | r       | r       | r       | r        | r        | p i >1
E24  | r       | r       | r       | r        | r        | p t >4
E25  | r       | r       | r       | r        | r        | p U >5
E26  | r       | r       | r       | r        | r        | r
E27  | r       | r       | r       | r        | r        | p v V >5
E28  | r       | r       | r       | r        | r        | r
E29  | TERM i  | TERM i  | TERM i  | TERM i   | TERM i   | i
E30  | r       | r       | r       | r        | r        | r
E35  | r       | r       | r       | r        | r        | v i
E40  | r       | r       | r       | r        | r        | r
E41  | 1 l     | 1 l     | 1       | 1        | 1        | 1
E42  | LLIF    | LLIF    | LLIF    | LLIF     | LLIF     | -
E43  | 2       | 2       | 2       | 2        | 2 L      | 2
E44  | LLIF    | LLIF    | LLIF    | LLIF     | LLIF     | -
E45  | 3       | 3       | 3       | 3        | 3        | 3
E46  | LLIF    | LLIF    | LLIF    | LLIF     | LLIF     | -
"""
ROWS = {
    cells[0]: cells[1:]
    for line in TABLE.strip().splitlines()
    if (cells := [c.strip() for c in line.split("|")])
}
CASES = [(name, state) for name, cells in ROWS.items() for state in range(1, 7) if cells[state - 1] != "x"]
ALERTS = {"SYNCH", "CLCW", "LIMIT", "NN(R)", "LOCKOUT", "T1", "TERM", "LLIF"}
TIMED = ("E16", "E104", "E17", "E18")


def fop_in(state: int, event: str) -> Fop:
    """In that state; three frames on the sent queue, unless initialising, and an FDU that waits."""
    fop = Fop(state=State(state), vs=NNR, nnr=NNR, timer_ns=NOW + 500)
    if state <= 3:
        for tag in (1, 2, 3):
            fop.state = State.ACTIVE
            assert fop.transfer(tag, bytes([tag]), NOW - T1)
            fop.lower("AD", NOW - T1, accepted=True)
        fop.state, fop.timer_ns = State(state), NOW + 500
        fop.waiting = (4, b"\4")
    if event in ("E1", "E3", "E4") and state <= 3:
        fop.sent, fop.nnr = [], fop.vs
    if state == 5:
        fop.bc, fop.bc_again, fop.bc_ready = b"\0", event == "E43", event != "E43"
    if state == 6:
        fop.timer_ns = None
    if event in ("E19", "E41"):
        fop.waiting = None if event == "E19" else fop.waiting
        fop.ad_ready = event == "E19"
    if event in ("E12", "E103", "E17", "E18"):
        fop.transmission_count = fop.transmission_limit
    if event in ("E101", "E102"):
        fop.transmission_limit = 1
    if event == "E20":
        fop.waiting = (9, b"\x09")
    if event in TIMED:
        fop.timeout_type, fop.timer_ns = int(event in ("E104", "E18")), NOW
    fop.bd_ready = event not in ("E22", "E45")
    fop.bc_ready = fop.bc_ready and event not in ("E26", "E28", "E43")
    fop.take()
    return fop


def word(report: int, *, retransmit: bool = False, wait: bool = False, lockout: bool = False) -> Clcw:
    return Clcw(lockout=lockout, wait=wait, retransmit=retransmit, report_value=report % 256)


def cause(fop: Fop, event: str) -> bool | None:
    """Brings the event about."""
    some = (fop.nnr + 1) if fop.sent else fop.nnr
    words = {
        **{"E1": word(fop.vs), "E2": word(fop.vs), "E3": word(fop.vs, wait=True)},
        **{"E4": word(fop.vs, retransmit=True), "E5": word(fop.nnr), "E6": word(some)},
        **{"E7": word(some, wait=True), "E101": word(some, retransmit=True)},
        **{"E102": word(fop.nnr, retransmit=True), "E8": word(some, retransmit=True)},
        **{"E9": word(some, retransmit=True, wait=True), "E10": word(fop.nnr, retransmit=True)},
        **{"E11": word(fop.nnr, retransmit=True, wait=True), "E12": word(fop.nnr, retransmit=True)},
        **{"E103": word(fop.nnr, retransmit=True, wait=True), "E13": word(fop.vs + 1)},
        "E14": word(fop.nnr, lockout=True),
    }
    asks: dict[str, Callable[[], bool | None]] = {
        "E15": lambda: fop.clcw_invalid(NOW),
        **dict.fromkeys(TIMED, lambda: fop.expire(NOW)),
        **dict.fromkeys(("E19", "E20"), lambda: fop.transfer(7, b"\7", NOW)),
        **dict.fromkeys(("E21", "E22"), lambda: fop.transfer_bd(7, b"\7", NOW)),
        "E23": lambda: fop.initiate(NOW, check=False),
        "E24": lambda: fop.initiate(NOW, check=True),
        **dict.fromkeys(("E25", "E26"), lambda: fop.initiate_with_unlock(NOW)),
        **dict.fromkeys(("E27", "E28"), lambda: fop.initiate_with_set_vr(77, NOW)),
        "E29": lambda: fop.terminate(NOW),
        "E30": lambda: fop.resume(NOW),
        "E35": lambda: fop.set_vs(77, NOW),
        "E40": lambda: fop.set_window(128, NOW),
        "E41": lambda: fop.lower("AD", NOW, accepted=True),
        "E42": lambda: fop.lower("AD", NOW, accepted=False),
        "E43": lambda: fop.lower("BC", NOW, accepted=True),
        "E44": lambda: fop.lower("BC", NOW, accepted=False),
        "E45": lambda: fop.lower("BD", NOW, accepted=True),
        "E46": lambda: fop.lower("BD", NOW, accepted=False),
    }
    if event in words:
        assert event == "E2" or fop.state != 1 or fop.classify(words[event]) == event
        fop.clcw(words[event], NOW)
        return None
    return asks[event]()


class Model:
    """Carries out the codes of the table on a state in plain values."""

    def __init__(self, before: dict[str, Any], event: str) -> None:
        self.now, self.event = before, event
        self.out: list[Any] = []

    def run(self, codes: list[str]) -> None:
        for code in codes:
            if code in ALERTS:
                self.alert(code)
            elif code[0] == ">":
                self.now["state"] = int(code[1:])
            elif code[0] == "s" and code != "s":
                self.now |= {"suspend_state": int(code[1:]), "timer_ns": None}
                self.out.append(Notice("suspended"))
            elif code.isdigit():
                self.now["ready"][int(code) - 1] = True
            elif code != "-":
                getattr(self, f"do_{code}")()

    def alert(self, reason: str) -> None:
        initialising = self.now["state"] in (4, 5)
        self.purge()
        self.now |= {"timer_ns": None, "state": 6}
        self.out += [Notice("failed", reason=reason)] * initialising + [Notice("alert", reason=reason)]

    def purge(self) -> None:
        self.out += [
            Notice("purged", tag, number, data=bytes.fromhex(data))
            for tag, number, data, _ in self.now["sent"]
        ]
        if self.now["waiting"]:
            tag, data = self.now["waiting"]
            self.out.append(Notice("purged", tag, data=bytes.fromhex(data)))
        self.now |= {"sent": [], "waiting": None, "nnr": self.now["vs"], "bc": None, "bc_again": False}

    def radiate(self, channel: int, radiation: Radiation, *, timed: bool = True) -> None:
        self.now["ready"][channel] = False
        self.out.append(radiation)
        if timed:
            self.do_t()

    def do_a(self) -> None:
        done = 3 if self.event == "E2" else 1
        self.out += [
            Notice("delivered", tag, number, data=bytes.fromhex(data))
            for tag, number, data, _ in self.now["sent"][:done]
        ]
        self.now |= {"sent": self.now["sent"][done:], "nnr": (NNR + done) % 256, "transmission_count": 1}

    def do_c(self) -> None:
        self.now["timer_ns"] = None

    def do_t(self) -> None:
        self.now["timer_ns"] = NOW + T1

    def do_l(self) -> None:
        if not self.now["ready"][0]:
            return
        for one in self.now["sent"]:
            if one[3]:
                one[3] = False
                return self.radiate(0, Radiation("AD", one[1], bytes.fromhex(one[2]), one[0], True))
        if self.now["waiting"]:
            tag, data = self.now["waiting"]
            number = self.now["vs"]
            if not self.now["sent"]:
                self.now["transmission_count"] = 1
            self.now["sent"].append([tag, number, data, False])
            self.now |= {"waiting": None, "vs": (number + 1) % 256}
            self.out.append(Notice("taken", tag, number))
            self.radiate(0, Radiation("AD", number, bytes.fromhex(data), tag))

    def do_m(self) -> None:
        self.now["transmission_count"] += 1
        self.do_t()
        for one in self.now["sent"]:
            one[3] = True

    def do_i(self) -> None:
        self.out.append(Notice("done"))

    def do_b(self) -> None:
        self.now |= {"bc": None, "bc_again": False}

    def do_B(self) -> None:
        self.now["transmission_count"] += 1
        self.do_t()
        self.now["bc_again"] = True
        self.do_L()

    def do_L(self) -> None:
        self.now["bc_again"] = False
        self.radiate(1, Radiation("BC", 0, b"\0", -1, True))

    def do_U(self, octets: bytes = b"\0") -> None:
        self.now["bc"] = octets.hex()
        self.radiate(1, Radiation("BC", 0, octets, -1))

    def do_V(self) -> None:
        self.do_U(bytes([0x82, 0, 77]))

    def do_v(self) -> None:
        self.now |= {"vs": 77, "nnr": 77}

    def do_p(self) -> None:
        self.purge()
        self.now |= {"transmission_count": 1, "suspend_state": 0}

    def do_D(self) -> None:
        self.radiate(2, Radiation("BD", 0, b"\7", 7), timed=False)

    def do_q(self) -> None:
        self.now["waiting"] = [7, "07"]

    def do_r(self) -> None:
        self.out.append(Notice("rejected", 7 if self.event in ("E19", "E20", "E22") else -1))


@pytest.mark.requirement("L2.6")
@pytest.mark.parametrize(("event", "state"), CASES)
def test_each_cell_of_the_state_table(event: str, state: int) -> None:
    fop = fop_in(state, event)
    before = fop.to_plain()
    if event in TIMED:
        before["timer_ns"] = None  # it has expired
    model = Model(before, event)
    codes = ROWS[event][state - 1].split()
    model.run(codes)
    answer = cause(fop, event)
    out = fop.take()
    assert fop.to_plain() == model.now
    assert out == model.out
    if answer is not None and event not in TIMED:
        assert answer is ("r" not in codes)


@pytest.mark.parametrize("suspended", [1, 2, 3, 4])
def test_suspension_at_loss_of_signal_and_resumption(suspended: int) -> None:
    fop = fop_in(suspended, "E5")
    fop.transmission_count = 4
    before = fop.to_plain()
    assert fop.suspend(NOW)
    assert (fop.state, fop.suspend_state, fop.timer_ns) == (State.INITIAL, suspended, None)
    assert not fop.set_vs(5, NOW)
    assert not fop.transfer(7, b"", NOW)
    fop.clcw(word(0, lockout=True), NOW)
    assert fop.suspend(NOW + 1)
    assert fop.resume(NOW + 2)
    assert not fop.resume(NOW + 2)
    fop.take()
    assert fop.to_plain() == {**before, "timer_ns": NOW + 2 + T1, "transmission_count": 1}


def test_resumption_with_nothing_unacknowledged_starts_no_timer() -> None:
    fop = Fop(state=State.ACTIVE)
    assert fop.suspend(NOW)
    assert fop.resume(NOW)
    assert fop.timer_ns is None


def test_what_cannot_be_suspended_is_given_up() -> None:
    fop = fop_in(5, "E5")
    assert not fop.suspend(NOW)
    assert fop.state is State.INITIAL
    assert Notice("alert", reason="T1") in fop.take()


@pytest.mark.parametrize(
    ("set_it", "name", "good", "bad"),
    [
        (Fop.set_window, "window", (1, 127), (0, 128)),
        (Fop.set_t1, "t1_ns", (1,), (0, -1)),
        (Fop.set_transmission_limit, "transmission_limit", (1, 255), (0, 256)),
        (Fop.set_timeout_type, "timeout_type", (0, 1), (2, -1)),
    ],
)
@pytest.mark.parametrize("state", range(1, 7))
def test_settings_in_every_state(set_it: Any, name: str, good: Any, bad: Any, state: int) -> None:
    fop = fop_in(state, "E5")
    for value in bad:
        before = fop.to_plain()
        assert not set_it(fop, value, NOW)
        assert fop.take() == [Notice("rejected")]
        assert fop.to_plain() == before
    for value in good:
        before = fop.to_plain()
        assert set_it(fop, value, NOW)
        assert fop.take() == [Notice("done")]
        assert fop.to_plain() == {**before, name: value}


def test_window_holds_the_next_frame_back_until_one_is_acknowledged() -> None:
    fop = Fop(state=State.ACTIVE, vs=250, nnr=250, window=3)
    for tag in range(4):
        assert fop.transfer(tag, bytes([tag]), NOW)
        fop.lower("AD", NOW, accepted=True)
    assert [one.sequence for one in fop.take() if isinstance(one, Radiation)] == [250, 251, 252]
    assert not fop.transfer(4, b"", NOW)
    fop.clcw(word(251), NOW)
    assert [(one.sequence, one.tag) for one in fop.take() if isinstance(one, Radiation)] == [(253, 3)]


def test_no_cell_is_unaccounted_for() -> None:
    from ground.fop.table import TABLE as CODE

    settings = {"E31", "E32", "E33", "E34", "E36", "E37", "E38", "E39"}
    assert set(CODE) == set(ROWS) | settings


@given(st.integers(0, 255), st.integers(0, 127), st.integers(0, 255), st.tuples(st.booleans(), st.booleans()))
def test_every_clcw_is_one_event(nnr: int, outstanding: int, report: int, flags: tuple[bool, bool]) -> None:
    fop = Fop(nnr=nnr, vs=(nnr + outstanding) % 256)
    retransmit, wait = flags
    event = fop.classify(word(report, retransmit=retransmit, wait=wait))
    valid = any((nnr + step) % 256 == report for step in range(outstanding + 1))
    assert (event == "E13") is not valid
    if valid:
        assert retransmit is (event in ("E4", "E8", "E9", "E10", "E11"))
        assert wait is (event in ("E3", "E7", "E9", "E11")) or (event == "E4" and wait)
