"""Factors beside the seven categories of the catalogue, which strategies need."""

from __future__ import annotations

from typing import Final

from shared.factors.declaration import Factor
from shared.factors.formulas import growth

FURTHER: Final[tuple[Factor, ...]] = (
    Factor(
        key="CHANGE_RATE",
        name_ko="등락률",
        name_en="Daily change",
        category="extra",
        unit="%",
        formula="(aclose / aclose of the previous row - 1) * 100",
        inputs="adjusted close",
        null_when="either close missing",
        kind="price",
        lookback_rows=1,
        version=2,
        needs=("close 1 rows ago",),
    ),
    Factor(
        key="MARKET_CAP",
        name_ko="시가총액",
        name_en="Market capitalisation",
        category="extra",
        unit="won",
        formula="close * listed_shares (or the loaded market_cap)",
        inputs="close; listed_shares",
        null_when="",
        kind="price",
        lookback_rows=0,
        version=2,
        needs=("cap",),
        compute=lambda x: x["cap"],
    ),
    Factor(
        key="OPERATING_INCOME_GROWTH_YOY",
        name_ko="영업이익증가율",
        name_en="Operating income growth 1Y",
        category="extra",
        unit="%",
        formula="(OI_ttm / OI_ttm a year ago - 1) * 100",
        inputs="operating_income",
        null_when="base <= 0",
        kind="statement",
        lookback_rows=0,
        version=2,
        needs=("operating_income", "operating_income 1 year ago"),
        compute=lambda x: growth(x["operating_income"], x["operating_income 1 year ago"]),
    ),
)
