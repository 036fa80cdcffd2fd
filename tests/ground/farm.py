"""A receiving end of COP-1 for tests of the ground: FARM-1, a strict counter in front, reassembly behind."""

from __future__ import annotations

from dataclasses import dataclass

from flight.frames import FrameError
from flight.tc_frames import SegmentFlag
from flight.tm_frames import Clcw
from tests.uplink import RING, open_frame


@dataclass
class Farm:
    """Takes sealed frames; `take` returns the packet that a frame completes."""

    expected: int = 0
    lockout: bool = False
    retransmit: bool = False
    wait: bool = False
    bypassed: int = 0
    counter: int = 0
    partial: bytes = b""

    def take(self, octets: bytes) -> bytes | None:
        """Raises FrameError if the frame is refused: `replay` for a counter that is not above the last."""
        frame, counter = open_frame(RING, octets)
        if counter <= self.counter:
            raise FrameError("replay", f"counter {counter}")
        self.counter = counter
        if frame.kind == "BC":
            self._control(frame.data)
            return None
        if frame.kind == "BD":
            self.bypassed += 1
            return frame.data
        if not self._in_turn(frame.sequence):
            return None
        self.partial = (
            frame.data
            if frame.segment in (SegmentFlag.FIRST, SegmentFlag.WHOLE)
            else self.partial + frame.data
        )
        return self.partial if frame.segment in (SegmentFlag.LAST, SegmentFlag.WHOLE) else None

    def clcw(self, *, lock: bool = True) -> Clcw:
        """What it says about itself."""
        return Clcw(
            not lock, not lock, self.lockout, self.wait, self.retransmit, self.bypassed & 3, self.expected
        )

    def _in_turn(self, sequence: int) -> bool:
        ahead = (sequence - self.expected) % 256
        if self.lockout or ahead == 0:
            if self.lockout or self.wait:
                return False
            self.expected, self.retransmit = (self.expected + 1) % 256, False
            return True
        if ahead < 127:
            self.retransmit = True
        elif ahead < 129:
            self.lockout = True
        return False

    def _control(self, data: bytes) -> None:
        self.bypassed += 1
        if data == b"\0":
            self.lockout = self.retransmit = self.wait = False
        elif not self.lockout:
            self.expected, self.retransmit, self.wait = data[2], False, False
