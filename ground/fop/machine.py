"""What FOP-1 remembers, and the actions of its state table (CCSDS 232.1-B-2, 5.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ground.fop.table import TABLE, Action, State

MODULO = 256
WINDOW_MAX = 127
UNLOCK = b"\x00"
NO_TAG = -1

Kind = Literal["AD", "BC", "BD"]
What = Literal["taken", "delivered", "purged", "rejected", "alert", "suspended", "done", "failed"]


class Radiation(NamedTuple):
    """A frame to be radiated: type, N(S), data field in the clear, whose it is, whether it goes again."""

    kind: Kind
    sequence: int
    data: bytes
    tag: int
    repeat: bool = False


class Notice(NamedTuple):
    """What FOP-1 tells those above it.

    Of an FDU: `taken` (off the wait queue, with its N(S)), `delivered` (acknowledged, with its data),
    `purged` (given up, with its data, and its N(S) if it was radiated, -1 if not), `rejected`. Of a
    directive: `done`, `failed`, `rejected`. Of itself: `alert` and why, `suspended`.
    """

    what: What
    tag: int = NO_TAG
    sequence: int = -1
    reason: str = ""
    data: bytes = b""


@dataclass(slots=True)
class Sent:
    """An FDU on the sent queue: its number, and whether it is to be radiated again."""

    tag: int
    sequence: int
    data: bytes
    again: bool = False


@dataclass(slots=True)
class Machine:
    """State and actions; the defaults are this mission's."""

    state: State = State.INITIAL
    vs: int = 0
    nnr: int = 0
    sent: list[Sent] = field(default_factory=list)
    waiting: tuple[int, bytes] | None = None
    ad_ready: bool = True
    bc_ready: bool = True
    bd_ready: bool = True
    bc: bytes | None = None
    bc_again: bool = False
    t1_ns: int = 1_300_000_000
    transmission_limit: int = 5
    transmission_count: int = 1
    window: int = 32
    timeout_type: int = 1
    suspend_state: int = 0
    timer_ns: int | None = None
    _reported: int = 0
    _value: int = 0
    _request: tuple[int, bytes] = (NO_TAG, b"")
    _out: list[Radiation | Notice] = field(default_factory=list)

    def _event(self, name: str, now_ns: int) -> bool:
        """Carries out a cell of the table; whether it did not reject."""
        actions, after = TABLE[name][self.state - 1]
        for action in actions:
            _ACTIONS[action](self, now_ns)
        if after is not None:
            self.state = after
        return Action.REJECT not in actions

    def _notice(
        self, what: What, tag: int = NO_TAG, sequence: int = -1, reason: str = "", data: bytes = b""
    ) -> None:
        self._out.append(Notice(what, tag, sequence, reason, data))

    def _reject(self, _now_ns: int) -> None:
        self._notice("rejected", self._request[0])

    def _confirm(self, _now_ns: int) -> None:
        self._notice("done")

    def _add_to_wait_queue(self, _now_ns: int) -> None:
        self.waiting = self._request

    def _remove_acknowledged(self, _now_ns: int) -> None:
        for _ in range((self._reported - self.nnr) % MODULO):
            done = self.sent.pop(0)
            self._notice("delivered", done.tag, done.sequence, data=done.data)
        self.nnr = self._reported
        self.transmission_count = 1

    def _look_for_fdu(self, now_ns: int) -> None:
        if not self.ad_ready:
            return
        marked = next((one for one in self.sent if one.again), None)
        if marked is not None:
            marked.again = False
            self._radiate_ad(Radiation("AD", marked.sequence, marked.data, marked.tag, repeat=True), now_ns)
        elif self.waiting is not None and (self.vs - self.nnr) % MODULO < self.window:
            (tag, data), self.waiting = self.waiting, None
            if not self.sent:
                self.transmission_count = 1
            self.sent.append(Sent(tag, self.vs, data))
            self._notice("taken", tag, self.vs)
            self._radiate_ad(Radiation("AD", self.vs, data, tag), now_ns)
            self.vs = (self.vs + 1) % MODULO

    def _radiate_ad(self, radiation: Radiation, now_ns: int) -> None:
        self.ad_ready = False
        self._start_timer(now_ns)
        self._out.append(radiation)

    def _retransmit_ad(self, now_ns: int) -> None:
        self.transmission_count += 1
        self._start_timer(now_ns)
        for one in self.sent:
            one.again = True

    def _transmit_bd(self, _now_ns: int) -> None:
        self.bd_ready = False
        tag, data = self._request
        self._out.append(Radiation("BD", 0, data, tag))

    def _transmit_unlock(self, now_ns: int) -> None:
        self._transmit_bc(UNLOCK, now_ns)

    def _transmit_set_vr(self, now_ns: int) -> None:
        self._transmit_bc(bytes([0x82, 0x00, self._value]), now_ns)

    def _transmit_bc(self, directive: bytes, now_ns: int) -> None:
        self.bc, self.bc_again = directive, False
        self.transmission_count = 1
        self._radiate_bc(now_ns, repeat=False)

    def _retransmit_bc(self, now_ns: int) -> None:
        self.transmission_count += 1
        self._start_timer(now_ns)
        self.bc_again = True

    def _look_for_directive(self, now_ns: int) -> None:
        if self.bc_ready and self.bc_again:
            self.bc_again = False
            self._radiate_bc(now_ns, repeat=True)

    def _radiate_bc(self, now_ns: int, *, repeat: bool) -> None:
        assert self.bc is not None
        self.bc_ready = False
        self._start_timer(now_ns)
        self._out.append(Radiation("BC", 0, self.bc, NO_TAG, repeat))

    def _release_bc(self, _now_ns: int) -> None:
        self.bc, self.bc_again = None, False

    def _start_timer(self, now_ns: int) -> None:
        self.timer_ns = now_ns + self.t1_ns

    def _cancel_timer(self, _now_ns: int) -> None:
        self.timer_ns = None

    def _initialise(self, now_ns: int) -> None:
        self._purge(now_ns)
        self.transmission_count = 1
        self.suspend_state = 0

    def _purge(self, now_ns: int) -> None:
        """Empties both queues. What was radiated stays in doubt: it may yet arrive."""
        for one in self.sent:
            self._notice("purged", one.tag, one.sequence, data=one.data)
        if self.waiting is not None:
            self._notice("purged", self.waiting[0], data=self.waiting[1])
        self.sent, self.waiting, self.nnr = [], None, self.vs
        self._release_bc(now_ns)

    def _alert(self, reason: str, now_ns: int) -> None:
        self._cancel_timer(now_ns)
        self._purge(now_ns)
        if self.state in (State.INITIALISING_WITHOUT_BC, State.INITIALISING_WITH_BC):
            self._notice("failed", reason=reason)
        self._notice("alert", reason=reason)

    def _suspend(self, state: int, now_ns: int) -> None:
        self._cancel_timer(now_ns)
        self.suspend_state = state
        self._notice("suspended")

    def _resume(self, now_ns: int) -> None:
        """With nothing unacknowledged the timer would expire for nothing, and suspend at the limit again."""
        if self.sent or self.suspend_state == State.INITIALISING_WITHOUT_BC:
            self._start_timer(now_ns)
        self.transmission_count = 1
        self.suspend_state = 0

    def _set_vs(self, _now_ns: int) -> None:
        self.vs = self.nnr = self._value

    def _assign(self, name: str) -> None:
        setattr(self, name, self._value)

    def _ready(self, name: str) -> None:
        setattr(self, name, True)


