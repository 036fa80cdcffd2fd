"""The command line. Each command is a thin face of a function that Python can call as well."""

from __future__ import annotations

import sys

import typer

from safehold import errors
from safehold.cli import fly, look_back, look_up, operate, serve  # noqa: F401 they join the application
from safehold.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of `safehold`: one message for what went wrong, and the exit code that says whose fault it
    is.
    """
    from safehold.code_id import prepare_numba_cache

    prepare_numba_cache()
    try:
        code = app(standalone_mode=False)
    except errors.InputError as error:
        typer.echo(f"safehold: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        typer.echo("safehold: interrupted", err=True)
        code = errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; what was to be said to them may have been bad.
        sys.stderr.close()
        code = errors.EXIT_FAILED
    except (
        Exception
    ) as error:  # the outermost boundary: what gets here is our own fault, and exit code 3 says so
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            typer.echo(f"safehold: SH-CLI-002 {error.format_message()}", err=True)
            code = errors.EXIT_INPUT
        else:
            code = _internal(error)
    sys.exit(code if isinstance(code, int) else errors.EXIT_OK)


def _internal(error: Exception) -> int:
    import traceback

    if isinstance(error, ImportError):
        # A missing or outdated part of the installation; where in our code it was missed helps nobody.
        typer.echo(f"safehold: SH-INT-003 the installation is not whole: {error}", err=True)
        return errors.EXIT_INTERNAL
    traceback.print_exception(error)
    id, text = "SH-INT-001", str(error)
    if isinstance(error, errors.SafeholdError):
        id, text = error.id, error.text
    typer.echo(f"safehold: {id} internal error: {text}; please report this with the lines above", err=True)
    return errors.EXIT_INTERNAL
