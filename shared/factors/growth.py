"""Growth: the same quantity now, a year ago and three years ago."""

from __future__ import annotations

import numpy as np

from shared.factors.formulas import Formula, Values, growth, positive
from shared.factors.native import Array, third_root
from shared.factors.quality import return_on_equity


def _one_year(account: str) -> Formula:
    return lambda x: growth(x[account], x[f"{account} 1 year ago"])


def _three_years(account: str) -> Formula:
    return lambda x: (third_root(positive(x[account]) / positive(x[f"{account} 3 years ago"])) - 1) * 100


def sustainable_growth(x: Values) -> Array:
    """ROE times what is not paid out."""
    payout = np.clip(x["dividends"] * x["listed_shares"] / positive(x["net_income"]), 0, 1)
    return return_on_equity(x) * (1 - payout)


GROWTH: dict[str, Formula] = {
    "REVENUE_GROWTH_1Y": _one_year("revenue"),
    "REVENUE_GROWTH_3Y": _three_years("revenue"),
    "EARNINGS_GROWTH_1Y": _one_year("net_income"),
    "EARNINGS_GROWTH_3Y": _three_years("net_income"),
    "OCF_GROWTH_1Y": _one_year("operating_cash_flow"),
    "ASSET_GROWTH_1Y": _one_year("total_assets"),
    "BOOK_VALUE_GROWTH_1Y": _one_year("total_equity"),
    "SUSTAINABLE_GROWTH_RATE": sustainable_growth,
    "OPERATING_INCOME_GROWTH_YOY": _one_year("operating_income"),
}
