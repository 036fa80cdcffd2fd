"""The flight computer: three voting replicas of the C++ flight software behind one `step`.

A `Computer` is anything that answers a sensor frame with the voted actuator frame and TM frames: the compiled
FlightComputer in this process, or a `flight.remote.RemoteComputer` on the other end of a socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flight.configuration import check_configuration, shown
from flight.dictionary import SHA256, load_native
from flight.keys import KeyRing, load_ring

if TYPE_CHECKING:
    from _safehold_native import FlightComputer, OtherMissionError, SecretKeys

    from flight.tm_protection import TelemetryProtection

__all__ = ["Computer", "FlightComputer", "OtherMissionError", "check_folder", "make_computer", "secret_keys"]

_native = load_native()
if not TYPE_CHECKING:
    FlightComputer = _native.FlightComputer
    OtherMissionError = _native.OtherMissionError


class Computer(Protocol):
    """What answers sensor frames, wherever it runs."""

    def step(self, sensor_frame: bytes, uplink: Sequence[bytes] = ()) -> tuple[bytes, list[bytes]]:
        """One control tick: a sensor frame (464 octets) and the TC frames that arrived for it.

        Returns the voted actuator frame (88 octets) and the TM frames that leave. Raises ValueError for a
        sensor frame of another size; TC frames may be anything, and are counted.
        """

    def state_bytes(self) -> bytes:
        """The whole state: replicas, checkpoint, voter."""

    def restore(self, state: bytes) -> None:
        """Puts back a state of `state_bytes`; raises ValueError if it is none."""

    def telemetry(self) -> dict[str, Any]:
        """The telemetry parameters, by name."""

    def counters(self) -> dict[str, Any]:
        """What the voter and command handling counted."""


def make_computer(
    *,
    replicas: int = 3,
    resync: bool = True,
    tick_ns: int = 100_000_000,
    autonomy: bool = True,
    parameters: Mapping[str, float | Sequence[float]] | None = None,
    keys: KeyRing | None = None,
    folder: Path | None = None,
    quotas: Mapping[str, int] | None = None,
    telemetry_protection: TelemetryProtection = "none",
) -> FlightComputer:
    """A flight computer at its start.

    replicas: 1 or 3; resync: whether a diverging replica is copied from the majority; tick_ns: control
    period, 5 ms to 1 s; autonomy: whether monitors act and SAFE is left without the ground; parameters:
    settings by their dictionary name; keys: those of SAFEHOLD_KEYS, or the published ones, if left out.
    folder: where persistence and mass memory are kept, and gone on from if something is there; in memory
    alone if left out. quotas: octets of mass memory, by `critical`, `housekeeping`, `debug`, `files`.
    telemetry_protection: what becomes of TM frames before they leave. Raises ValueError for a value of
    the wrong type, a setting or quota that does not exist or is out of its limits, or if a key is missing,
    OtherMissionError, a ValueError, for a folder of another mission, RuntimeError for one that cannot be
    written or that another process has.
    """
    check_configuration(
        replicas=replicas,
        resync=resync,
        tick_ns=tick_ns,
        autonomy=autonomy,
        parameters={} if parameters is None else parameters,
        quotas={} if quotas is None else quotas,
        telemetry_protection=telemetry_protection,
    )
    if folder is not None and not isinstance(folder, Path):
        raise ValueError(f"folder must be a path, not {shown(folder)}")
    return FlightComputer(
        replicas=replicas,
        resync=resync,
        tick_ns=tick_ns,
        autonomy=autonomy,
        parameters=dict(parameters or {}),
        keys=secret_keys(load_ring() if keys is None else keys),
        folder=None if folder is None else str(folder),
        quotas=dict(quotas or {}),
        telemetry_protection=telemetry_protection,
    )


def secret_keys(ring: KeyRing) -> SecretKeys:
    """A ring as the compiled module takes it: by a call of its own, so that no message about another one
    shows a key.
    """
    if not isinstance(ring, KeyRing):
        raise ValueError(f"keys must be a KeyRing, not a {type(ring).__name__}")
    keys: SecretKeys = _native.SecretKeys(dict(ring.keys), dict(ring.telemetry))
    return keys


def check_folder(folder: Path) -> None:
    """Opens a data folder and gives it back, before it is known which mission is to fly.

    Raises OtherMissionError if it is not known whose data it holds, or if they are of another dictionary;
    RuntimeError if it cannot be written or another process has it.
    """
    found = _native.folder_mission(str(folder))
    dictionary = f"dictionary {SHA256}"
    if found and dictionary not in found.splitlines():
        raise OtherMissionError(
            f"the flight computer's data folder {folder} belongs to another mission: expected "
            f"{dictionary[:23]}, found {found[:23]}. Give another folder, or the software that made it"
        )
