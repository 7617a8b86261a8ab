"""Markets with wrong data are refused at the load, others are loaded, through the files and PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.preparer.loading.load import load_market
from shared.errors import LoadError
from shared.settings import Settings
from tests.support.cases import CASES


def load(settings: Settings, directory: Path) -> None:
    """Load a directory of market files."""
    asyncio.run(load_market(directory, settings.database_url or ""))


@pytest.mark.parametrize(
    ("case", "words"),
    [("01", ("change",)), ("03", ("change",)), ("14", ("high", "15000"))],
)
def test_market_that_cannot_be_is_refused_at_the_load(case: str, words: tuple[str, ...], settings: Settings) -> None:
    with pytest.raises(LoadError) as refused:
        load(settings, CASES / case / "market")
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("case", ["05", "06", "07", "10", "23", "29", "31", "38", "45", "63", "66b"])
def test_market_that_can_be_is_loaded(case: str, settings: Settings) -> None:
    load(settings, CASES / case / "market")
