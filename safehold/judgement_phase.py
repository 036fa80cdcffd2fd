"""The judgement phase: a satellite flown on after its run's end, to see whether it can still be used.

Its states are carried over into a second plant, flight computer and driver, so that the run itself (digest,
truth, figures, snapshots) stays as it is. There recoverable faults end, a carrier is on the receivers
whenever somebody calls, and the satellite is flown on until it has shown that it is power-positive and
commandable, at most for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safehold.registry import COMPUTER_RESET, IN_FLIGHT, down_ns
from safehold.schema import Fault
from safehold.timeline import COMMANDED, MODE_CHANGED, WORKING, FlightEvent, ModeSpan, mode_spans

if TYPE_CHECKING:
    from ground.security import Sender
    from safehold.simulation import Simulation

LIMIT_S = 24 * 3600
STEP_S = 600
SETTLE_S = 4 * 3600  # from release, or from the healing of a fault, to a working mode
READMIT_S = 1200  # a wheel that was excluded is tried again every 15 minutes
PROBE_S = 30
NOMINAL_RATE_DEG_S = 1.5  # a target on the ground passes at 0.8 deg/s
NOMINAL_CHARGE = 0.4
NOMINAL_FALL = 0.05  # over an orbit of the first three, in which the charge of the release evens out

# Telemetry's health bits (1: in use) and how many units each speaks of.
HEALTH = {"wheel": 4, "gyro": 4, "tracker": 2, "magnetometer": 3, "gps": 2, "sun_sensor": 12}


class Phase:
    """The satellite of a run, flown on by itself after the run's end."""

    def __init__(self, simulation: Simulation, limit_s: float = LIMIT_S) -> None:
        scenario, end_ns = simulation.scenario, simulation.time_ns
        self.tick_ns, self.end_tick = simulation.tick_ns, simulation.tick
        self.limit_tick = self.end_tick + round((min(limit_s, LIMIT_S) - PROBE_S) * 1e9) // self.tick_ns
        hardware = [fault for fault in scenario.fault if fault.kind not in IN_FLIGHT]
        self.healed = [fault for fault in hardware if fault.at < end_ns < _end_ns(fault, end_ns)]
        self.active = [fault for fault in hardware if fault.duration is None and fault.at < end_ns]
        self._waits_for_ground = bool(self.healed) and not scenario.flight.autonomy
        self.plant, self.computer, self.driver = simulation.onward(
            [_healed(fault, end_ns) if fault in self.healed else fault for fault in scenario.fault]
        )
        self._second_ticks = scenario.flight.control_rate_hz
        self.driver.set_truth_interval(self._second_ticks)
        self.judge = simulation.judge.copy()
        self._changes = [event for event in simulation.events if event.name == MODE_CHANGED]
        edges = [fault.at for fault in hardware] + [_end_ns(fault, 0) for fault in hardware]
        resets = [fault for fault in scenario.fault if fault.kind == COMPUTER_RESET.name]
        edges += [fault.at + down_ns(fault.parameters) for fault in resets]
        if self.healed:
            edges.append(end_ns)
        self._changed_s = max((edge for edge in edges if edge <= end_ns), default=0) / 1e9
        self._settled_s = self._settling_until_s()
        self.answered = False
        self.answer_s = 0.0
        self.nominal = False
        self._asked_tick = -1
        self._ground = simulation.ground
        self._sender: Sender | None = None
        self._protection = scenario.link.telemetry_protection

    # --- what it is like ----------------------------------------------------------------------------------

    @property
    def tick(self) -> int:
        """Control ticks since the scenario's epoch."""
        return int(self.driver.tick)

    @property
    def flown_s(self) -> float:
        """Time since the scenario's end."""
        return (self.tick - self.end_tick) * self.tick_ns / 1e9

    @property
    def span(self) -> ModeSpan:
        """The mode that it is in, since when, and why."""
        spans = self._spans()
        return spans[-1] if spans else ModeSpan("BOOT", 0, 0)

    def _spans(self) -> list[ModeSpan]:
        return mode_spans(self._changes, self.tick)

    @property
    def mode_expected(self) -> bool:
        """Whether it does what it was built for, or what the ground has told it to do; or, without autonomy
        and after a fault was healed, waits in SAFE for the ground, which is not flown on.
        """
        span = self.span
        waits = self._waits_for_ground and span.mode == "SAFE"
        return span.mode in WORKING or span.reason == COMMANDED or waits

    @property
    def young(self) -> bool:
        """Whether it is still on its way to its first working mode, and may be."""
        first = any(span.mode in WORKING for span in self._spans())
        return not first and self.tick * self.tick_ns < SETTLE_S * 1e9

    @property
    def commands_bad(self) -> int:
        """Actuator commands that the plant found not finite or out of range, the run's own included."""
        state = self.plant.state
        return int(state["commands_not_finite"][0]) + int(state["commands_out_of_range"][0])

    @property
    def power_positive(self) -> bool:
        """Whether an orbit in which no fault came or went has shown it."""
        power = self.judge.power()
        alive = float(self.plant.state["bus_voltage_v"][0]) > 0.0
        return alive and power is not None and power.positive and power.from_s >= self._changed_s

    def power_verdict(self) -> bool | None:
        """Whether it is power-positive; None if something else decided before an orbit could show it."""
        if self.nominal or self.power_positive:
            return True
        power = self.judge.power()
        seen = power is not None and power.from_s >= self._changed_s
        return False if seen or self.tick >= self.limit_tick else None

    def command_verdict(self) -> bool | None:
        """Whether it answers; None if it did not and something else decided before its time was over."""
        return True if self.answered else False if self.tick >= self.limit_tick else None

    def power_sentence(self) -> str:
        """The battery, for people."""
        power, charge = self.judge.power(), float(self.plant.state["battery_charge"][0])
        dead = "" if float(self.plant.state["bus_voltage_v"][0]) > 0.0 else ", bus without voltage"
        return (power.sentence() if power is not None else f"charge {charge:.0%}") + dead

    def units_off(self) -> list[str]:
        """Units that the flight software does without though nothing is wrong with them (any more)."""
        telemetry = self.computer.telemetry()
        excused = {fault.target for fault in self.active}
        if self._waits_for_ground:
            excused |= {fault.target for fault in self.healed}
        off = [
            f"{kind}.{unit}"
            for kind, count in HEALTH.items()
            for unit in range(count)
            if not int(telemetry[f"{kind}_health"]) >> unit & 1
        ]
        off += ["drive.0"] if telemetry["array_drive_lost"] else []
        retired = int(self.computer.counters()["retired"])
        off += [f"replica.{replica}" for replica in range(3) if retired >> replica & 1]
        if self.span.mode not in ("BOOT", "SEPARATION"):
            deployed = self.plant.state["wing_deployed"][0]
            off += [f"wing.{wing}" for wing in range(2) if not deployed[wing]]
        return [unit for unit in off if unit not in excused]

    def why(self) -> str:
        """What has shown it, in words."""
        answer = "no answer to a ping"
        if self.answered:
            answer = f"ping answered on board after {self.answer_s:.1f} s, link left out"
        if self.nominal:
            charge = float(self.plant.state["battery_charge"][0])
            return f"nominal: {self.span.mode}, {self._rate_deg_s():.2f} deg/s, charge {charge:.0%}; {answer}"
        return f"{self.power_sentence()}; {answer}"

    def _rate_deg_s(self) -> float:
        return float(np.degrees(np.linalg.norm(self.plant.state["rate_body_rad_s"][0])))

    def _settling_until_s(self) -> float:
        """Until when it may take to come back to a working mode, in seconds since the epoch."""
        end_s = self.end_tick * self.tick_ns / 1e9
        # What the ground's silence led to is healed by the contact, as a fault is.
        if self.healed or self.span.reason == "contact_lost":
            return end_s + SETTLE_S
        return float(SETTLE_S) if self.young else end_s

    def _is_nominal(self) -> bool:
        """Whether there is nothing to doubt: then an orbit need not be flown to show it."""
        if self.healed or self.active or self.span.mode not in WORKING or self.units_off():
            return False
        from sim.environment.layout import AT_ILLUMINATION

        state = self.plant.state[0]
        power = self.judge.power()
        fed = state["environment"][AT_ILLUMINATION] < 0.5 or state["array_power_w"] > state["bus_power_w"]
        early = self.tick * self.tick_ns < 3 * self.judge.orbit_s * 1e9
        holds = fed if power is None else power.positive or (early and power.change >= -NOMINAL_FALL)
        return bool(
            holds and state["battery_charge"] >= NOMINAL_CHARGE and self._rate_deg_s() < NOMINAL_RATE_DEG_S
        )

    # --- flying -------------------------------------------------------------------------------------------

    def fly(self) -> None:
        """Until it is shown what becomes of the satellite, or to the limit. It is called first of all: a
        carrier alone ends what the ground's silence has led to.
        """
        step_ticks = STEP_S * self._second_ticks
        self.probe()
        while not self.judge.lost() and not self.commands_bad:
            if self._shown() and self._answers():
                return
            if self.tick >= self.limit_tick:
                break
            self.advance(min(self.tick + step_ticks, self.limit_tick))
        self._answers()

    def _answers(self) -> bool:
        """Whether it answers a ping, now."""
        return self.answered if self._asked_tick == self.tick else self.probe()

    def _shown(self) -> bool:
        self.nominal = self._is_nominal()
        if self.nominal:
            return True
        time_s = self.tick * self.tick_ns / 1e9
        settled = self.mode_expected or time_s >= self._settled_s
        readmitted = self.flown_s >= READMIT_S or not self.units_off()
        return self.power_positive and settled and readmitted

    def advance(self, until_tick: int) -> None:
        """Fly on to a tick; what it sends is heard by nobody."""
        while self.tick < until_tick:
            self.driver.run(until_tick)
            self.driver.downlink()
        self._collect()

    def _collect(self) -> None:
        for tick, id, severity, arguments in self.driver.events():
            event = FlightEvent(int(tick), int(id), int(severity), tuple(float(value) for value in arguments))
            if event.name == MODE_CHANGED:
                self._changes.append(event)
        rows = np.asarray(self.driver.truth_rows(), dtype=np.float64)
        if len(rows):
            ticks = rows[:, 0].astype(np.int64)
            seconds = ticks % self._second_ticks == 0
            self.judge.see(rows[seconds, 1:], ticks[seconds] // self._second_ticks)

    def probe(self) -> bool:
        """Call it: a carrier on the receivers, a ping into the flight computer, and whether its answer comes
        out of a transmitter that has power.
        """
        from safehold.probe import Listener, probe_frame, sender_of

        if self._sender is None:
            self._sender = sender_of(self._ground.to_bytes())

        start, until = self.tick, self.tick + PROBE_S * self._second_ticks
        listener = Listener.start(self._protection)
        self.plant.state["receiver_lock"][0] = 1
        # Long enough for a lock, and too short to lead it to DOWNLINK before it has answered.
        locked = start + max(2, self._second_ticks // 2)
        self.advance(locked)
        # A receiver without power hears nothing.
        hears = float(self.plant.state["bus_voltage_v"][0]) > 0.0
        uplink = [probe_frame(self._sender)] if hears else []
        while self.tick < until and not listener.answered:
            self.driver.run(until, uplink)
            uplink = []
            frames = self.driver.downlink()
            if int(self.plant.state["transmitter_on"][0]) != 0:
                listener.hear(frame for _, frame in frames)
        self.plant.state["receiver_lock"][0] = 0
        self._collect()
        self.answered, self._asked_tick = listener.answered, self.tick
        self.answer_s = (self.tick - locked) * self.tick_ns / 1e9
        return self.answered


def _end_ns(fault: Fault, permanent_ns: int) -> int:
    return permanent_ns if fault.duration is None else fault.at + fault.duration


def _healed(fault: Fault, end_ns: int) -> Fault:
    """The fault as it would have been if it had ended now; its place in the table stays the same."""
    return fault.model_copy(update={"duration": end_ns - fault.at})
