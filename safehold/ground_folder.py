"""The folder in which `safehold ground --data` keeps itself, as a source of an archive.

The frame journal has every frame that arrived, the database the state: which station was connected when,
every telecommand with its stages, alarms, the clock's correlation. Reading changes neither, and a ground that
is killed, or still running, can be read: what it had committed is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flight.frames import Delivery, FrameError
from flight.keys import KEY_OCTETS, KeyFileError, KeyRing, load_ring
from flight.tm_frames import decode_tm_frame
from flight.tm_protection import OPENED_FRAME_OCTETS, kept_octets
from ground.config import GroundConfig
from ground.mission import Ground, configuration_of
from ground.store import Saved, StoreError
from ground.store.archive import DATABASE, JOURNAL, look_into
from ground.store.journal import stream
from ground.store.memory import MemoryStore
from ground.telemetry_security import Opener
from safehold import parquet
from safehold.archive import Source
from safehold.decoding import Received, decode
from safehold.documents import DAMAGED, require_file
from safehold.downlink import add_downlink
from safehold.errors import FolderError
from safehold.frame_store import ARRIVALS, FrameStore
from safehold.on_board_clock import clock_document
from safehold.result import json_safe

_DEGREES = 57.29577951308232


def is_ground_folder(folder: Path) -> bool:
    """Whether a folder has what `safehold ground --data` leaves."""
    return any((folder / name).exists() for name in (JOURNAL, DATABASE))


def source_of_ground(folder: Path, scratch: Path) -> Source:
    """The folder as a source; `scratch` holds what is made of it meanwhile.

    Raises FolderError if it is not one of ours, is damaged, or has nothing yet.
    """
    for name in (JOURNAL, DATABASE):
        if not (folder / name).exists():
            raise FolderError("SH-OUT-003", f"{folder} has no {name}: it is not whole, or not a ground's")
        require_file(folder / name)
    try:
        config, results, time_ns = _state(folder)
    except (StoreError, *DAMAGED) as error:
        raise FolderError("SH-OUT-003", f"{folder} holds no ground that can be read: {error}") from None
    stations = [station.name for station in config.stations]
    kept = FrameStore()
    try:
        opener = Opener.start(load_ring(), config.telemetry_protection)
        frames = _kept(stream(folder / JOURNAL), results["passes"], kept, opener)
        received = decode(frames, stations, tick_ns=config.tick_ns, commands=json_safe(results["commands"]))
        kept.write_frames(scratch / "frames.tm")
        parquet.write_pieces(scratch / ARRIVALS, kept.arrivals(stations))
    except OSError as error:
        wrong = f"{folder / JOURNAL} cannot be read: {error.strerror or error}"
        raise FolderError("SH-OUT-003", wrong) from None
    except KeyFileError as error:
        raise FolderError("SH-OUT-003", f"{folder}: {error}") from None
    finally:
        kept.close()
    if not received.frames and any(one["frames"] for one in results["passes"]):
        raise FolderError("SH-OUT-003", f"{folder}: {_why_none(folder, opener)}")
    parquet.write_pieces(scratch / "telemetry.parquet", received.telemetry.pieces())
    parquet.write_pieces(scratch / "summaries.parquet", received.summaries.pieces())
    found = _documents(config, results, received, time_ns)
    return Source(
        path=folder,
        frames=scratch / "frames.tm",
        arrivals=scratch / ARRIVALS,
        telemetry=scratch / "telemetry.parquet",
        summaries=scratch / "summaries.parquet",
        documents=found,
        clock=found["clock"],
        frame_octets=kept_octets(config.telemetry_protection),
    )


def _why_none(folder: Path, opener: Opener | None) -> str:
    """Why no frame comes of a journal, where the database tells of some."""
    if next(stream(folder / JOURNAL), None) is None:
        return f"{JOURNAL} has none of the frames that {DATABASE} tells of; it was emptied or damaged"
    if opener is None:
        return f"{JOURNAL} has none of the sound frames that {DATABASE} tells of; they do not belong together"
    return "the telemetry keys here open none of its frames"


def _state(folder: Path) -> tuple[GroundConfig, dict[str, Any], int]:
    """The configuration of a ground, everything that it knew, and to when it had lived."""
    saved = look_into(folder)
    if saved is None or not saved.pieces:
        raise StoreError("nothing has been kept yet")
    config = configuration_of(saved)
    telemetry = load_ring().telemetry if config.telemetry_protection != "none" else {}
    ground = Ground(config, keys=_no_keys(saved, telemetry), store=MemoryStore(saved))
    return config, ground.results(), ground.time_ns


def _no_keys(saved: Saved, telemetry: Mapping[int, bytes]) -> KeyRing:
    """A ring with the telecommand key in force and those used, without any of them: nothing is sealed."""
    used = {int(json.loads(saved.pieces["sender"])["key"]), *saved.reserved}
    return KeyRing(dict.fromkeys(sorted(used), bytes(KEY_OCTETS)), telemetry=telemetry)


def _kept(
    deliveries: Iterable[Delivery],
    passes: Iterable[Mapping[str, Any]],
    kept: FrameStore,
    opener: Opener | None,
) -> Iterator[Delivery]:
    """The frames that mission control took: sound, and of the station that was connected; protected ones
    opened. They are also kept.
    """
    connected = [(one["station"], one["start_ns"], one["los_ns"]) for one in passes]
    for delivery in deliveries:
        at_ns = delivery.arrival_ns
        if not any(station == delivery.station and begin <= at_ns < end for station, begin, end in connected):
            continue
        try:
            frame = delivery.frame
            if opener is None:
                decode_tm_frame(frame)
            else:
                opened = opener.open(frame)
                decode_tm_frame(frame := opened.octets, OPENED_FRAME_OCTETS)
                opener.take(opened)
        except FrameError:
            continue
        taken = delivery._replace(frame=frame)
        kept.add((taken,))
        yield taken


def _documents(
    config: GroundConfig, results: Mapping[str, Any], received: Received, time_ns: int
) -> dict[str, Any]:
    """What result.json and events.jsonl of a run have of its ground."""
    found: dict[str, Any] = json_safe(
        {
            "sim_seconds": time_ns / 1e9,
            "commands": results["commands"],
            "passes": [_pass(one) for one in results["passes"]],
            "alarms": results["alarms"],
            "clock": clock_document(datetime.fromisoformat(config.epoch), results["clock"]),
        }
    )
    late = results["events"]["late"]
    add_downlink(found, received, [], events_late=late, tm_rate_bit_s=config.tm_rate_bit_s)
    found["reports"] = received.reports.rows
    found["events"] = sorted(received.events, key=lambda event: int(event["sim_time_ns"]))
    return found


def _pass(one: Mapping[str, Any]) -> dict[str, Any]:
    """A pass that the ground used, named as in a run; the times are its prediction."""
    return {
        "station": one["name"],
        "aos_s": one["aos_ns"] / 1e9,
        "los_s": one["los_ns"] / 1e9,
        "open": True,
        "elevation_max_deg": one["elevation_max_rad"] * _DEGREES,
        "frames": one["frames"],
        "frames_refused": one["frames_refused"],
        "commands": one["commands"],
    }
