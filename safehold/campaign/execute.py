"""Fly a campaign into a folder: the engine, the folder, the execution and the analysis put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from safehold.campaign.execution import Execution, Options
from safehold.campaign.fly_run import Flyer, Setup, warm_up
from safehold.campaign.folder import CampaignFolder, Identity, References
from safehold.campaign.pool import Pool
from safehold.campaign.selection import Part
from safehold.code_id import code_id
from safehold.errors import EngineError, UsageError

if TYPE_CHECKING:
    from safehold.campaign.expand import Campaign
    from safehold.campaign.progress import Progress
    from safehold.campaign.summary import Summary
    from safehold.campaign.task import Engine

LOCAL, DASK, DASK_AT = "local", "dask", "dask://"


def execute(
    campaign: Campaign,
    folder: Path,
    *,
    engine: str = LOCAL,
    workers: int | None = None,
    part: Part | None = None,
    fork: bool = True,
    early_stop: bool = True,
    store: Path | None = None,
    merge: Sequence[Path] = (),
    keep: str = "none",
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Summary:
    """Fly what a campaign's folder has no result of yet; returns what the campaign came to.

    engine: "local", "dask" or "dask://HOST:PORT". workers: processes on this machine, None: its cores. part:
    which of the runs. fork, early_stop: see `safehold.forks`. store: folder of results shared by several
    campaigns. merge: folders of this campaign whose results are taken over. keep: which runs leave their
    whole folder, "none", "failed" or "all". stopped: asked often; once true nothing more is begun.

    Raises EngineError, FolderError and UsageError for what cannot be done.
    """
    part = part or Part()
    if not part.indices(campaign.count):
        raise UsageError("SH-CLI-002", f"--part: {part} of {campaign.count:,} runs holds none of them")
    identity = identity_of(campaign, fork=fork, early_stop=early_stop, part=part)
    _check_merged(merge, folder, identity)
    # The engine comes first: one that cannot be reached leaves no folder behind.
    CampaignFolder.check(folder, identity)
    options = Options(
        part=part,
        fork=fork,
        stores=(*([store] if store else ()), *merge),
        share=store is not None,
        keep=keep,
    )
    setup = Setup(campaign, early_stop, References(folder.absolute()))
    with (
        closing(make_engine(engine, setup, workers or os.cpu_count() or 1)) as hands,
        CampaignFolder(folder, identity, campaign.text) as opened,
    ):
        execution = Execution(campaign, opened, hands, options, progress=progress, stopped=stopped)
        summary = execution.run()
        if summary.complete:
            _analyse(folder, summary)
    return summary


def identity_of(
    campaign: Campaign, *, fork: bool = True, early_stop: bool = True, part: Part | None = None
) -> Identity:
    """What the campaign's folder has to belong to."""
    return Identity(
        name=campaign.name,
        sha256=campaign.sha256(),
        seed=campaign.seed,
        runs=campaign.count,
        code_id=code_id(),
        fork=fork,
        early_stop=early_stop,
        part=str(part or Part()),
    )


def check_engine(name: str) -> None:
    """Raise UsageError for a name that is no engine's."""
    if name in (LOCAL, DASK):
        return
    host, colon, port = name.removeprefix(DASK_AT).rpartition(":")
    if not (name.startswith(DASK_AT) and host and colon and port.isdecimal() and 0 < int(port) < 65536):
        raise UsageError("SH-CLI-002", f"--engine: {name[:80]!r} is not local, dask or dask://HOST:PORT")


def make_engine(name: str, setup: Setup, workers: int) -> Engine:
    """The engine of a name, ready to work. Raises UsageError, and EngineError if it cannot be reached."""
    check_engine(name)
    if name == LOCAL:
        warm_up(setup.campaign)
        return Pool(Flyer, setup, workers=workers)
    from safehold.campaign.dask_engine import DaskEngine

    address = name.removeprefix(DASK_AT) if name != DASK else None
    return DaskEngine(setup, address=address, workers=workers)


def _check_merged(paths: Sequence[Path], place: Path, ours: Identity) -> None:
    """Raise EngineError for a folder whose results are not of this campaign and code."""
    for path in paths:
        theirs = Identity.read(path)
        if theirs is None:
            raise EngineError("SH-ENG-007", f"{path} holds no campaign to merge")
        ours.refuse(theirs, path)
        if path.resolve() == place.resolve():
            raise UsageError("SH-CLI-001", f"{path} cannot be merged into itself")


def _analyse(folder: Path, summary: Summary) -> None:
    """Leave campaign.json, junit.xml and report.html in the folder, and in the summary what they come to."""
    from safehold.campaign.campaign_report import conclude
    from safehold.campaign.campaign_summary import summary_lines

    analysis = conclude(folder)
    summary.verdict, summary.findings = analysis.verdict, summary_lines(analysis)
