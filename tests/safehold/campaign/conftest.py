"""What the tests of campaigns share: small campaigns, and a folder's content as one value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from safehold.code_id import prepare_numba_cache

prepare_numba_cache()

from safehold.campaign.definition import parse_campaign  # noqa: E402  after the cache has its place
from safehold.campaign.execute import execute  # noqa: E402
from safehold.campaign.expand import Campaign  # noqa: E402
from safehold.scenario import Source  # noqa: E402

# Before it is judged a short run is flown on for most of an hour: hence one replica and a simple field.
RELEASES = """
schema = 1
name = "releases"
base = "first-contact"
seed = 5
runs = 9
duration = "90s"
expect = []
[set]
"flight.replicas" = 1
"environment.gravity_degree" = 0
[[vary]]
key = "initial.rate_deg_s[1]"
distribution = "normal"
mean = 0.0
sigma = 3.0
"""

FLIPS = """
schema = 1
name = "flips"
base = "first-contact"
seed = 2
duration = "4m"
expect = []
[set]
"environment.gravity_degree" = 0
[flips]
count = 8
"""

# Faults that pass and faults that stay, flips, and releases of which one is too fast for an expectation and
# one for any satellite.
MIXED = """
schema = 1
name = "mixed"
description = "Short flights, some of which end badly"
base = "replica-upset"
seed = 5
duration = "3m"
repeat_share = 0.1
[[grid]]
kinds = "gyro_bias"
targets = "gyro.0"
at = ["70s", "2m"]
duration = ["30s", "permanent"]
rate_deg_s = 0.5
[[grid]]
kinds = "replica_bit_flip"
at = "1m"
[[grid]]
keys = { "initial.rate_deg_s[2]" = [4.0, 9.0, 90.0] }
[[expect]]
quantity = "rate_norm_deg_s"
below = 9.6
why = "no faster than released"
[[expect]]
quantity = "replicas_retired"
equals = 0
"""


def campaign_of(text: str, **overrides: object) -> Campaign:
    """A campaign from its text."""
    return parse_campaign(text, Source("test", None), overrides)


def content(folder: Path) -> dict[str, bytes]:
    """What two flights of a campaign must have in common, byte for byte: results, campaign.json, manifest."""
    files = [*(folder / "results").rglob("*.json"), folder / "campaign.json", folder / "manifest.jsonl"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="session")
def make_campaign() -> Callable[..., Campaign]:
    return campaign_of


@pytest.fixture(scope="session")
def content_of() -> Callable[[Path], dict[str, bytes]]:
    return content


@pytest.fixture(scope="session")
def releases() -> Campaign:
    """Nine releases with a dispersed rate, a minute and a half each."""
    return campaign_of(RELEASES)


@pytest.fixture(scope="session")
def flips() -> Campaign:
    """Eight bit flips that share a fault-free run of four minutes."""
    return campaign_of(FLIPS)


@pytest.fixture(scope="session")
def undisturbed(releases: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `releases` flown in one go by two workers."""
    folder = tmp_path_factory.mktemp("campaign") / "undisturbed"
    assert execute(releases, folder, workers=2).ok
    return folder


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ten short flights, of which two fail; nobody may change it."""
    folder = tmp_path_factory.mktemp("mixed") / "campaign"
    execute(campaign_of(MIXED), folder, workers=2)
    return folder
