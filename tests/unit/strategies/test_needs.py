"""Factors and inputs that strategies need."""

from __future__ import annotations

import pytest

from shared.strategies.catalogue import BY_ID, FAMOUS, PRESETS, Entry
from shared.strategies.needs import needs_of


def test_needs_come_from_every_expression() -> None:
    needs = needs_of({
        "buy": {"where": "PER < 10"}, "sell": {"where": "ROE < 5"}, "universe": {"where": "DEBT_RATIO < 100"},
        "portfolio": {"when": "row_mean(PBR) < 2"},
    })  # fmt: skip
    assert needs.factors == ("DEBT_RATIO", "MARKET_CAP", "PBR", "PER", "ROE")
    assert {"net_income", "total_equity"} <= set(needs.inputs)


def test_invalid_expression_needs_nothing() -> None:
    assert needs_of({"buy": {"where": "RO < 3", "rank_by": "PER"}}).factors == ("PER",)


@pytest.mark.parametrize("entry", [*FAMOUS, *PRESETS], ids=lambda entry: entry.id)
def test_catalogue_strategy_says_where_it_loses(entry: Entry) -> None:
    assert "Loses" in entry.summary
    assert needs_of(entry.strategy).factors


def test_return_on_capital_needs_debt_and_cash() -> None:
    assert {"interest_bearing_debt", "cash_and_equivalents"} <= set(needs_of(BY_ID["bill_ackman"].strategy).inputs)
