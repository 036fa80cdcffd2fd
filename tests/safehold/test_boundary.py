"""Where an error leaves the program: one message, its id once, the exit code that says whose fault it is."""

from __future__ import annotations

import pytest

from safehold import cli, errors


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (errors.UsageError("SH-CLI-001", "leave one out"), "safehold: SH-CLI-001 leave one out\n", 2),
        (
            errors.InternalError("SH-INT-004", "it has ended"),
            "safehold: SH-INT-004 internal error: it has ended; please report this with the lines above\n",
            3,
        ),
        (
            RuntimeError("odd"),
            "safehold: SH-INT-001 internal error: odd; please report this with the lines above\n",
            3,
        ),
        (
            ImportError("no such part"),
            "safehold: SH-INT-003 the installation is not whole: no such part\n",
            3,
        ),
        (KeyboardInterrupt(), "safehold: interrupted\n", 130),
    ],
)
def test_an_error_leaves_with_its_id_once_and_its_exit_code(
    error: BaseException,
    told: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(**_options: object) -> int:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert said.endswith(told)
    assert said.count("safehold: ") == 1
