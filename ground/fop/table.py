"""The state table of FOP-1 (CCSDS 232.1-B-2, 5.3): what is done for each event and state, and what follows.

It is data: `ground.fop.procedure` names the event, `ground.fop.machine` carries out the actions. A cell
without actions ignores the event.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import NamedTuple


class State(IntEnum):
    """States of FOP-1."""

    ACTIVE = 1
    RETRANSMIT_WITHOUT_WAIT = 2
    RETRANSMIT_WITH_WAIT = 3
    INITIALISING_WITHOUT_BC = 4
    INITIALISING_WITH_BC = 5
    INITIAL = 6


class Action(Enum):
    """What a cell may ask for."""

    ACCEPT = "accept the request"
    ADD_TO_WAIT_QUEUE = "put the FDU into the wait queue"
    AD_READY = "the lower procedures take an AD frame again"
    ALERT_CLCW = "alert: a CLCW that cannot be"
    ALERT_LIMIT = "alert: transmission limit"
    ALERT_LLIF = "alert: lower layer"
    ALERT_LOCKOUT = "alert: lockout"
    ALERT_NNR = "alert: N(R) that cannot be"
    ALERT_SYNCH = "alert: out of step"
    ALERT_T1 = "alert: timer"
    ALERT_TERM = "alert: terminated"
    BC_READY = "the lower procedures take a BC frame again"
    BD_READY = "the lower procedures take a BD frame again"
    CANCEL_TIMER = "cancel the timer"
    CONFIRM = "confirm the directive"
    CONFIRM_INITIATION = "confirm the directive that began the initialisation"
    INITIALISE = "purge the queues, count one transmission"
    LOOK_FOR_DIRECTIVE = "radiate the BC frame again if it waits for that"
    LOOK_FOR_FDU = "radiate what waits: marked frames first, then the wait queue"
    REJECT = "reject the request"
    RELEASE_BC = "forget the BC frame"
    REMOVE_ACKNOWLEDGED = "take acknowledged frames off the sent queue"
    RESUME = "start the timer, leave suspension"
    RETRANSMIT_AD = "mark the sent queue for retransmission"
    RETRANSMIT_BC = "mark the BC frame for retransmission"
    SET_K = "set the sliding window's width"
    SET_LIMIT = "set the transmission limit"
    SET_T1 = "set the timer's initial value"
    SET_TIMEOUT_TYPE = "set the timeout type"
    SET_VS = "set V(S) and NN(R)"
    START_TIMER = "start the timer"
    SUSPEND_1 = "suspend, to resume in S1"
    SUSPEND_2 = "suspend, to resume in S2"
    SUSPEND_3 = "suspend, to resume in S3"
    SUSPEND_4 = "suspend, to resume in S4"
    TRANSMIT_BD = "radiate a BD frame"
    TRANSMIT_SET_VR = "radiate Set V(R)"
    TRANSMIT_UNLOCK = "radiate Unlock"


class Cell(NamedTuple):
    """Actions in their order, and the state after them; None if it stays."""

    actions: tuple[Action, ...]
    after: State | None


Row = tuple[Cell, Cell, Cell, Cell, Cell, Cell]
S1, S2, S3, S4, S5, S6 = State
A = Action


def _do(after: State | None, *actions: Action) -> Cell:
    return Cell(actions, after)


def _all(*actions: Action) -> Row:
    cell = Cell(actions, None)
    return (cell, cell, cell, cell, cell, cell)


_IGNORE = _do(None)
_REJECT = _do(None, A.REJECT)
_SYNCH = _do(S6, A.ALERT_SYNCH)
_CLCW = _do(S6, A.ALERT_CLCW)
_LIMIT = _do(S6, A.ALERT_LIMIT)
_NNR = _do(S6, A.ALERT_NNR)
_LOCKOUT = _do(S6, A.ALERT_LOCKOUT)
_T1 = _do(S6, A.ALERT_T1)
_LLIF = _do(S6, A.ALERT_LLIF)
# Cannot happen: while initialising NN(R) is V(S), so nothing lies between them; without a timer none expires.
_NEVER = _SYNCH

_ALL_DONE = _do(S1, A.REMOVE_ACKNOWLEDGED, A.CANCEL_TIMER, A.LOOK_FOR_FDU)
_SOME_DONE = _do(S1, A.REMOVE_ACKNOWLEDGED, A.LOOK_FOR_FDU)
_GO_BACK = _do(S2, A.REMOVE_ACKNOWLEDGED, A.RETRANSMIT_AD, A.LOOK_FOR_FDU)
_GO_BACK_NONE_DONE = _do(S2, A.RETRANSMIT_AD, A.LOOK_FOR_FDU)
_REPEAT = _do(None, A.RETRANSMIT_AD, A.LOOK_FOR_FDU)
_REPEAT_BC = _do(None, A.RETRANSMIT_BC, A.LOOK_FOR_DIRECTIVE)
_WAIT = _do(S3, A.REMOVE_ACKNOWLEDGED)
_LAST_TRY = _do(S6, A.REMOVE_ACKNOWLEDGED, A.ALERT_LIMIT)
_TAKE = _do(None, A.ADD_TO_WAIT_QUEUE, A.LOOK_FOR_FDU)
_TERMINATE = _do(S6, A.ACCEPT, A.ALERT_TERM, A.CONFIRM)


def _in_s6(cell: Cell) -> Row:
    return (_REJECT, _REJECT, _REJECT, _REJECT, _REJECT, cell)


def _resume(state: State) -> Row:
    return _in_s6(_do(state, A.ACCEPT, A.RESUME, A.CONFIRM))


TABLE: dict[str, Row] = {
    # CLCW with lockout 0. N(R) = V(S):
    "E1": (
        _IGNORE,
        _SYNCH,
        _SYNCH,
        _do(S1, A.CONFIRM_INITIATION, A.CANCEL_TIMER),
        _do(S1, A.CONFIRM_INITIATION, A.RELEASE_BC, A.CANCEL_TIMER),
        _IGNORE,
    ),
    "E2": (_ALL_DONE, _ALL_DONE, _ALL_DONE, _NEVER, _NEVER, _IGNORE),
    "E3": (_CLCW, _CLCW, _CLCW, _CLCW, _CLCW, _IGNORE),
    "E4": (_SYNCH, _SYNCH, _SYNCH, _SYNCH, _IGNORE, _IGNORE),
    # NN(R) <= N(R) < V(S), retransmit 0:
    "E5": (_IGNORE, _SYNCH, _SYNCH, _NEVER, _NEVER, _IGNORE),
    "E6": (_SOME_DONE, _SOME_DONE, _SOME_DONE, _NEVER, _NEVER, _IGNORE),
    "E7": (_CLCW, _CLCW, _CLCW, _NEVER, _NEVER, _IGNORE),
    # ... retransmit 1, transmission limit 1:
    "E101": (_LAST_TRY, _LAST_TRY, _LAST_TRY, _NEVER, _NEVER, _IGNORE),
    "E102": (_LIMIT, _LIMIT, _LIMIT, _NEVER, _NEVER, _IGNORE),
    # ... retransmit 1, transmission limit above 1:
    "E8": (_GO_BACK, _GO_BACK, _GO_BACK, _NEVER, _NEVER, _IGNORE),
    "E9": (_WAIT, _WAIT, _WAIT, _NEVER, _NEVER, _IGNORE),
    "E10": (_GO_BACK_NONE_DONE, _IGNORE, _GO_BACK_NONE_DONE, _NEVER, _NEVER, _IGNORE),
    "E11": (_do(S3), _do(S3), _IGNORE, _NEVER, _NEVER, _IGNORE),
    "E12": (_do(S2), _IGNORE, _do(S2), _NEVER, _NEVER, _IGNORE),
    "E103": (_do(S3), _do(S3), _IGNORE, _NEVER, _NEVER, _IGNORE),
    # N(R) outside NN(R) to V(S); lockout 1; a CLCW that cannot be:
    "E13": (_NNR, _NNR, _NNR, _NNR, _IGNORE, _IGNORE),
    "E14": (_LOCKOUT, _LOCKOUT, _LOCKOUT, _LOCKOUT, _IGNORE, _IGNORE),
    "E15": (_CLCW, _CLCW, _CLCW, _CLCW, _CLCW, _IGNORE),
    # The timer expires; below the transmission limit with timeout type 0 and 1, at it with 0 and 1:
    "E16": (_REPEAT, _REPEAT, _IGNORE, _T1, _REPEAT_BC, _IGNORE),
    "E104": (_REPEAT, _REPEAT, _IGNORE, _do(S6, A.SUSPEND_4), _REPEAT_BC, _IGNORE),
    "E17": (_T1, _T1, _T1, _T1, _T1, _IGNORE),
    "E18": (
        _do(S6, A.SUSPEND_1),
        _do(S6, A.SUSPEND_2),
        _do(S6, A.SUSPEND_3),
        _do(S6, A.SUSPEND_4),
        _T1,
        _IGNORE,
    ),
    # Requests to transfer an FDU: AD with the wait queue empty, or not; BD with the way free, or not.
    "E19": (_TAKE, _TAKE, _do(None, A.ADD_TO_WAIT_QUEUE), _REJECT, _REJECT, _REJECT),
    "E20": _all(A.REJECT),
    "E21": _all(A.ACCEPT, A.TRANSMIT_BD),
    "E22": _all(A.REJECT),
    # Directives. Initiate AD: without and with CLCW check; with Unlock, the way free or not; with Set V(R).
    "E23": _in_s6(_do(S1, A.ACCEPT, A.INITIALISE, A.CONFIRM)),
    "E24": _in_s6(_do(S4, A.ACCEPT, A.INITIALISE, A.START_TIMER)),
    "E25": _in_s6(_do(S5, A.ACCEPT, A.INITIALISE, A.TRANSMIT_UNLOCK)),
    "E26": _all(A.REJECT),
    "E27": _in_s6(_do(S5, A.ACCEPT, A.INITIALISE, A.SET_VS, A.TRANSMIT_SET_VR)),
    "E28": _all(A.REJECT),
    # Terminate; resume with suspend state 0 to 4; set V(S), K, T1, limit, timeout type; what is no directive.
    "E29": (_TERMINATE, _TERMINATE, _TERMINATE, _TERMINATE, _TERMINATE, _do(S6, A.ACCEPT, A.CONFIRM)),
    "E30": _all(A.REJECT),
    "E31": _resume(S1),
    "E32": _resume(S2),
    "E33": _resume(S3),
    "E34": _resume(S4),
    "E35": _in_s6(_do(S6, A.ACCEPT, A.SET_VS, A.CONFIRM)),
    "E36": _all(A.ACCEPT, A.SET_K, A.CONFIRM),
    "E37": _all(A.ACCEPT, A.SET_T1, A.CONFIRM),
    "E38": _all(A.ACCEPT, A.SET_LIMIT, A.CONFIRM),
    "E39": _all(A.ACCEPT, A.SET_TIMEOUT_TYPE, A.CONFIRM),
    "E40": _all(A.REJECT),
    # Answers of the lower procedures: an AD, BC and BD frame taken, or not.
    "E41": (
        _do(None, A.AD_READY, A.LOOK_FOR_FDU),
        _do(None, A.AD_READY, A.LOOK_FOR_FDU),
        _do(None, A.AD_READY),
        _do(None, A.AD_READY),
        _do(None, A.AD_READY),
        _do(None, A.AD_READY),
    ),
    "E42": (_LLIF, _LLIF, _LLIF, _LLIF, _LLIF, _IGNORE),
    "E43": (
        _do(None, A.BC_READY),
        _do(None, A.BC_READY),
        _do(None, A.BC_READY),
        _do(None, A.BC_READY),
        _do(None, A.BC_READY, A.LOOK_FOR_DIRECTIVE),
        _do(None, A.BC_READY),
    ),
    "E44": (_LLIF, _LLIF, _LLIF, _LLIF, _LLIF, _IGNORE),
    "E45": _all(A.BD_READY),
    "E46": (_LLIF, _LLIF, _LLIF, _LLIF, _LLIF, _IGNORE),
}
