"""Quality: returns on capital, margins, turnover, and the nine tests of the F-score."""

from __future__ import annotations

import numpy as np

from shared.factors.formulas import Formula, Values, positive
from shared.factors.native import Array

UNKNOWN_TAX_RATE = 0.25
SHARES_TOLERANCE = 1.005
LEAST_TESTS = 5


def return_on_equity(x: Values) -> Array:
    """NI_ttm / equity in percent."""
    percent: Array = x["net_income"] / positive(x["total_equity"]) * 100
    return percent


def return_on_invested_capital(x: Values) -> Array:
    """After-tax operating income on equity and debt less cash, in percent."""
    taxed = x["net_income"] + x["income_tax"]
    rate = np.where(np.isnan(taxed) | (taxed == 0), UNKNOWN_TAX_RATE, np.clip(x["income_tax"] / taxed, 0, 0.5))
    capital = x["total_equity"] + x["interest_bearing_debt"] - x["cash_and_equivalents"]
    percent: Array = x["operating_income"] * (1 - rate) / positive(capital) * 100
    return percent


def score_of_statements(x: Values) -> tuple[Array, Array]:
    """The eight F-score tests that need statements only: points, and how many tests can be decided."""

    def pair(above: str, below: str) -> tuple[Array, Array]:
        return (
            x[above] / positive(x[below]),
            x[f"{above} 1 year ago"] / positive(x[f"{below} 1 year ago"]),
        )

    def margin(when: str) -> Array:
        sales: Array = x[f"revenue{when}"]
        return (sales - x[f"cost_of_sales{when}"]) / positive(sales)

    zero = np.zeros_like(x["net_income"])
    debt, debt_before = pair("interest_bearing_debt", "total_assets")
    tests = (  # each passes when the left side is greater
        (x["net_income"], zero),
        (x["operating_cash_flow"], zero),
        pair("net_income", "total_assets"),
        (x["operating_cash_flow"], x["net_income"]),
        (debt_before, debt),
        pair("current_assets", "current_liabilities"),
        (margin(""), margin(" 1 year ago")),
        pair("revenue", "total_assets"),
    )
    points, decided = zero.copy(), zero.copy()
    for left, right in tests:
        points += left > right
        decided += ~(np.isnan(left) | np.isnan(right))
    return points, decided


def quality_score(x: Values) -> Array:
    """The F-score: tests passed of those of the statements and of "listed shares not up"."""
    before = x["listed_shares 240 rows ago"] * x["splits of 240 rows"] * SHARES_TOLERANCE
    points = x["quality points"] + (x["listed_shares"] <= before)
    decided = x["quality tests"] + ~(np.isnan(x["listed_shares"]) | np.isnan(before))
    return np.where(decided >= LEAST_TESTS, points, np.nan)


QUALITY: dict[str, Formula] = {
    "ROE": return_on_equity,
    "ROA": lambda x: x["net_income"] / positive(x["total_assets"]) * 100,
    "ROIC": return_on_invested_capital,
    "GPM": lambda x: (x["revenue"] - x["cost_of_sales"]) / positive(x["revenue"]) * 100,
    "OPM": lambda x: x["operating_income"] / positive(x["revenue"]) * 100,
    "NPM": lambda x: x["net_income"] / positive(x["revenue"]) * 100,
    "ASSET_TURNOVER": lambda x: x["revenue"] / positive(x["total_assets"]),
    "INVENTORY_TURNOVER": lambda x: x["cost_of_sales"] / positive(x["inventories"]),
    "QUALITY_SCORE": quality_score,
    "ACCRUALS_RATIO": lambda x: (x["net_income"] - x["operating_cash_flow"]) / positive(x["total_assets"]),
}
