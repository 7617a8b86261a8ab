"""Why factors are absent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shared.factors.catalogue import FACTORS
from shared.factors.compute import FactorInputs, RowContext, compute_factors
from shared.factors.coverage import (
    STOCK_DAYS,
    absent_reasons,
    input_coverage,
    merge_coverage,
    yearly_reasons,
)
from tests.support.build_in_memory import coverage_reasons
from tests.unit.factors.random_raw import inputs_of, random_raw
from tests.unit.factors.test_compute_same_bits import columns_of

KEYS = tuple(factor.key for factor in FACTORS)


def without(inputs: FactorInputs, *accounts: str) -> FactorInputs:
    lost = {name: np.full(len(inputs.statements.instrument), np.nan) for name in accounts}
    return replace(inputs, statements=replace(inputs.statements, accounts={**inputs.statements.accounts, **lost}))


def test_a_lost_account_is_named_for_each_factor_that_needs_it() -> None:
    inputs = without(inputs_of(random_raw(1, 420, 8)), "cash_and_equivalents", "revenue")
    reasons = coverage_reasons(inputs)
    assert reasons["ROIC"] == "no statements with cash_and_equivalents"
    assert reasons["PSR"] == "no statements with revenue (for a whole trailing year)"
    assert reasons["EV_SALES"] == "no statements with cash_and_equivalents, revenue"
    assert "PER" not in reasons
    assert "MARKET_CAP" not in reasons


def test_accounts_that_are_never_known_together_are_named() -> None:
    inputs = inputs_of(random_raw(1, 420, 8))
    accounts = {name: values.copy() for name, values in inputs.statements.accounts.items()}
    accounts["current_assets"][inputs.statements.instrument % 2 == 0] = np.nan
    accounts["current_liabilities"][inputs.statements.instrument % 2 == 1] = np.nan
    lost = replace(inputs, statements=replace(inputs.statements, accounts=accounts))
    reason = coverage_reasons(lost)["CURRENT_RATIO"]
    assert reason == "current_assets, current_liabilities are never known together"


def test_a_lost_index_and_lost_trading_values_are_named() -> None:
    inputs = inputs_of(random_raw(1, 420, 8))
    lost = replace(inputs, index_close={}, trading_value=np.full_like(inputs.trading_value, np.nan))
    reasons = coverage_reasons(lost)
    assert reasons == {
        "BETA": "no index of the stocks' markets",
        "RELATIVE_STRENGTH": "no index of the stocks' markets",
        "VOLUME_MOMENTUM": "no trading_value",
    }


def test_a_short_history_is_named() -> None:
    assert coverage_reasons(inputs_of(random_raw(1, 100, 8)))["MOMENTUM_6M"] == "no close 120 rows ago"


def test_a_factor_with_a_reason_has_no_value() -> None:
    for seed in range(5):
        inputs = without(inputs_of(random_raw(seed, 130, 6)), "inventories", "net_income")
        found = compute_factors(inputs, KEYS, slice(0, 130))
        for key, reason in coverage_reasons(inputs).items():
            assert np.isnan(found[key]).all(), (key, reason)


def test_no_factor_has_more_values_than_its_inputs() -> None:
    inputs = inputs_of(random_raw(3, 420, 12))
    found = compute_factors(inputs, KEYS, slice(0, 420))
    counts = merge_coverage([{0: counts} for counts in input_coverage(RowContext(inputs, slice(0, 420))).values()])[0]
    for factor in FACTORS:
        values = int(np.count_nonzero(~np.isnan(found[factor.key])))
        assert values <= counts[STOCK_DAYS]
        assert all(values <= counts[need] for need in factor.needs), factor.key


def test_parts_add_up_to_the_whole_by_year() -> None:
    inputs = inputs_of(random_raw(4, 300, 9))
    whole = input_coverage(RowContext(inputs, slice(20, 300)))
    parts = [input_coverage(RowContext(columns_of(inputs, np.arange(a, a + 3)), slice(20, 300))) for a in (0, 3, 6)]
    assert merge_coverage(parts) == whole
    assert sorted(whole) == [2021, 2022]


def test_yearly_reasons_name_the_least_known_input_and_share() -> None:
    reasons = yearly_reasons({2023: {STOCK_DAYS: 200, "company_cap": 200, "earnings": 50}, 2024: {STOCK_DAYS: 0}})
    assert reasons["PER"] == {
        2023: "net_income is known on 25 % of stock-days",
        2024: "no stock has a close",
    }
    assert absent_reasons({2023: {STOCK_DAYS: 1, "company_cap": 1}})["PER"].startswith("no statements with net_income")
