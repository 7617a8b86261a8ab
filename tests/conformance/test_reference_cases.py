"""The reference gives the right values on markets whose data are wrong, sparse or extreme."""

from __future__ import annotations

import pytest

from tests.conformance.handed_cases import CASES, FACTORS, HandedCase
from tests.reference_v2 import engine, factors
from tests.support.cases import case_market, case_request


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reference_gives_the_right_value_of_the_case(case: HandedCase) -> None:
    found = engine.backtest(case.loaded(), case.asked())
    if case.equity is not None:
        curve = [point["equity"] for point in found["equity"]][-len(case.equity) :]
        assert curve == pytest.approx(case.equity, rel=1e-9)
    if case.benchmark is not None:
        assert found["equity"][-1]["benchmark"] == pytest.approx(case.benchmark, rel=1e-9)
    if case.trades is not None:
        assert [(t["date"], t["side"], t["shares"], t["price"]) for t in found["trades"]] == list(case.trades)
    if case.unfilled is not None:
        assert found["unfilled"] == case.unfilled
    for name, value in case.statistics.items():
        assert found["statistics"][name] == (value if value is None else pytest.approx(value, rel=1e-9)), name
    assert set(case.warnings) <= set(found["warnings"])


def test_reference_refuses_a_benchmark_that_is_not_loaded() -> None:
    with pytest.raises(engine.RefusedError) as refused:
        engine.backtest(case_market("31"), case_request("31", 4))
    assert refused.value.kind == "benchmark"


def test_reference_gives_the_right_factors_of_statements() -> None:
    found = factors.table(case_market("20"))
    for code, date, key, value in FACTORS:
        expected = value if value is None else pytest.approx(value, rel=1e-5)
        assert found[date][code].get(key) == expected, (code, date, key)
