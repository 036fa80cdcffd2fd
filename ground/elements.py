"""The ground's elements, and how downlinked navigation mends them.

While a pass lasts, positions and velocities from housekeeping are kept, one every twenty seconds. When it has
ended they are compared with the ground's own prediction. If they agree within what navigation is good for,
nothing changes. If not, an orbit of the ground's own model is fitted to them by least squares, and replaces
the elements from then on, provided that

    it fits every sample, within 50 m on the mean        (a filter that restarted on board does not)
    it keeps to the plane and height of the elements     (50 km; only the time along the orbit errs by much)
    the station sees it where the samples came down      (a receiver that lies on board about where it is
                                                          does not move the antenna that heard it)

Until elements have been mended, windows are wider by their uncertainty: the carrier is on earlier and longer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ground import housekeeping
from ground.config import GroundConfig
from ground.windows import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ground.predict import Predictor

_NS = 1_000_000_000
SAMPLE_EVERY_NS = 20 * _NS
SAMPLES_MAX = 64
SAMPLES_LEAST = 6
FIX_AGE_MAX_S = 10.0
MEMORY_NS = 3 * 3600 * _NS
AGREES_S = 0.15
AGREES_M = 1500.0
FITS_M = 50.0
ACROSS_MAX_M = 50e3
ALONG_MAX_S = 120.0
SIGHT_SINE = 0.03
_NEEDED = ("orbit_valid", "orbit_position_gcrf_m", "orbit_velocity_gcrf_m_s", "orbit_age_s")


def navigation(data: bytes) -> list[float] | None:
    """Position and velocity in a housekeeping report, GCRF m and m/s; None without a good fix."""
    read = housekeeping.read(data, _NEEDED)
    if read is None:
        return None
    values: list[float] = [*read["orbit_position_gcrf_m"], *read["orbit_velocity_gcrf_m_s"]]
    distance_2 = sum(value * value for value in values[:3])
    speed_2 = sum(value * value for value in values[3:])
    sound = read["orbit_valid"][0] == 1 and read["orbit_age_s"][0] <= FIX_AGE_MAX_S
    # A NaN compares false.
    return values if sound and 4e13 < distance_2 < 1e14 and 1e7 < speed_2 < 1.5e8 else None


@dataclass(slots=True)
class Elements:
    """Stands in for a predictor: its windows are those of the elements as they were when each was used."""

    config: GroundConfig
    samples: list[list[float]] = field(default_factory=list)  # time s, position, velocity
    begun_ns: int = 0  # when the present elements began to hold; 0: those of the configuration
    state: list[float] = field(default_factory=list)  # at that time
    frozen: list[Window] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=lambda: {"agreed": 0, "mended": 0, "refused": 0})
    _predictor: Predictor | None = None
    _shown: list[Window] | None = None  # made of so many windows of the predictor
    _shown_of: int = 0

    def windows_until(self, time_ns: int) -> list[Window]:
        """As `Predictor.windows_until`, past elements' windows first."""
        margin_ns = 0 if self.begun_ns else round(self.config.uncertainty_s * 1e9)
        if not self.begun_ns and not margin_ns:
            return self._present().windows_until(time_ns)
        shift = self.begun_ns
        found = self._present().windows_until(time_ns - shift)
        if self._shown is None or self._shown_of != len(found):
            shifted = [
                replace(
                    one,
                    aos_ns=one.aos_ns + shift,
                    tca_ns=one.tca_ns + shift,
                    los_ns=one.los_ns + shift,
                    margin_ns=margin_ns,
                )
                for one in found
            ]
            self._shown, self._shown_of = self.frozen + shifted, len(found)
        return self._shown

    def found_until_ns(self) -> int:
        """As `Predictor.found_until_ns`."""
        return self._present().found_until_ns() + self.begun_ns

    def see(self, data: bytes, time_ns: int) -> None:
        """Housekeeping arrived; `time_ns` is when it was made, on-board time."""
        if not self.config.refine or len(self.samples) >= SAMPLES_MAX:
            return
        if self.samples and time_ns - self.samples[-1][0] * 1e9 < SAMPLE_EVERY_NS:
            return
        values = navigation(data)
        if values is not None and 0 <= time_ns <= self.config.duration_ns:
            self.samples.append([time_ns / 1e9, *values])

    def pass_ended(self, time_ns: int, station: int, windows_used: int) -> str | None:
        """Judge the samples of a pass; returns what came of them: agreed, mended, refused, or None."""
        oldest_s = (time_ns - MEMORY_NS) / 1e9
        self.samples = [one for one in self.samples if one[0] > oldest_s]
        if len(self.samples) < SAMPLES_LEAST:
            self.samples = []
            return None
        verdict, state = self._judge(time_ns, station)
        self.counters[verdict] += 1
        if verdict == "mended":
            self.frozen = self.windows_until(time_ns)[:windows_used]
            self.begun_ns, self.state = -(-time_ns // (10 * _NS)) * 10 * _NS, state
            self._predictor = self._shown = None
        elif not self.begun_ns or verdict == "refused":
            self.samples = []
        return verdict

    def to_plain(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "samples": self.samples,
            "begun_ns": self.begun_ns,
            "state": self.state,
            "frozen": [asdict(one) for one in self.frozen],
            "counters": self.counters,
        }

    def control_plain(self) -> list[Any]:
        """What can change what the ground does next."""
        return [self.samples, self.begun_ns, self.state]

    def restore(self, values: dict[str, Any]) -> None:
        """Take a state of `to_plain`."""
        self.samples = [[float(value) for value in one] for one in values["samples"]]
        self.begun_ns = int(values["begun_ns"])
        self.state = [float(value) for value in values["state"]]
        self.frozen = [Window(**one) for one in values["frozen"]]
        self.counters = {name: int(number) for name, number in values["counters"].items()}
        self._predictor = self._shown = None

    def _present(self) -> Predictor:
        if self._predictor is None:
            # Numba and skyfield are heavy: they are imported when the first window is asked for.
            from ground.predict import predictor

            self._predictor = predictor(self._config_from(self.begun_ns))
        return self._predictor

    def _config_from(self, begun_ns: int) -> GroundConfig:
        if not begun_ns:
            return self.config
        x, y, z, u, v, w = self.state
        epoch = datetime.fromisoformat(self.config.epoch) + timedelta(microseconds=begun_ns // 1000)
        return replace(
            self.config,
            epoch=epoch.isoformat(),
            duration_ns=max(self.config.duration_ns - begun_ns, 0),
            orbit=replace(self.config.orbit, position_gcrf_m=(x, y, z), velocity_gcrf_m_s=(u, v, w)),
            commands=(),
        )

    def _judge(self, time_ns: int, station: int) -> tuple[str, list[float]]:
        import numpy as np

        from ground import fit

        samples = np.array(self.samples)
        first_s = np.floor(samples[0, 0] / 10.0) * 10.0
        end_s = -(-time_ns // (10 * _NS)) * 10.0
        own = self._own_states(samples[:, 0])
        along_s, across_m = fit.apart(own, samples)
        if abs(along_s) < AGREES_S and across_m < AGREES_M:
            return "agreed", []
        carry = fit.carrier(self.config, first_s, end_s)
        found = fit.least_squares(carry, first_s, samples)
        sight = fit.sines(self.config, station, samples[[0, -1], 0], found.states, first_s)
        lowest = np.sin(self.config.stations[station].elevation_mask_rad) - SIGHT_SINE
        if (
            found.rms_m > FITS_M
            or across_m > ACROSS_MAX_M
            or abs(along_s) > ALONG_MAX_S
            or not bool((sight > lowest).all())
        ):
            return "refused", []
        return "mended", [float(value) for value in found.states[-1]]

    def _own_states(self, times_s: NDArray[Any]) -> NDArray[Any]:
        """Where the present elements have the satellite at some times."""
        return self._present().states_at(times_s - self.begun_ns / 1e9)