def _nothing(_it: Machine, _now_ns: int) -> None:
    """An acceptance is the return value of the request."""


_ACTIONS: dict[Action, Callable[[Machine, int], None]] = {
    Action.ACCEPT: _nothing,
    Action.ADD_TO_WAIT_QUEUE: Machine._add_to_wait_queue,
    Action.AD_READY: lambda it, _: it._ready("ad_ready"),
    Action.ALERT_CLCW: lambda it, now_ns: it._alert("CLCW", now_ns),
    Action.ALERT_LIMIT: lambda it, now_ns: it._alert("LIMIT", now_ns),
    Action.ALERT_LLIF: lambda it, now_ns: it._alert("LLIF", now_ns),
    Action.ALERT_LOCKOUT: lambda it, now_ns: it._alert("LOCKOUT", now_ns),
    Action.ALERT_NNR: lambda it, now_ns: it._alert("NN(R)", now_ns),
    Action.ALERT_SYNCH: lambda it, now_ns: it._alert("SYNCH", now_ns),
    Action.ALERT_T1: lambda it, now_ns: it._alert("T1", now_ns),
    Action.ALERT_TERM: lambda it, now_ns: it._alert("TERM", now_ns),
    Action.BC_READY: lambda it, _: it._ready("bc_ready"),
    Action.BD_READY: lambda it, _: it._ready("bd_ready"),
    Action.CANCEL_TIMER: Machine._cancel_timer,
    Action.CONFIRM: Machine._confirm,
    Action.CONFIRM_INITIATION: Machine._confirm,
    Action.INITIALISE: Machine._initialise,
    Action.LOOK_FOR_DIRECTIVE: Machine._look_for_directive,
    Action.LOOK_FOR_FDU: Machine._look_for_fdu,
    Action.REJECT: Machine._reject,
    Action.RELEASE_BC: Machine._release_bc,
    Action.REMOVE_ACKNOWLEDGED: Machine._remove_acknowledged,
    Action.RESUME: Machine._resume,
    Action.RETRANSMIT_AD: Machine._retransmit_ad,
    Action.RETRANSMIT_BC: Machine._retransmit_bc,
    Action.SET_K: lambda it, _: it._assign("window"),
    Action.SET_LIMIT: lambda it, _: it._assign("transmission_limit"),
    Action.SET_T1: lambda it, _: it._assign("t1_ns"),
    Action.SET_TIMEOUT_TYPE: lambda it, _: it._assign("timeout_type"),
    Action.SET_VS: Machine._set_vs,
    Action.START_TIMER: Machine._start_timer,
    Action.SUSPEND_1: lambda it, now_ns: it._suspend(1, now_ns),
    Action.SUSPEND_2: lambda it, now_ns: it._suspend(2, now_ns),
    Action.SUSPEND_3: lambda it, now_ns: it._suspend(3, now_ns),
    Action.SUSPEND_4: lambda it, now_ns: it._suspend(4, now_ns),
    Action.TRANSMIT_BD: Machine._transmit_bd,
    Action.TRANSMIT_SET_VR: Machine._transmit_set_vr,
    Action.TRANSMIT_UNLOCK: Machine._transmit_unlock,
}
