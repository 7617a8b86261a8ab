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
    assert all(example.detail == "net_income without net_income_owners" for example in found["owners_part"])
