"""Breakdowns of factor reports: a group is the universe that has only its stocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.model.panels import Panels
from shared.research.factor_reports.breakdowns import members_of
from shared.research.factor_reports.forward_returns import Exit, forward_returns
from shared.research.factor_reports.native import Ranked
from shared.research.factor_reports.report import factor_report
from shared.research.factor_reports.rows import Subject
from shared.simulation.plan import expressions_of
from shared.simulation.universe import universe_rows
from tests.unit.research.factor_reports.fixtures import options, request, world

FACTOR = "pct_change(close, 3)"
FIELDS = {"market": "markets", "sector": "sectors", "cap_group": "cap_groups"}


def market(seed: int) -> Panels:
    return world(seed, rows=50, stocks=260)[0]


def report(panels: Panels, factor: str = FACTOR, neutral: str = "none", **universe: Any) -> dict[str, Any]:
    given = options(horizons=(1, 4), neutral=neutral, breakdowns=("sector", "market", "cap_group"))
    return factor_report(request(panels, factor, **universe), panels, given)


@pytest.mark.parametrize("seed", [3, 8, 12])
def test_group_is_the_universe_of_its_stocks(seed: int) -> None:
    panels = market(seed)
    whole = report(panels)
    compared = 0
    for group in whole["groups"]:
        if not group["rank_ic"]["rows"]:
            continue
        alone = report(panels, **{FIELDS[group["by"]]: [group["group"]]})
        at = next(one for one in alone["horizons"] if one["horizon"] == group["horizon"])
        for name in ("rows", "mean", "t", "lags"):
            assert group["rank_ic"][name] == pytest.approx(at["rank_ic"][name], rel=1e-9, nan_ok=True), group
        compared += 1
    assert compared > 4
    by = {group["by"] for group in whole["groups"]}
    assert {"sector", "market"} <= by


@pytest.mark.parametrize("seed", [3, 8])
def test_spread_equals_the_plain_loop(seed: int) -> None:
    panels = market(seed)
    found = {(g["by"], g["group"], g["horizon"]): g for g in report(panels)["groups"]}
    rows = slice(5, len(panels.days))
    values = _values(panels, rows)
    ranked = Ranked.of(values, panels.instruments.by_code, 5)
    returns = np.asarray(forward_returns(panels, rows, 4, Exit()), np.float64)
    for name, member in members_of("market", panels, rows):
        if ("market", name, 4) not in found:
            continue
        spreads = []
        for row in range(len(values)):
            sides = []
            for bucket in (5, 1):
                chosen = [
                    returns[row, column]
                    for column in range(values.shape[1])
                    if member[row, column] and ranked.buckets[row, column] == bucket
                    and not np.isnan(returns[row, column])
                ]  # fmt: skip
                sides.append(sum(chosen) / len(chosen) if chosen else None)
            if None not in sides:
                spreads.append(sides[0] - sides[1])
        expected = sum(spreads) / len(spreads) if spreads else None
        assert found["market", name, 4]["spread"]["rows"] == len(spreads)
        assert found["market", name, 4]["spread"]["mean"] == pytest.approx(expected, rel=1e-6)


def _values(panels: Panels, rows: slice) -> np.ndarray:
    asked = request(panels, FACTOR)
    expressions = expressions_of(asked)
    universe = universe_rows(asked.strategy.universe, panels, expressions.universe)
    return Subject(panels=panels, factor=expressions.rank_by, universe=universe, neutral="none").values(rows)


def test_neutral_groups_read_neutral_values() -> None:
    panels = market(8)
    plain, neutral = report(panels), report(panels, neutral="sector")
    assert plain["groups"] != neutral["groups"]
    inside = [g for g in neutral["groups"] if g["by"] == "sector" and g["rank_ic"]["rows"]]
    same = {(g["group"], g["horizon"]): g for g in plain["groups"] if g["by"] == "sector"}
    assert inside
    for group in inside:  # ranks inside a sector do not change when its mean is taken from all of them
        expected = same[group["group"], group["horizon"]]["rank_ic"]["mean"]
        assert group["rank_ic"]["mean"] == pytest.approx(expected, abs=0.02)


def test_report_without_breakdowns_has_no_groups() -> None:
    panels = market(3)
    assert factor_report(request(panels, FACTOR), panels, options())["groups"] is None
