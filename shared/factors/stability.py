"""Stability: debt, liquidity, coverage, and the distance from bankruptcy."""

from __future__ import annotations

from shared.factors.formulas import Formula, Values, positive
from shared.factors.native import Array


def altman_z(x: Values) -> Array:
    """Altman's Z with the market's value of equity."""
    assets = positive(x["total_assets"])
    return (
        1.2 * (x["current_assets"] - x["current_liabilities"]) / assets
        + 1.4 * x["retained_earnings"] / assets
        + 3.3 * x["operating_income"] / assets
        + 0.6 * x["cap"] / positive(x["total_liabilities"])
        + 1.0 * x["revenue"] / assets
    )


STABILITY: dict[str, Formula] = {
    "DEBT_TO_EQUITY": lambda x: x["interest_bearing_debt"] / positive(x["total_equity"]),
    "DEBT_RATIO": lambda x: x["total_liabilities"] / positive(x["total_equity"]) * 100,
    "CURRENT_RATIO": lambda x: x["current_assets"] / positive(x["current_liabilities"]),
    "QUICK_RATIO": lambda x: (x["current_assets"] - x["inventories"]) / positive(x["current_liabilities"]),
    "INTEREST_COVERAGE": lambda x: x["operating_income"] / positive(x["interest_expense"]),
    "ALTMAN_Z_SCORE": altman_z,
    "EARNINGS_QUALITY": lambda x: x["operating_cash_flow"] / positive(x["net_income"]),
}
