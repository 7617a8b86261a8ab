"""Value: what the market pays for what the company has and earns."""

from __future__ import annotations

from shared.factors.formulas import Formula, Values, free_cash_flow, growth, positive
from shared.factors.native import Array


def price_to_earnings(x: Values) -> Array:
    """cap / NI_ttm."""
    return x["cap"] / positive(x["net_income"])


def price_to_earnings_growth(x: Values) -> Array:
    """PER / EARNINGS_GROWTH_1Y."""
    return price_to_earnings(x) / positive(growth(x["net_income"], x["net_income 1 year ago"]))


def enterprise_value(x: Values) -> Array:
    """cap + debt - cash, won."""
    return x["cap"] + x["interest_bearing_debt"] - x["cash_and_equivalents"]


def ebitda(x: Values) -> Array:
    """Operating income + depreciation and amortisation, won."""
    return x["operating_income"] + x["depreciation_amortization"]


VALUE: dict[str, Formula] = {
    "PER": price_to_earnings,
    "PBR": lambda x: x["cap"] / positive(x["total_equity"]),
    "PSR": lambda x: x["cap"] / positive(x["revenue"]),
    "PCR": lambda x: x["cap"] / positive(x["operating_cash_flow"]),
    "PEG": price_to_earnings_growth,
    "EV_EBITDA": lambda x: enterprise_value(x) / positive(ebitda(x)),
    "EV_SALES": lambda x: enterprise_value(x) / positive(x["revenue"]),
    "EV_FCF": lambda x: enterprise_value(x) / positive(free_cash_flow(x)),
    "DIVIDEND_YIELD": lambda x: x["dividends"] / x["close"] * 100,
    "EARNINGS_YIELD": lambda x: x["net_income"] / x["cap"] * 100,
    "FCF_YIELD": lambda x: free_cash_flow(x) / x["cap"] * 100,
    "BOOK_TO_MARKET": lambda x: x["total_equity"] / x["cap"],
    "CAPE_RATIO": lambda x: x["cap"] / positive(x["annual net_income"]),
    "PTBV": lambda x: x["cap"] / positive(x["total_equity"] - x["intangible_assets"]),
}
