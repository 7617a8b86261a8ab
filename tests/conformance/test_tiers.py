"""A result does not depend on where the dataset lies, nor on being audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.dataset.encode import encode_all, manifest_of
from shared.dataset.memory_panels import MemoryPanels
from shared.dataset.panels import MappedPanels
from shared.errors import RunError
from shared.factors.catalogue import BY_KEY
from shared.model.fields import STORED
from shared.model.panels import Panels
from shared.simulation import canonical_request, request_of, run
from shared.simulation.lookahead_audit import audit
from tests.support.datasets import PartStore
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

BUDGET = 1 << 28


def mapped(memory: MemoryPanels, directory: Path) -> MappedPanels:
    """The same dataset as parts in a directory, mapped."""
    rows = slice(0, len(memory.days))
    content, blobs = encode_all(
        days=memory.days,
        instruments=memory.instruments,
        fields={name: memory.panel(name, rows) for name in (*STORED, *sorted(memory.factors))},
        indices=memory.indices,
        dividends=memory.dividends,
        listings=memory.listings,
        factor_versions={key: BY_KEY[key].version for key in memory.factors},
    )
    return MappedPanels(directory, manifest_of(content, 1, {}), PartStore(blobs), BUDGET)


def digest(request: dict[str, Any], panels: Panels) -> str:
    """The digest of a result, or the kind of error that the run ends with."""
    try:
        return run(canonical_request(request_of(request)), panels).result_digest
    except RunError as error:
        return error.kind


@pytest.mark.parametrize("seed", range(100, 106))
def test_a_mapped_dataset_gives_the_bytes_of_one_in_memory(seed: int, tmp_path: Path) -> None:
    market = random_market(seed)
    memory = panels_of(market)
    away = mapped(memory, tmp_path)
    for turn in range(4):
        request = random_request(seed * 100 + turn, market)
        assert digest(request, away) == digest(request, memory)


@pytest.mark.parametrize("seed", range(100, 115))
def test_the_audit_of_a_random_backtest_finds_no_look_ahead(seed: int) -> None:
    market = random_market(seed)
    request, panels = random_request(seed * 100, market), panels_of(market)
    if digest(request, panels) == "factor_absent":
        return
    found = audit(canonical_request(request_of(request)), panels, seed, 3)
    assert found["identical"], found
