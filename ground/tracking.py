"""What has become of a telecommand: its stages with their times, from reports that may come late, or twice.

    queued ──► sent ──► accepted ──► started ──► completed
      │         │          │            │
      │         │          └────────────┴──► failed, interrupted
      │         ├──► rejected
      │         └──► unknown ──► whatever a later report says
      ├──► expired                       for good if it never went up, else as unknown
      └──► cancelled                     what follows in a stack after something that came to nothing

Reports are PUS 1, live or played back from the recorder: a stage may be told after a later one, or again.
What has gone up, was not taken and has expired is not sent again, but a frame that was withheld may still
arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

from flight.packets import Verification

PRIORITIES = ("critical", "high", "normal", "low")
NORMAL = PRIORITIES.index("normal")
INTERRUPTED_CODE = 12
"""Failure code of a telecommand whose execution a reset interrupted."""
DELETED_CODE = 20
"""Failure code of a time-tagged telecommand that was deleted before its time."""
_RELEASE_ENDS = {INTERRUPTED_CODE: "interrupted", DELETED_CODE: "cancelled"}

OPEN = frozenset({"queued", "sent", "accepted", "started"})
FAILED = frozenset({"rejected", "failed", "interrupted"})
_UNTOLD = ("sent", "unknown", "expired")
_RANK = {"sent": 0, "unknown": 0, "expired": 0, "accepted": 1, "started": 2, "completed": 3}


@dataclass(slots=True)
class Tracking:
    """A telecommand and what has become of it.

    `index` is its place in the scenario; those of the operator follow the scenario's. Times are nanoseconds
    since the epoch, on the ground: `departure_ns` of the first radiation, `received_ns` when the satellite's
    FARM was seen to have taken it, those of the stages when their reports came, `closed_ns` when it was
    rejected, failed, expired or given up. A time-tagged one is completed once it is in the schedule on board;
    then it is executed, at `executed_ns`, or fails. `onboard_ns` is the on-board time of its last report,
    which came by playback if `stored`. `reason` says why mission control has closed it as unknown.
    """

    index: int
    name: str
    at_ns: int
    state: str = "queued"
    request_id: int | None = None
    station: int | None = None
    departure_ns: int | None = None
    accepted_ns: int | None = None
    completed_ns: int | None = None
    answer_ns: int | None = None
    executed_ns: int | None = None
    failure_code: int = 0
    failure_parameter: int = 0
    origin: str = "scenario"
    priority: int = NORMAL
    expires_ns: int | None = None
    stack: str = ""
    radiations: int = 0
    received_ns: int | None = None
    started_ns: int | None = None
    progress_ns: int | None = None
    closed_ns: int | None = None
    onboard_ns: int | None = None
    stored: bool = False
    reason: str = ""

    @property
    def open(self) -> bool:
        """Whether something may still come of it by itself."""
        return self.state in OPEN

    @property
    def last_sent_ns(self) -> int:
        """When it went up at the latest, as far as is known; -1 before it has."""
        return max(self.departure_ns or -1, self.received_ns or -1)

    def close(self, state: str, when_ns: int, reason: str = "") -> None:
        """Ends it: without a report expired, cancelled or unknown."""
        self.state, self.closed_ns, self.reason = state, when_ns, reason

    def take(self, report: Verification, arrival_ns: int, onboard_ns: int, *, stored: bool) -> bool:
        """Notes a report; whether it agrees with what is known. What a report has ended never changes."""
        if self.request_id is None:
            return False
        if report.subtype == 6:
            return True  # a failed step is followed by a failed completion
        taken = self._fail(report, arrival_ns) if report.failed else self._move(report.subtype, arrival_ns)
        if taken:
            self.onboard_ns, self.stored = onboard_ns, stored
        return taken or self._said(report)

    def take_release(self, report: Verification, arrival_ns: int, onboard_ns: int, *, stored: bool) -> bool:
        """Notes a report on the execution of a time-tagged telecommand, as `take` does."""
        if self.state not in (*_UNTOLD, "accepted", "started", "completed"):
            if report.failed:
                return self.closed_ns is not None and self.failure_code == report.failure_code
            return self.state == "executed"
        if report.failed and report.subtype != 6:
            self.close(_RELEASE_ENDS.get(report.failure_code, "failed"), arrival_ns)
            self.failure_code, self.failure_parameter = report.failure_code, report.failure_parameter
        elif report.subtype == 7:
            self.close("executed", arrival_ns)
            self.executed_ns, self.closed_ns = arrival_ns, None
        self.onboard_ns, self.stored = onboard_ns, stored
        return True

    def _fail(self, report: Verification, arrival_ns: int) -> bool:
        before = _UNTOLD if report.subtype == 2 else (*_UNTOLD, "accepted", "started")
        if self.state not in before:
            return False
        interrupted = report.failure_code == INTERRUPTED_CODE
        self.close(
            "rejected" if report.subtype == 2 else "interrupted" if interrupted else "failed", arrival_ns
        )
        self.failure_code, self.failure_parameter = report.failure_code, report.failure_parameter
        return True

    def _move(self, subtype: int, arrival_ns: int) -> bool:
        stage = {1: "accepted_ns", 3: "started_ns", 5: "progress_ns", 7: "completed_ns"}[subtype]
        state = {1: "accepted", 3: "started", 5: "started", 7: "completed"}[subtype]
        if self.state in FAILED and (subtype == 7 or self.state == "rejected"):
            return False
        if getattr(self, stage) is not None and subtype != 5:
            return False
        setattr(self, stage, arrival_ns)
        if self.state in _RANK and _RANK[state] > _RANK[self.state]:
            self.state, self.closed_ns, self.reason = state, None, ""
            return True
        return False

    def _said(self, report: Verification) -> bool:
        """Whether the report repeats what is known."""
        if report.failed:
            return self.state in FAILED and self.failure_code == report.failure_code
        stage = {1: self.accepted_ns, 3: self.started_ns, 5: self.progress_ns, 7: self.completed_ns}
        return stage[report.subtype] is not None
