"""`safehold replay`: fly a run's scenario again and compare digests."""

from __future__ import annotations

import json
from pathlib import Path

from safehold.code_id import code_id
from safehold.documents import reading
from safehold.errors import EXIT_FAILED, EXIT_OK, FolderError
from safehold.folder import RunFolder
from safehold.run import fly
from safehold.scenario import Source, parse


def replay_command(path: Path, json_output: bool) -> int:
    """Fly again; 0 if every chain is the same, 1 if not."""
    folder = RunFolder.open(path)
    if not folder.result.get("complete"):
        raise FolderError(
            "SH-OUT-003", f"{path} holds an interrupted run; there is no whole digest to compare"
        )
    with reading(path / "result.json"):
        chains_then = dict(folder.result["digests"].items())
        digest_then, code_then = folder.result["digest"], folder.result["code_id"]
    scenario = parse(folder.scenario_text, Source(str(path / "scenario.toml"), None))
    again = fly(scenario)[0].document
    chains = {
        name: "equal" if again["digests"].get(name) == digest else "different"
        for name, digest in chains_then.items()
    }
    same = again["digest"] == digest_then
    same_code = code_then == code_id()
    if json_output:
        print(
            json.dumps({"equal": same, "chains": chains, "same_code": same_code, "digest": again["digest"]})
        )
    else:
        for name, verdict in chains.items():
            print(f"{name:<7} {verdict}")
        if not same and not same_code:
            print("the run was made by other code, libraries or processor: equal bits are not expected")
        print(f"digest  {'equal' if same else 'different'}: {again['digest']}")
    return EXIT_OK if same else EXIT_FAILED
