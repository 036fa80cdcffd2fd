"""Fuzzes one of the Python targets for a time:  python -m tests.fuzz TARGET SECONDS

With atheris, which is guided by coverage; without it, mutations of the seeds, the same ones in each run.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path
from types import FunctionType


def _instrument() -> None:
    """Counts branches in all that is loaded of flight and ground. The import hook of atheris does not see
    packages that are installed in place, so functions are instrumented where they are.
    """
    import atheris

    for owned in gc.get_objects():
        if isinstance(owned, FunctionType) and str(owned.__module__).split(".")[0] in ("flight", "ground"):
            atheris.instrument_func(owned)


def _guided(name: str, seconds: int) -> None:
    import atheris

    from tests.fuzz.mutations import switched
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

    corpus = Path("build") / "fuzz" / f"corpus_py_{name}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(switched(name, SEEDS)):
        (corpus / f"seed-{number:03d}").write_bytes(octets)
    _instrument()
    options = [f"-max_total_time={seconds}", "-max_len=16384", "-print_final_stats=1"]
    options.append(f"-artifact_prefix=build/fuzz/{name}-")
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


def _blind(name: str, seconds: int) -> None:
    from tests.fuzz.mutations import inputs
    from tests.fuzz.targets import TARGETS

    until, done = time.monotonic() + seconds, 0
    for octets in inputs(name):
        if time.monotonic() > until:
            break
        try:
            TARGETS[name](octets)
        except BaseException:
            with tempfile.NamedTemporaryFile(prefix=f"crash-{name}-", delete=False) as file:
                file.write(octets)
            print(f"ERROR: input {done} of {name}, kept as {file.name}", file=sys.stderr)
            raise
        done += 1
    print(f"stat::number_of_executed_units: {done}")


def main() -> None:
    """See above."""
    name, seconds = sys.argv[1], int(sys.argv[2])
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("atheris is not installed: mutations without guidance", flush=True)
        _blind(name, seconds)
    else:
        _guided(name, seconds)


if __name__ == "__main__":
    main()
