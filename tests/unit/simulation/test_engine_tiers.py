"""Results do not depend on the tier that serves the panels."""

from __future__ import annotations

import pathlib

import pytest

from shared.dataset.panels import MappedPanels
from shared.model.calendar import iso
from shared.simulation import audit, canonical_request, request_of, run
from tests.support.datasets import random_version

REQUESTS = [
    {"buy": {"where": "(PER < 10 or pct_rank(PER) < 0.5) and close > ts_mean(close, 5)"}},
    {"buy": {"rank_by": "PER"}, "sell": {"trailing_stop_pct": 5}, "universe": {"cap_groups": ["KOSPI_SMALL"]}},
    {"portfolio": {"weighting": "inverse_volatility"}, "universe": {"exclude": ["000001"]}},
]


@pytest.mark.parametrize("changes", REQUESTS)
def test_mapped_and_memory_panels_give_the_same_digest(tmp_path: pathlib.Path, changes: dict[str, object]) -> None:
    memory, manifest, blobs = random_version(stocks=600, days=90)
    mapped = MappedPanels(tmp_path, manifest, lambda names: {name: blobs[name] for name in names}, 1 << 28)
    canonical = canonical_request(
        request_of(
            {
                "strategy": {"sell": {"stop_loss_pct": 5, "take_profit_pct": 7}, **changes},
                "start": iso(int(memory.days[20])),
                "end": iso(int(memory.days[-1])),
                "benchmark": "market",
                "execution": {"max_volume_pct": None},
            }
        )
    )
    expected, found = run(canonical, memory), run(canonical, mapped)
    assert {**found.result, "provenance": 0} == {**expected.result, "provenance": 0}
    assert found.result_digest == expected.result_digest
    assert len(found.result["trades"]) > 20
    assert audit(canonical, mapped, seed=2, cuts=2)["identical"]
