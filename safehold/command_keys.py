"""`safehold keys`: makes key material, and never shows a secret part of it."""

from __future__ import annotations

from pathlib import Path

from safehold.errors import EXIT_OK, UsageError


def keys_command(curve: Path | None, link: Path | None) -> int:
    """Make what was asked for and say where it is; raises UsageError if it cannot be made."""
    from flight.curve import CurveError, make_keys
    from flight.keys import KeyFileError, make_ring

    if curve is None and link is None:
        raise UsageError("SH-CLI-001", "say which keys: --curve FOLDER, --link FILE, or both")
    try:
        if curve is not None:
            public = make_keys(curve)
            print(f"curve    {public} is the public key: give it to the peers, as {curve.name}.key")
        if link is not None:
            ring = make_ring(link)
            held = f"{len(ring.keys)} telecommand and {len(ring.telemetry)} telemetry keys"
            print(f"link     {link}, {held}; flight and ground need the same")
    except (CurveError, KeyFileError) as error:
        raise UsageError("SH-CLI-004", str(error)) from None
    except OSError as error:
        raise UsageError("SH-CLI-004", f"{error.filename}: {error.strerror}") from None
    return EXIT_OK
