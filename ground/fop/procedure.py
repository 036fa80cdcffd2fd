"""FOP-1, the ground's side of COP-1 (CCSDS 232.1-B-2, 5): telecommands arrive in order, once, or it is told.

A pure state machine: time is an argument, frames to be radiated and notices come out of `take`. It knows
nothing of security: an FDU is kept in the clear, so that each radiation can be protected afresh.

    request or directive ─┐
    CLCW ─────────────────┼─► event ─► TABLE[event][state] ─► actions ─► radiations, notices
    timer ────────────────┘

All arithmetic on frame sequence numbers is modulo 256. Two things go beyond the standard, both for contacts
that end (docs/adr/0017-fop.md): `suspend` at loss of signal, and a resumption that counts transmissions anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from flight.tm_frames import Clcw
from ground.fop.machine import MODULO, NO_TAG, WINDOW_MAX, Kind, Machine, Notice, Radiation, Sent
from ground.fop.table import State


@dataclass(slots=True)
class Fop(Machine):
    """FOP-1 of one virtual channel. Its fields are read, never written, from outside."""

    # --- what comes in ------------------------------------------------------------------------------------

    def clcw(self, word: Clcw, now_ns: int) -> None:
        """A CLCW of this virtual channel, in the order in which they were made."""
        self._reported = word.report_value
        self._event(self.classify(word), now_ns)

    def clcw_invalid(self, now_ns: int) -> None:
        """A CLCW that cannot be (E15)."""
        self._event("E15", now_ns)

    def expire(self, now_ns: int) -> None:
        """The timer's time has come; nothing if it is not running, or not yet due."""
        if self.timer_ns is None or now_ns < self.timer_ns:
            return
        self.timer_ns = None
        below = self.transmission_count < self.transmission_limit
        names = ("E16", "E104") if below else ("E17", "E18")
        self._event(names[self.timeout_type], now_ns)

    def transfer(self, tag: int, data: bytes, now_ns: int) -> bool:
        """Request to transfer an FDU by AD frame; whether it was taken."""
        return self._transfer("E19" if self.waiting is None else "E20", tag, data, now_ns)

    def transfer_bd(self, tag: int, data: bytes, now_ns: int) -> bool:
        """Request to transfer an FDU by BD frame; whether it was taken."""
        return self._transfer("E21" if self.bd_ready else "E22", tag, data, now_ns)

    def initiate(self, now_ns: int, *, check: bool) -> bool:
        """Initiate AD service, with or without CLCW check; whether it was accepted."""
        return self._event("E24" if check else "E23", now_ns)

    def initiate_with_unlock(self, now_ns: int) -> bool:
        """Initiate AD service with Unlock; whether it was accepted."""
        return self._event("E25" if self.bc_ready else "E26", now_ns)

    def initiate_with_set_vr(self, value: int, now_ns: int) -> bool:
        """Initiate AD service with Set V(R); whether it was accepted."""
        self._value = value
        if not 0 <= value < MODULO:
            return self._event("E40", now_ns)
        return self._event("E27" if self.bc_ready else "E28", now_ns)

    def terminate(self, now_ns: int) -> bool:
        """Terminate AD service; whether it was accepted."""
        return self._event("E29", now_ns)

    def resume(self, now_ns: int) -> bool:
        """Resume AD service where it was suspended; whether it was accepted."""
        return self._event(f"E{30 + self.suspend_state}", now_ns)

    def suspend(self, now_ns: int) -> bool:
        """Suspends at loss of signal, as if the timer had expired at the limit (E18); whether it is suspended
        now. Initialising with a BC frame cannot be suspended, and is given up.
        """
        if self.state is not State.INITIAL:
            self._event("E18", now_ns)
        return self.suspend_state != 0

    def retry(self, now_ns: int) -> None:
        """As if the timer expired now: what is unacknowledged is known to be lost, so why wait for it."""
        if self.timer_ns is not None:
            self.timer_ns = now_ns
            self.expire(now_ns)

    def set_vs(self, value: int, now_ns: int) -> bool:
        """Set V(S); whether it was accepted: only initial and not suspended."""
        allowed = 0 <= value < MODULO and self.suspend_state == 0
        return self._set("E35", value, allowed, now_ns)

    def set_window(self, value: int, now_ns: int) -> bool:
        """Set the sliding window's width K; whether it was accepted."""
        return self._set("E36", value, 1 <= value <= WINDOW_MAX, now_ns)

    def set_t1(self, value_ns: int, now_ns: int) -> bool:
        """Set the timer's initial value; whether it was accepted."""
        return self._set("E37", value_ns, value_ns > 0, now_ns)

    def set_transmission_limit(self, value: int, now_ns: int) -> bool:
        """Set the transmission limit; whether it was accepted."""
        return self._set("E38", value, 1 <= value < MODULO, now_ns)

    def set_timeout_type(self, value: int, now_ns: int) -> bool:
        """Set the timeout type: 0 alert, 1 suspend; whether it was accepted."""
        return self._set("E39", value, value in (0, 1), now_ns)

    def lower(self, kind: Kind, now_ns: int, *, accepted: bool) -> None:
        """Answer of the lower procedures to a frame given to them: radiated, or refused."""
        names = {"AD": ("E42", "E41"), "BC": ("E44", "E43"), "BD": ("E46", "E45")}
        self._event(names[kind][accepted], now_ns)

    # --- what comes out -----------------------------------------------------------------------------------

    def take(self) -> list[Radiation | Notice]:
        """What has come out since the last call, in its order."""
        out, self._out = self._out, []
        return out

    def quiet(self) -> bool:
        """Whether no CLCW can make anything depart: active, nothing unacknowledged, nothing waiting."""
        return self.state is State.ACTIVE and not self.sent and self.waiting is None

    def classify(self, word: Clcw) -> str:
        """The event that a CLCW is (5.3.4)."""
        if word.lockout:
            return "E14"
        ahead = (word.report_value - self.nnr) % MODULO
        outstanding = (self.vs - self.nnr) % MODULO
        if ahead > outstanding:
            return "E13"
        if ahead == outstanding:
            if word.retransmit:
                return "E4"
            return "E3" if word.wait else "E2" if ahead else "E1"
        if not word.retransmit:
            return "E7" if word.wait else "E6" if ahead else "E5"
        if self.transmission_limit == 1:
            return "E101" if ahead else "E102"
        if ahead:
            return "E9" if word.wait else "E8"
        if self.transmission_count < self.transmission_limit:
            return "E11" if word.wait else "E10"
        return "E103" if word.wait else "E12"

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values; what came out has been taken before."""
        assert not self._out
        return {
            "state": int(self.state),
            "vs": self.vs,
            "nnr": self.nnr,
            "sent": [[one.tag, one.sequence, one.data.hex(), one.again] for one in self.sent],
            "waiting": None if self.waiting is None else [self.waiting[0], self.waiting[1].hex()],
            "ready": [self.ad_ready, self.bc_ready, self.bd_ready],
            "bc": None if self.bc is None else self.bc.hex(),
            "bc_again": self.bc_again,
            "t1_ns": self.t1_ns,
            "transmission_limit": self.transmission_limit,
            "transmission_count": self.transmission_count,
            "window": self.window,
            "timeout_type": self.timeout_type,
            "suspend_state": self.suspend_state,
            "timer_ns": self.timer_ns,
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """The FOP with that state; raises ValueError, KeyError or TypeError if it is none."""
        fields = {
            name: values[name]
            for name in (
                *("vs", "nnr", "bc_again", "t1_ns", "transmission_limit", "transmission_count"),
                *("window", "timeout_type", "suspend_state", "timer_ns"),
            )
        }
        ad_ready, bc_ready, bd_ready = values["ready"]
        waiting = values["waiting"]
        fop = cls(
            **fields,
            state=State(values["state"]),
            sent=[
                Sent(tag, sequence, bytes.fromhex(data), again)
                for tag, sequence, data, again in values["sent"]
            ],
            waiting=None if waiting is None else (waiting[0], bytes.fromhex(waiting[1])),
            ad_ready=ad_ready,
            bc_ready=bc_ready,
            bd_ready=bd_ready,
            bc=None if values["bc"] is None else bytes.fromhex(values["bc"]),
        )
        numbers = [(fop.nnr + place) % MODULO for place in range(len(fop.sent))]
        if [one.sequence for one in fop.sent] != numbers or (
            fop.sent and fop.vs != (numbers[-1] + 1) % MODULO
        ):
            raise ValueError("the numbers on the sent queue are not those from NN(R) to V(S)")
        if not (0 <= fop.suspend_state <= 4 and fop.timeout_type in (0, 1) and len(fop.sent) <= WINDOW_MAX):
            raise ValueError("a suspend state, timeout type or sent queue that cannot be")
        return fop

    def _transfer(self, name: str, tag: int, data: bytes, now_ns: int) -> bool:
        self._request = (tag, data)
        taken = self._event(name, now_ns)
        self._request = (NO_TAG, b"")
        return taken

    def _set(self, name: str, value: int, allowed: bool, now_ns: int) -> bool:
        self._value = value
        return self._event(name if allowed else "E40", now_ns)
