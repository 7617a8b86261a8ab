"""Growth: the same quantity now, a year ago and three years ago."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.factors.declaration import DIVIDEND_LOOKBACK_ROWS, Array, Factor, Formula, Values
from shared.factors.formulas import earnings_of_both, growth, positive
from shared.factors.native import third_root
from shared.factors.quality import return_on_equity


def _one_year(account: str) -> Formula:
    return lambda x: growth(x[account], x[f"{account} 1 year ago"])


def _yearly_over_three(now: Array, base: Array) -> Array:
    return (third_root(positive(now) / positive(base)) - 1) * 100


def revenue_growth_3y(x: Values) -> Array:
    """Return the yearly growth of REV_ttm over three years, in percent."""
    return _yearly_over_three(x["revenue"], x["revenue 3 years ago"])


def earnings_growth_1y(x: Values) -> Array:
    """Return the growth of NI_ttm over a year, in percent."""
    return growth(*earnings_of_both(x, "1 year ago"))


def earnings_growth_3y(x: Values) -> Array:
    """Return the yearly growth of NI_ttm over three years, in percent."""
    return _yearly_over_three(*earnings_of_both(x, "3 years ago"))


def sustainable_growth(x: Values) -> Array:
    """Return ROE times the part of NI_ttm that is not paid out as dividends, in percent."""
    payout = np.clip(x["dividends"] * x["listed_shares"] / positive(x["net_income"]), 0, 1)
    return return_on_equity(x) * (1 - payout)


GROWTH: Final[tuple[Factor, ...]] = (
    Factor(
        key="REVENUE_GROWTH_1Y",
        name_ko="매출액증가율 1년",
        name_en="Revenue growth 1Y",
        category="growth",
        unit="%",
        formula="(REV_ttm / REV_ttm a year ago - 1) * 100",
        inputs="revenue",
        null_when="base <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("revenue", "revenue 1 year ago"),
        compute=_one_year("revenue"),
    ),
    Factor(
        key="REVENUE_GROWTH_3Y",
        name_ko="매출액증가율 3년",
        name_en="Revenue CAGR 3Y",
        category="growth",
        unit="%",
        formula="((REV_ttm / REV_ttm 3 years ago)^(1/3) - 1) * 100",
        inputs="revenue",
        null_when="base <= 0 or REV_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("revenue", "revenue 3 years ago"),
        compute=revenue_growth_3y,
    ),
    Factor(
        key="EARNINGS_GROWTH_1Y",
        name_ko="순이익증가율 1년",
        name_en="Earnings growth 1Y",
        category="growth",
        unit="%",
        formula="(NI_ttm / NI_ttm a year ago - 1) * 100",
        inputs="net_income",
        null_when="base <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("earnings", "earnings 1 year ago"),
        compute=earnings_growth_1y,
    ),
    Factor(
        key="EARNINGS_GROWTH_3Y",
        name_ko="순이익증가율 3년",
        name_en="Earnings CAGR 3Y",
        category="growth",
        unit="%",
        formula="((NI_ttm / NI_ttm 3 years ago)^(1/3) - 1) * 100",
        inputs="net_income",
        null_when="base <= 0 or NI_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("earnings", "earnings 3 years ago"),
        compute=earnings_growth_3y,
    ),
    Factor(
        key="OCF_GROWTH_1Y",
        name_ko="영업현금흐름증가율",
        name_en="Operating cash flow growth 1Y",
        category="growth",
        unit="%",
        formula="(OCF_ttm / OCF_ttm a year ago - 1) * 100",
        inputs="operating_cash_flow",
        null_when="base <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("operating_cash_flow", "operating_cash_flow 1 year ago"),
        compute=_one_year("operating_cash_flow"),
    ),
    Factor(
        key="ASSET_GROWTH_1Y",
        name_ko="자산증가율",
        name_en="Asset growth 1Y",
        category="growth",
        unit="%",
        formula="(assets / assets a year ago - 1) * 100",
        inputs="total_assets",
        null_when="base <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("total_assets", "total_assets 1 year ago"),
        compute=_one_year("total_assets"),
    ),
    Factor(
        key="BOOK_VALUE_GROWTH_1Y",
        name_ko="순자산증가율",
        name_en="Book value growth 1Y",
        category="growth",
        unit="%",
        formula="(equity / equity a year ago - 1) * 100",
        inputs="total_equity",
        null_when="base <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("total_equity", "total_equity 1 year ago"),
        compute=_one_year("total_equity"),
    ),
    Factor(
        key="SUSTAINABLE_GROWTH_RATE",
        name_ko="지속가능성장률",
        name_en="Sustainable growth rate",
        category="growth",
        unit="%",
        formula="ROE * (1 - payout) with payout = clip(DPS_ttm * listed_shares / NI_ttm; 0; 1)",
        inputs="ROE; dividends; net_income",
        null_when="ROE null or NI_ttm <= 0 or no dividend data",
        kind="mixed",
        lookback_rows=DIVIDEND_LOOKBACK_ROWS,
        version=2,
        needs=("net_income", "book_equity", "dividends", "listed_shares", "earnings"),
        compute=sustainable_growth,
    ),
)
