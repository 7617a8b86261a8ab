"""Quality: returns on capital, margins, turnover, and the nine tests of the F-score."""

from __future__ import annotations

from typing import Final

import numpy as np

from shared.factors.declaration import Array, Factor, Values
from shared.factors.formulas import positive

UNKNOWN_TAX_RATE: Final = 0.25
SHARES_TOLERANCE: Final = 1.005
SHARES_ROWS: Final = 240
MIN_TESTS: Final = 5


def return_on_equity(x: Values) -> Array:
    """Return NI_ttm / equity in percent, both the owners' part where it is known."""
    percent: Array = x["earnings"] / positive(x["book_equity"]) * 100
    return percent


def return_on_invested_capital(x: Values) -> Array:
    """Return after-tax operating income on equity and debt less cash, in percent."""
    taxed = x["net_income"] + x["income_tax"]
    rate = np.where(np.isnan(taxed) | (taxed == 0), UNKNOWN_TAX_RATE, np.clip(x["income_tax"] / taxed, 0, 0.5))
    capital = x["total_equity"] + x["interest_bearing_debt"] - x["cash_and_equivalents"]
    percent: Array = x["operating_income"] * (1 - rate) / positive(capital) * 100
    return percent


def statement_tests(x: Values) -> tuple[Array, Array]:
    """Return the points of the eight F-score tests that need statements only, and how many can be decided."""

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
    """Return the F-score: tests passed of those of the statements and of "listed shares not up"."""
    before = x["listed_shares 240 rows ago"] * x["splits of 240 rows"] * SHARES_TOLERANCE
    points = x["quality points"] + (x["listed_shares"] <= before)
    decided = x["quality tests"] + ~(np.isnan(x["listed_shares"]) | np.isnan(before))
    return np.where(decided >= MIN_TESTS, points, np.nan)


QUALITY: Final[tuple[Factor, ...]] = (
    Factor(
        key="ROE",
        name_ko="자기자본이익률",
        name_en="Return on equity",
        category="quality",
        unit="%",
        formula="NI_ttm / equity * 100",
        inputs="net_income; total_equity",
        null_when="equity <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("earnings", "book_equity"),
        compute=return_on_equity,
    ),
    Factor(
        key="ROA",
        name_ko="총자산이익률",
        name_en="Return on assets",
        category="quality",
        unit="%",
        formula="NI_ttm / assets * 100",
        inputs="net_income; total_assets",
        null_when="assets <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("net_income", "total_assets"),
        compute=lambda x: x["net_income"] / positive(x["total_assets"]) * 100,
    ),
    Factor(
        key="ROIC",
        name_ko="투하자본수익률",
        name_en="Return on invested capital",
        category="quality",
        unit="%",
        formula=(
            "NOPAT / (equity + debt - cash) * 100 with NOPAT = OI_ttm * (1 - t) and t = "
            "clip(tax_ttm / (NI_ttm + tax_ttm); 0; 0.5) or 0.25 when undefined"
        ),
        inputs="operating_income; income_tax; net_income; total_equity; debt; cash",
        null_when="denominator <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("operating_income", "total_equity", "interest_bearing_debt", "cash_and_equivalents"),
        compute=return_on_invested_capital,
    ),
    Factor(
        key="GPM",
        name_ko="매출총이익률",
        name_en="Gross profit margin",
        category="quality",
        unit="%",
        formula="GP_ttm / REV_ttm * 100 with GP = revenue - cost_of_sales",
        inputs="revenue; cost_of_sales",
        null_when="REV_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("revenue", "cost_of_sales"),
        compute=lambda x: (x["revenue"] - x["cost_of_sales"]) / positive(x["revenue"]) * 100,
    ),
    Factor(
        key="OPM",
        name_ko="영업이익률",
        name_en="Operating margin",
        category="quality",
        unit="%",
        formula="OI_ttm / REV_ttm * 100",
        inputs="operating_income; revenue",
        null_when="REV_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("operating_income", "revenue"),
        compute=lambda x: x["operating_income"] / positive(x["revenue"]) * 100,
    ),
    Factor(
        key="NPM",
        name_ko="순이익률",
        name_en="Net margin",
        category="quality",
        unit="%",
        formula="NI_ttm / REV_ttm * 100",
        inputs="net_income; revenue",
        null_when="REV_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("net_income", "revenue"),
        compute=lambda x: x["net_income"] / positive(x["revenue"]) * 100,
    ),
    Factor(
        key="ASSET_TURNOVER",
        name_ko="자산회전율",
        name_en="Asset turnover",
        category="quality",
        unit="x",
        formula="REV_ttm / assets",
        inputs="revenue; total_assets",
        null_when="assets <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("revenue", "total_assets"),
        compute=lambda x: x["revenue"] / positive(x["total_assets"]),
    ),
    Factor(
        key="INVENTORY_TURNOVER",
        name_ko="재고자산회전율",
        name_en="Inventory turnover",
        category="quality",
        unit="x",
        formula="COGS_ttm / inventories",
        inputs="cost_of_sales; inventories",
        null_when="inventories <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("cost_of_sales", "inventories"),
        compute=lambda x: x["cost_of_sales"] / positive(x["inventories"]),
    ),
    Factor(
        key="QUALITY_SCORE",
        name_ko="품질점수",
        name_en="Piotroski F-score",
        category="quality",
        unit="0..9",
        formula=(
            "one point each: NI_ttm > 0; OCF_ttm > 0; ROA up on a year ago; OCF_ttm > NI_ttm; debt/assets down; "
            "current ratio up; listed shares not up; gross margin up; asset turnover up"
        ),
        inputs="two years of statements; listed_shares",
        null_when="fewer than 5 of the nine tests can be decided (an undecidable test scores 0)",
        kind="mixed",
        lookback_rows=240,
        version=2,
        needs=("quality tests",),
        compute=quality_score,
    ),
    Factor(
        key="ACCRUALS_RATIO",
        name_ko="발생액 비율",
        name_en="Accruals ratio",
        category="quality",
        unit="x",
        formula="(NI_ttm - OCF_ttm) / assets",
        inputs="net_income; operating_cash_flow; total_assets",
        null_when="assets <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("net_income", "operating_cash_flow", "total_assets"),
        compute=lambda x: (x["net_income"] - x["operating_cash_flow"]) / positive(x["total_assets"]),
    ),
)
