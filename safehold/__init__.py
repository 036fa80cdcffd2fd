"""safehold flies a satellite that must assume it is alone.

    import safehold

    result = safehold.run("first-contact")
    print(result.outcome, result.digest)

Everything here is imported on first use, so that `import safehold` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safehold.errors import InputError as InputError
    from safehold.errors import SafeholdError as SafeholdError
    from safehold.result import Result as Result
    from safehold.run import run as run
    from safehold.scenario import load as load
    from safehold.simulation import Simulation as Simulation

__version__ = "0.1.0"

_HOME = {
    "InputError": "safehold.errors",
    "SafeholdError": "safehold.errors",
    "Result": "safehold.result",
    "Simulation": "safehold.simulation",
    "load": "safehold.scenario",
    "run": "safehold.run",
}

__all__ = ["InputError", "Result", "SafeholdError", "Simulation", "load", "run"]


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'safehold' has no attribute {name!r}") from None
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
