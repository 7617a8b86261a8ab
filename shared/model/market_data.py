"""A market as loaded, in arrays: what the preparer reads and everything else is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.model.instruments import Instruments

FLOWS = (
    "revenue",
    "cost_of_sales",
    "operating_income",
    "net_income",
    "interest_expense",
    "income_tax",
    "depreciation_amortization",
    "operating_cash_flow",
    "capital_expenditure",
)
"""Accounts cumulated from the start of the fiscal year, won."""

BALANCES = (
    "total_assets",
    "current_assets",
    "cash_and_equivalents",
    "inventories",
    "intangible_assets",
    "total_liabilities",
    "current_liabilities",
    "interest_bearing_debt",
    "retained_earnings",
    "total_equity",
)
"""Accounts at period end, won."""

ACCOUNTS = FLOWS + BALANCES

PRICE_COLUMNS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "trading_value",
    "market_cap",
    "listed_shares",
    "change",
    "change_rate",
    "split",
)


@dataclass(frozen=True, kw_only=True)
class Statements:
    """Every loaded statement, one row each, in any order. Days are day numbers; an absent account is NaN."""

    instrument: np.ndarray  # int32 [S], ordinal
    fiscal_year: np.ndarray  # int32 [S]
    fiscal_quarter: np.ndarray  # int32 [S], 1..4
    period_end: np.ndarray  # int32 [S]
    disclosed_on: np.ndarray  # int32 [S]
    accounts: dict[str, np.ndarray]  # float64 [S] for every name of ACCOUNTS


@dataclass(frozen=True, kw_only=True)
class Dividends:
    """Every loaded dividend row. `disclosed_on` is the smallest int32 where the column is not loaded or null."""

    instrument: np.ndarray  # int32 [V], ordinal
    ex_date: np.ndarray  # int32 [V]
    dps: np.ndarray  # float64 [V], won a share on the price basis of ex_date
    disclosed_on: np.ndarray  # int32 [V]


@dataclass(frozen=True, kw_only=True)
class RawMarket:
    """Rows are the market's trading days, columns its instruments (or one part of them)."""

    days: np.ndarray  # int32 [D]
    instruments: Instruments  # N columns
    prices: dict[str, np.ndarray]  # each name of PRICE_COLUMNS -> float64 [D, N], NaN where null or without a row
    statements: Statements
    dividends: Dividends
    indices: dict[str, np.ndarray]  # name -> float64 [D] close, NaN on rows that the series lacks
