"""The page about writing campaigns: its examples load, and no key or distribution is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from safehold.campaign.definition import built_in_names, parse_campaign
from safehold.campaign.distribution_tables import DISTRIBUTIONS
from safehold.campaign.schema import CampaignFile, Flips, Grid, Storm, StormKind, Vary
from safehold.scenario import Source

HEAD = 'schema = 1\nname = "x"\nbase = "first-contact"\n'


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    text = (repository / "docs" / "campaigns.md").read_text(encoding="utf-8")
    return text.split("## Writing a campaign", 1)[1].split("\n## ", 1)[0]


@pytest.mark.requirement("S5")
def test_every_example_of_the_page_loads(page: str) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    whole, grid, storm = blocks
    assert parse_campaign(whole, Source("page", None)).count == 200
    # Two units, two times, two lengths, two rates, three charges.
    assert parse_campaign(HEAD + grid, Source("page", None)).count == 2 * 2 * 2 * 2 * 3
    assert parse_campaign(HEAD + "runs = 4\n" + storm, Source("page", None)).count == 4


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    "model", [CampaignFile, Vary, Grid, Storm, StormKind, Flips], ids=lambda m: m.__name__
)
def test_every_key_is_on_the_page(model: type[BaseModel], page: str) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert not {key for key in keys if not re.search(rf"`\[*(storm\.)?{key}\]*`", page)}


@pytest.mark.requirement("S5")
def test_every_distribution_and_built_in_campaign_is_on_the_page(page: str) -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", page, re.MULTILINE))
    for name, declared in DISTRIBUTIONS.items():
        for parameter in (*declared.required, *declared.optional):
            assert f"`{parameter}`" in rows[name], (name, parameter)
    assert not {name for name in built_in_names() if f"| `{name}` |" not in page}
