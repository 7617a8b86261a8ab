"""Stability: debt, liquidity, coverage, and the distance from bankruptcy."""

from __future__ import annotations

from typing import Final

from shared.factors.declaration import Array, Factor, Values
from shared.factors.formulas import positive


def altman_z(x: Values) -> Array:
    """Return Altman's Z with the market value of the company's equity."""
    assets = positive(x["total_assets"])
    return (
        1.2 * (x["current_assets"] - x["current_liabilities"]) / assets
        + 1.4 * x["retained_earnings"] / assets
        + 3.3 * x["operating_income"] / assets
        + 0.6 * x["company_cap"] / positive(x["total_liabilities"])
        + 1.0 * x["revenue"] / assets
    )


STABILITY: Final[tuple[Factor, ...]] = (
    Factor(
        key="DEBT_TO_EQUITY",
        name_ko="차입금/자기자본",
        name_en="Debt to equity",
        category="stability",
        unit="x",
        formula="interest_bearing_debt / equity",
        inputs="debt; total_equity",
        null_when="equity <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("interest_bearing_debt", "total_equity"),
        compute=lambda x: x["interest_bearing_debt"] / positive(x["total_equity"]),
    ),
    Factor(
        key="DEBT_RATIO",
        name_ko="부채비율",
        name_en="Liabilities to equity",
        category="stability",
        unit="%",
        formula="total_liabilities / equity * 100",
        inputs="total_liabilities; total_equity",
        null_when="equity <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("total_liabilities", "total_equity"),
        compute=lambda x: x["total_liabilities"] / positive(x["total_equity"]) * 100,
    ),
    Factor(
        key="CURRENT_RATIO",
        name_ko="유동비율",
        name_en="Current ratio",
        category="stability",
        unit="x",
        formula="current_assets / current_liabilities",
        inputs="current_assets; current_liabilities",
        null_when="denominator <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("current_assets", "current_liabilities"),
        compute=lambda x: x["current_assets"] / positive(x["current_liabilities"]),
    ),
    Factor(
        key="QUICK_RATIO",
        name_ko="당좌비율",
        name_en="Quick ratio",
        category="stability",
        unit="x",
        formula="(current_assets - inventories) / current_liabilities",
        inputs="current_assets; inventories; current_liabilities",
        null_when="denominator <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("current_assets", "inventories", "current_liabilities"),
        compute=lambda x: (x["current_assets"] - x["inventories"]) / positive(x["current_liabilities"]),
    ),
    Factor(
        key="INTEREST_COVERAGE",
        name_ko="이자보상배율",
        name_en="Interest coverage",
        category="stability",
        unit="x",
        formula="OI_ttm / interest_expense_ttm",
        inputs="operating_income; interest_expense",
        null_when="interest_expense_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("operating_income", "interest_expense"),
        compute=lambda x: x["operating_income"] / positive(x["interest_expense"]),
    ),
    Factor(
        key="ALTMAN_Z_SCORE",
        name_ko="알트만 Z",
        name_en="Altman Z-score",
        category="stability",
        unit="score",
        formula=(
            "1.2*(current_assets - current_liabilities)/assets + 1.4*retained_earnings/assets + 3.3*OI_ttm/assets"
            " + 0.6*cap/total_liabilities + 1.0*REV_ttm/assets"
        ),
        inputs="balance sheet; operating_income; revenue; cap",
        null_when="assets <= 0 or total_liabilities <= 0 or any input missing",
        kind="mixed",
        lookback_rows=0,
        version=2,
        needs=(
            "current_assets",
            "current_liabilities",
            "total_assets",
            "retained_earnings",
            "operating_income",
            "company_cap",
            "total_liabilities",
            "revenue",
        ),
        compute=altman_z,
    ),
    Factor(
        key="BETA",
        name_ko="베타",
        name_en="Beta 252D",
        category="stability",
        unit="x",
        formula=(
            "cov(r_stock; r_index) / var(r_index) over the last 252 rows of daily returns "
            "against the stock's own market index"
        ),
        inputs="adjusted close; index",
        null_when="fewer than 120 pairs",
        kind="price",
        lookback_rows=262,
        version=2,
        needs=("index",),
    ),
    Factor(
        key="EARNINGS_QUALITY",
        name_ko="이익품질",
        name_en="Earnings quality",
        category="stability",
        unit="x",
        formula="OCF_ttm / NI_ttm",
        inputs="operating_cash_flow; net_income",
        null_when="NI_ttm <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("operating_cash_flow", "net_income"),
        compute=lambda x: x["operating_cash_flow"] / positive(x["net_income"]),
    ),
)
