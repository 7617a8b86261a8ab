"""Checks of statements for the quality report."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from shared.model.calendar import to_day
from shared.model.market_data import ACCOUNTS, Statements
from shared.quality.statement_checks import check_statements


def _statements(**accounts: list[float]) -> Statements:
    """Two statements of stock A and one of stock B."""
    days = np.full(3, to_day(dt.date(2023, 5, 15)), np.int32)
    return Statements(
        instrument=np.array([0, 0, 1], np.int32), fiscal_year=np.full(3, 2023, np.int32),
        fiscal_quarter=np.array([1, 2, 1], np.int32), period_end=days - 45, disclosed_on=days,
        accounts={name: np.array(accounts.get(name, [np.nan] * 3)) for name in ACCOUNTS},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("owners", "stocks"),
    [([np.nan, np.nan, np.nan], ["A", "B"]), ([np.nan, 1.0, np.nan], ["B"]), ([1.0, 1.0, 1.0], [])],
)
def test_stock_that_never_states_the_owners_part_is_found(owners: list[float], stocks: list[str]) -> None:
    statements = _statements(net_income=[1.0, 2.0, 3.0], net_income_owners=owners)
    found = {finding.check: finding.examples for finding in check_statements(statements, ["A", "B"])}
    assert [example.stock_code for example in found["owners_part"]] == stocks
    assert all(
        example.detail == "the statements have net_income without net_income_owners" for example in found["owners_part"]
    )


def _revenues(amounts: list[float]) -> Statements:
    """Statements of one stock, a quarter apart, with these revenues."""
    count = len(amounts)
    ends = np.array([to_day(dt.date(2018 + at // 4, 3 * (at % 4) + 3, 28)) for at in range(count)], np.int32)
    return Statements(
        instrument=np.zeros(count, np.int32), fiscal_year=np.array([2018 + at // 4 for at in range(count)], np.int32),
        fiscal_quarter=np.array([at % 4 + 1 for at in range(count)], np.int32), period_end=ends,
        disclosed_on=ends + 45,
        accounts={name: np.array(amounts if name == "revenue" else [np.nan] * count) for name in ACCOUNTS},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("revenues", "scaled", "quarantined"),
    [
        ([1e3, 2e3, 3e3, 4e6, 1e6, 2e6, 3e6, 4e6], ["2018-05-12", "2018-08-12", "2018-11-12"], ["2019-05-12"]),
        ([1e6, 2e6, 3e6, 4e6, 1e6, 2e6, 3e6, 4e9], [], ["2020-02-11"]),
        ([1e6, 2e6, 3e6, 4e9], [], []),
        ([1e6, 2e6, 3e6, 4e6, 1e6], [], []),
    ],
)
def test_amounts_of_another_unit_are_found(revenues: list[float], scaled: list[str], quarantined: list[str]) -> None:
    found = {finding.check: finding.examples for finding in check_statements(_revenues(revenues), ["A"])}
    assert sorted(example.date for example in found["amount_scale"]) == scaled
    assert [example.date for example in found["quarantine"]] == quarantined
    assert all("times the company's median" in example.detail for example in found["amount_scale"])
